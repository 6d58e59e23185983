"""Is a training by Lightning with faults that of the plain loop with the same faults?"""

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import radhard as rh
from radhard.errors import InputError
from radhard.training import FixedSteps, StepRate, inject
from tests.training.loops import STEPS, batches, build, space

WEIGHTS = space(rh.targets.Weights("*"))

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def lightning():
    """Imported here, since it takes seconds."""
    import lightning.pytorch

    return lightning.pytorch


def fitted(lightning, folder, callbacks, *, fail_at=None, optimizers=1, made=None):
    """A network after its training, and the losses of all steps."""

    class Network(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = build()
            self.losses: list[float] = []

        def training_step(self, batch, number):
            if number == fail_at:
                raise RuntimeError("stopped")
            if not number:
                # The loader has drawn from the generator, which dropout uses.
                torch.manual_seed(0)
            loss = nn.functional.cross_entropy(self.net(batch[0]), batch[1])
            self.losses.append(loss.item())
            return loss

        def validation_step(self, batch, _):
            self.net(batch[0])

        def configure_optimizers(self):
            self.automatic_optimization = optimizers == 1
            return [torch.optim.Adam(self.parameters(), lr=0.05) for _ in range(optimizers)]

    # Of one tensor, whose rows the loader takes in order: the batches of the plain loop.
    inputs, labels = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=len(inputs) // STEPS)
    trainer = lightning.Trainer(
        max_epochs=1,
        callbacks=callbacks,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    network = Network()
    if made is not None:
        made.append(network)
    trainer.fit(network, loader, loader)
    return network


def looped(around):
    """The losses and the model of the plain loop."""
    model, losses = build(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    torch.manual_seed(0)
    with around(model, optimizer):
        for inputs, labels in batches():
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, model


@pytest.mark.parametrize(
    "target",
    [
        rh.targets.Weights("*"),
        rh.targets.Gradients("*"),
        rh.targets.OptimizerState("*"),
        rh.targets.Activations("0"),
    ],
    ids=repr,
)
def test_faults_do_what_they_do_in_the_plain_loop(lightning, tmp_path, target):
    possible = space(target)
    schedule = FixedSteps((3, 5), n=4)
    callback = rh.training.FaultCallback(possible, schedule, module="net", seed=2)
    network = fitted(lightning, tmp_path, [callback])
    losses, model = looped(
        lambda model, optimizer: inject(model, optimizer, possible, schedule, seed=2)
    )
    assert network.losses == losses or any(loss != loss for loss in losses)
    for one, other in zip(network.net.parameters(), model.parameters(), strict=True):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())
    assert callback.injection.steps == STEPS
    assert callback.injection.count == 8


def test_without_a_fault_the_training_is_that_of_lightning_and_no_hook_stays(lightning, tmp_path):
    nothing = rh.training.FaultCallback(WEIGHTS, StepRate(0.0), module="net")
    network = fitted(lightning, tmp_path, [nothing])
    assert network.losses == fitted(lightning, tmp_path, []).losses
    assert not network.net._forward_pre_hooks
    broken = rh.training.FaultCallback(WEIGHTS, FixedSteps((6,)), module="net")
    made = []
    with pytest.raises(RuntimeError, match="stopped"):
        fitted(lightning, tmp_path, [broken], fail_at=3, made=made)
    assert broken.injection.steps == 3
    assert not made[0].net._forward_pre_hooks


def test_a_run_of_trainings_by_lightning_has_twins(lightning, tmp_path):
    def train(seed, faults):
        return fitted(lightning, tmp_path, [rh.training.FaultCallback(faults, module="net")]).losses

    results = rh.training.run(train, WEIGHTS, FixedSteps((4,), n=20), n=2)
    curves = results.curves("loss")
    assert curves.shape == (2, STEPS)
    assert (curves[:, :4] == results.golden("loss")[:, :4]).all()


def test_what_cannot_be_trained_is_said(lightning, tmp_path):
    with pytest.raises(InputError, match="schedule"):
        rh.training.FaultCallback(WEIGHTS)
    callback = rh.training.FaultCallback(WEIGHTS, FixedSteps((1,)), module="nett")
    with pytest.raises(InputError, match="it has net"):
        fitted(lightning, tmp_path, [callback])
    several = rh.training.FaultCallback(WEIGHTS, FixedSteps((1,)), module="net")
    with pytest.raises(InputError, match="2 optimizers"):
        fitted(lightning, tmp_path, [several], optimizers=2)
