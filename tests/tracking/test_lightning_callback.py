"""Does a training with Lightning get the rates of its model, and leave with the same model?"""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import radhard as rh
from radhard.errors import InputError
from radhard.results import Results

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def lightning():
    """Imported here, since it takes seconds."""
    import lightning.pytorch

    return lightning.pytorch


def data() -> TensorDataset:
    torch.manual_seed(0)
    inputs = torch.randn(24, 4)
    return TensorDataset(inputs, (inputs.sum(1) > 0).long())


def trained(lightning, callbacks, folder, epochs=2, logger=None):
    class Network(lightning.LightningModule):
        """A network with the state that a campaign must not change."""

        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x)

        def training_step(self, batch, _):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch, _):
            self.log("loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    trainer = lightning.Trainer(
        max_epochs=epochs,
        callbacks=callbacks,
        default_root_dir=folder,
        logger=logger or False,
        enable_checkpointing=any(isinstance(c, lightning.callbacks.Checkpoint) for c in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    network = Network()
    loader = DataLoader(data(), batch_size=8)
    trainer.fit(network, loader, loader)
    return trainer, network


def test_rates_after_validation_are_metrics_and_the_training_is_what_it_was(lightning, tmp_path):
    plain = trained(lightning, [], tmp_path)[1].state_dict()
    callback = rh.tracking.CampaignCallback(
        data(), when="validation", every=2, sampler="Uniform(30)", store=tmp_path / "runs"
    )
    best = lightning.callbacks.ModelCheckpoint(
        monitor="radhard/critical", every_n_epochs=2, dirpath=tmp_path
    )
    trainer, network = trained(lightning, [callback, best], tmp_path)
    state = network.state_dict()
    assert all(torch.equal(plain[name], state[name]) for name in plain)
    assert network.training
    rate = callback.results.rate()
    assert trainer.callback_metrics["radhard/critical"] == pytest.approx(rate.value)
    assert trainer.callback_metrics["radhard/critical high"] == pytest.approx(rate.high)
    assert best.best_model_score == pytest.approx(rate.value)
    # Of every second epoch, and not of the sanity check.
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["epoch1.db"]
    assert Results.open(tmp_path / "runs" / "epoch1.db").rate() == rate


def test_rates_of_the_trained_model_go_to_the_loggers(lightning, tmp_path):
    logger = lightning.loggers.CSVLogger(tmp_path)
    callback = rh.tracking.CampaignCallback(data(), sampler="Uniform(30)")
    _, network = trained(lightning, [callback], tmp_path, epochs=1, logger=logger)
    alone = rh.run(network, data(), sampler="Uniform(30)")
    assert alone.rate() == callback.results.rate()
    (written,) = tmp_path.rglob("metrics.csv")
    head, *rows = written.read_text().splitlines()
    values = dict(zip(head.split(","), rows[-1].split(","), strict=True))
    assert float(values["radhard/critical"]) == pytest.approx(alone.rate().value)


def test_a_campaign_at_no_time_is_refused(lightning):
    with pytest.raises(InputError, match="when='fit'"):
        rh.tracking.CampaignCallback(data(), when="never")
