"""Is a changed word of a normalisation layer followed as one channel, or one feature?"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import FirstOrder, Replay, Serial
from radhard.engines.replay import ReplaySession
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.metrics import Outcome
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Biases, Weights
from tests.engines.campaigns import campaign_of


class Encoder(nn.Module):
    """Words with their own normalisation, one after a residual addition."""

    def __init__(self, *, affine_bias: bool = True) -> None:
        super().__init__()
        self.enter = nn.Linear(3, 6)
        self.norm = nn.LayerNorm(6, bias=affine_bias)
        self.last = nn.LayerNorm(6)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = self.enter(x)
        h = self.last(h + torch.nn.functional.gelu(self.norm(h)))
        return self.fc(h.mean(1))


def _convolutions() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        nn.Linear(64, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4),
    )  # fmt: skip


NETWORKS = {
    "batch": (_convolutions, (2, 4, 4)),
    "layer": (Encoder, (5, 3)),
    "without bias": (lambda: Encoder(affine_bias=False), (5, 3)),
}


def _network(name: str) -> tuple[nn.Module, Data]:
    build, shape = NETWORKS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        model = build()
        for module in model.modules():
            if "Norm" in type(module).__name__:
                nn.init.normal_(module.weight)
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(module.running_mean)
                nn.init.uniform_(module.running_var, 0.5, 2)
        return model.eval(), Data(torch.randn(12, *shape))


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_are_those_of_whole_passes(name):
    model, data = _network(name)
    norms = [n for n, m in model.named_modules() if "Norm" in type(m).__name__]
    targets = [target(f"{norm}") for norm in norms for target in (Weights, Biases)]
    if name == "without bias":
        targets = [target for target in targets if target != Biases("norm")]
    space = FaultSpace.of(model, targets, data=data)

    def ran(engine):
        return run(
            model, data, space, Uniform(400), metrics=[Outcome()], engine=engine, audit=0,
            progress=False,
        )  # fmt: skip

    truth, replayed, inferred = map(ran, (Serial(), Replay(), FirstOrder()))
    for column in ("critical", "due"):
        assert np.array_equal(replayed.values(column), truth.values(column))
        assert np.array_equal(inferred.values(column), truth.values(column))
    assert 0 < truth.rate("critical").value < 1
    assert not [note for note in inferred.notes if note.kind == "no gradient"]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_word_shows_in_one_channel(name):
    model, data = _network(name)
    given = campaign_of(
        model, data.inputs, [Weights("*"), Biases("*")], Uniform(5), fault=BitFlip(), call=plain
    )
    session = Replay().open(given)
    assert isinstance(session, ReplaySession)
    assert all(plan.replayer.shares_passes(place) for place, plan in session.plans.items())
