"""Are bounds learnt one layer after another, and never at more than the accuracy agreed?"""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from radhard import datasets, models
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.hardenings import FitAct, HyReLU, ProAct, parts
from radhard.hardenings.bounds.pro_act import distillation
from radhard.hardenings.bounds.training import Training
from radhard.workload import Workload


@functools.cache
def digits() -> tuple[nn.Module, Data, Data]:
    train = datasets.load("mnist", split="train", n=300)
    return models.load("lenet5"), train, datasets.load("mnist", split="test", n=500)


@functools.cache
def learnt() -> nn.Module:
    model, train, _ = digits()
    return ProAct(epochs=2, last_epochs=3, weights=(1e-2, 1e-3, 1e-4))(model, train)


def bounds(model: nn.Module) -> dict[str, torch.Tensor]:
    return {path: part.high for path, part in parts(model) if isinstance(part, HyReLU)}


def accuracy(model: nn.Module, data: Data) -> float:
    with torch.no_grad():
        return float((model(data.inputs).argmax(1) == data.labels).double().mean())


def start(hardening: ProAct | FitAct) -> dict[str, torch.Tensor]:
    """The bounds before anything is learnt."""
    model, train, _ = digits()
    changes = {"epochs": 0, "last_epochs": 0} if isinstance(hardening, ProAct) else {"epochs": 0}
    return bounds(type(hardening)(**changes)(model, train))


def test_neurons_have_bounds_before_the_output_and_layers_elsewhere():
    hard = learnt()
    assert [tuple(high.shape) for high in bounds(hard).values()] == [(), (), (), (84,)]
    parameters = sum(p.numel() for p in hard.parameters())
    stored = sum(high.numel() for high in bounds(hard).values())
    assert (parameters, stored) == (61_706, 3 + 84)


def test_bounds_fall_and_none_rises_above_what_was_seen():
    first, last = start(ProAct()), bounds(learnt())
    for path, high in last.items():
        assert (high <= first[path]).all()
        assert (high >= 0).all()
    means = [float((last[path] / first[path].clamp_min(1e-9)).mean()) for path in last]
    assert max(means) <= 1
    assert np.mean(means) < 1


def test_bounds_start_at_the_largest_values_seen():
    model, train, _ = digits()
    seen = train.inputs
    for name in ("conv1", "relu1"):
        seen = model.get_submodule(name)(seen)
    found = start(ProAct())["relu1.hyrelu"]
    assert found > seen.max()
    torch.testing.assert_close(found, seen.max(), rtol=1e-5, atol=0.0)


def test_digits_never_seen_are_told_as_well_within_a_point():
    model, _, test = digits()
    assert accuracy(model, test) - accuracy(learnt(), test) < 0.01


def test_learning_leaves_gradients_and_flags_as_they_were():
    model, train, _ = digits()
    fresh = copy.deepcopy(model)
    fresh.conv1.bias.requires_grad_(False)
    hard = ProAct(epochs=1, last_epochs=1)(fresh, train)
    for one, other in zip(fresh.parameters(), hard.parameters(), strict=True):
        assert one.requires_grad == other.requires_grad
        assert one.grad is None
        assert other.grad is None
    assert not any(high.requires_grad for high in bounds(hard).values())


def test_the_last_layer_is_first_and_one_alone_moves_in_each_stage(monkeypatch):
    model, train, _ = digits()
    order = []
    plain = Training.stage

    def watched(self, chosen, **how):
        before = {path: high.clone() for path, high in bounds(self.draft.model).items()}
        plain(self, chosen, **how)
        after = bounds(self.draft.model)
        moved = [path for path in before if not torch.equal(before[path], after[path])]
        mine = [path for path, part in parts(self.draft.model) if part is chosen[0]]
        assert set(moved) <= set(mine)
        order.extend(mine)

    monkeypatch.setattr(Training, "stage", watched)
    ProAct(epochs=1, last_epochs=1, max_drop=1.0)(model, train)
    assert order == [f"relu{n}.hyrelu" for n in (4, 3, 2, 1)]


