"""Do all engines execute faults of recurrent targets as the reference does?"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.engines import Bracket, Engine, FirstOrder, Folded, Replay, Serial
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Critical
from radhard.samplers import ErrorRate, Uniform
from radhard.space import FaultSpace
from radhard.targets import HiddenStates, RecurrentWeights, Target, merge_biases

SINGLE: list[Engine] = [Replay(), Bracket(audit=0), FirstOrder(audit=0)]
STORED: list[Target] = [
    RecurrentWeights("*"),
    RecurrentWeights("*", weights="input", gate="r"),
    RecurrentWeights("*", weights="recurrent", gate="n", layer=1),
    RecurrentWeights("*", weights="bias"),
]
FLOWING: list[Target] = [
    HiddenStates("*"),
    HiddenStates("*", steps="1:4:2"),
    HiddenStates("*", steps=-1, sample="every"),
]


class Reader(nn.Module):
    """Two GRU layers that are read at the last step."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn, self.fc = nn.GRU(3, 4, 2, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0][:, -1])


def inputs() -> Tensor:
    return torch.randn(6, 5, 3, generator=torch.Generator().manual_seed(1))


def figures(target: Target, engine: Engine, sampler: object) -> np.ndarray:
    model, x = merge_biases(Reader()).eval(), inputs()
    space = FaultSpace.of(model, target, BitFlip((24, 29, 31)), Float32(), data=x)
    results = run(
        model, x, space, sampler, engine=engine, metrics=[Critical()], audit=0, progress=False
    )
    assert results.manifest["engine"] == repr(engine)
    return np.array(results.values("critical"))


@pytest.mark.parametrize("target", [*STORED, *FLOWING], ids=repr)
def test_single_faults(target):
    expected = figures(target, Serial(), Uniform(24))
    for engine in SINGLE:
        assert np.array_equal(figures(target, engine, Uniform(24)), expected), engine


@pytest.mark.parametrize("target", STORED, ids=repr)
def test_many_faults(target):
    sampler = ErrorRate(0.02, trials=5)
    found, expected = (figures(target, engine, sampler) for engine in (Folded(), Serial()))
    assert np.array_equal(found, expected)
