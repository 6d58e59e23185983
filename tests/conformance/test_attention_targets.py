"""Do all engines execute faults in attention as the reference does?"""

import dataclasses

import numpy as np
import pytest
from torch import Tensor, nn

from radhard.campaign import run
from radhard.engines import Bracket, Engine, FirstOrder, Folded, Replay, Serial
from radhard.faults import BitFlip
from radhard.formats import Float64
from radhard.metrics import Critical, Distance, Metric
from radhard.samplers import ErrorRate, Sampler, Uniform
from radhard.space import FaultSpace
from radhard.targets import Attention, KeyValueCache, Target
from tests.targets.attention_networks import Attending, Decoder, generated, inputs, prompts

TARGETS: list[Target] = [
    Attention("*"),
    Attention("*", part="scores|key", heads=1),
    Attention("*", part="probabilities", sample="every"),
    KeyValueCache("*"),
    KeyValueCache("*", part="value", positions="1:", sample="every"),
]

every = pytest.mark.parametrize("target", TARGETS, ids=repr)


class Encoder(nn.Module):
    """Two layers of attention, one computed by a module of torch, and a last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Attending("multi-head", causal=False)
        self.second = Attending("kernel", causal=False)
        self.fc = nn.Linear(8, 3).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.second(x + self.first(x)).mean(1))


def encoded(model: nn.Module, x: Tensor) -> Tensor:
    return model(x)


def last_token(model: nn.Module, x: Tensor) -> Tensor:
    return generated(model, x)[:, -1]


def figures(
    target: Target, engine: Engine, sampler: Sampler, *, metric: Metric, exposure: str | None = None
) -> np.ndarray:
    cached = isinstance(target, KeyValueCache)
    model, x = (Decoder(), prompts()) if cached else (Encoder().eval(), inputs())
    call = last_token if cached else encoded
    fault = BitFlip((52, 55, 56, 63))
    space = FaultSpace.of(model, target, fault, Float64(), data=x, call=call, exposure=exposure)
    results = run(
        *(model, x, space, sampler),
        **{"engine": engine, "metrics": [metric], "call": call, "progress": False},
        **{"audit": 0, "seed": 3},
    )
    assert results.manifest["engine"] == repr(engine)
    if isinstance(engine, Replay) and isinstance(target, Attention) and target.sample == "one":
        assert not any(note.kind == "serial" for note in results.notes)
    return np.array(results.values(results.headline))


@every
def test_distances_after_single_faults(target):
    found, expected = (
        figures(target, engine, Uniform(20), metric=Distance()) for engine in (Replay(), Serial())
    )
    assert (expected > 0).sum() > 5
    assert np.allclose(found, expected, equal_nan=True)


@every
@pytest.mark.parametrize("engine", [Bracket(audit=0), FirstOrder(audit=0)], ids=repr)
def test_predictions_after_single_faults(target, engine):
    found, expected = (
        figures(target, one, Uniform(20), metric=Critical()) for one in (engine, Serial())
    )
    assert np.array_equal(found, expected)


@every
def test_many_faults(target):
    sampler = ErrorRate(0.02, trials=4)
    found, expected = (
        figures(target, engine, sampler, metric=Distance()) for engine in (Folded(), Serial())
    )
    assert np.allclose(found, expected, equal_nan=True)
    assert (expected[np.isfinite(expected)] > 0).any()


@every
def test_intermittent_faults(target):
    target = dataclasses.replace(target, sample="every")
    found, expected = (
        figures(target, engine, Uniform(10), metric=Distance(), exposure="Intermittent(0.5)")
        for engine in (Replay(), Serial())
    )
    assert np.allclose(found, expected, equal_nan=True)