def test_an_epoch_that_costs_too_much_is_taken_back():
    model, train, test = digits()
    greedy = {"epochs": 3, "last_epochs": 3, "weights": (1e3,), "learning_rate": 2.0}
    careless = ProAct(**greedy, max_drop=1.0)(model, train)
    careful = ProAct(**greedy)(model, train)
    assert accuracy(careless, test) < 0.9
    assert accuracy(model, train) - accuracy(careful, train) <= 0.002


def test_no_epochs_leave_ranger():
    model, train, _ = digits()
    hard = FitAct(epochs=0)(model, train)
    with torch.no_grad():
        assert torch.equal(hard(train.inputs), model(train.inputs))


def test_every_neuron_learns_at_once():
    model, train, _ = digits()
    first, last = start(FitAct()), bounds(FitAct(epochs=1)(model, train))
    assert [high.numel() for high in last.values()] == [4704, 1600, 120, 84]
    assert all(not torch.equal(first[path], last[path]) for path in last)
    assert all((last[path] <= first[path]).all() for path in last)


def test_the_smooth_form_is_deployed_where_asked_for():
    model, train, _ = digits()
    hard = ProAct(epochs=0, last_epochs=0, hard=False)(model, train)
    part = hard.relu4.hyrelu
    with torch.no_grad():
        halved = part.after((), part.high[None])
    torch.testing.assert_close(halved[0], part.high / 2)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distillation_is_the_divergence_of_two_distributions(temperature):
    one, other = torch.randn(2, 5, 3, dtype=torch.float64).unbind()
    p, q = ((x / temperature).softmax(1) for x in (one, other))
    expected = (q * (q / p).log()).sum(1).mean()
    found = distillation(one, other, temperature=temperature)
    torch.testing.assert_close(found, expected)
    turned = distillation(other, one, temperature=temperature, direction="student")
    torch.testing.assert_close(turned, expected)
    assert distillation(one, one) == pytest.approx(0.0, abs=1e-12)


def test_gradients_of_a_stage_are_those_of_the_published_loss():
    """One step of a network small enough to be written out."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
    data = Data(torch.randn(10, 2), torch.arange(10) % 2)
    hard = ProAct(epochs=0, last_epochs=1, batch=100, weights=(0.5,), max_drop=1.0)(model, data)
    high = start_of(model, data).requires_grad_(True)
    rows = held_in(model, data)
    inner = model[1](model[0](data.inputs[rows])).detach()
    logits = model[2](inner * torch.sigmoid(20 * (high - inner)))
    golden = model(data.inputs[rows]).detach()
    loss = (
        functional.cross_entropy(logits, data.labels[rows])
        + functional.kl_div(logits.log_softmax(1), golden.softmax(1), reduction="batchmean")
        + 0.5 * (high**2).sum()
    )
    (gradient,) = torch.autograd.grad(loss, high)
    # The first step of Adam is as long as the rate, against the gradient.
    expected = (high - 0.01 * gradient.sign()).clamp_min(0).minimum(high).detach()
    torch.testing.assert_close(hard[1].hyrelu.high, expected)


def start_of(model: nn.Module, data: Data) -> torch.Tensor:
    return model[1](model[0](data.inputs)).amax(0).detach()


def held_in(model: nn.Module, data: Data) -> np.ndarray:
    return Workload(model, data).random(0).permutation(10)[2:]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ProAct(slope=-20.0), "slope=-20.0"),
        (lambda: ProAct(batch=0), "batch of at least 1"),
        (lambda: ProAct(weights=()), "at least one"),
        (lambda: ProAct(temperature=0.0), "above 0"),
        (lambda: FitAct(held_out=1.0), "held_out=1.0"),
        (lambda: FitAct(epochs=-1), "epochs from 0"),
        (lambda: ProAct()(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.ones(4, 2)), "labels"),
        (lambda: ProAct()(nn.Linear(2, 2), (torch.ones(4, 2), torch.zeros(4))), "nothing"),
        (
            lambda: FitAct()(nn.Sequential(nn.Linear(2, 1), nn.ReLU()), _labelled(4)),
            "classes",
        ),
        (lambda: FitAct()(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), _labelled(1)), "2 samples"),
    ],
)
def test_what_cannot_be_is_said(make, message):
    with pytest.raises(InputError, match=message):
        make()


def _labelled(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(n, 2), torch.zeros(n, dtype=torch.int64)
