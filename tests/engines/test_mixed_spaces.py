"""Do all engines judge a space of several formats, fault models and planes as `Serial` does?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, FirstOrder, Folded, Replay, Serial
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float16, Float32, Int, stored_as
from radhard.metrics import Critical, Outcome
from radhard.results import Results
from radhard.samplers import ErrorRate, Exhaustive, PerTensor
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from tests.small import prepared

FORMATS = {"0": Int(8), "4": Int(6, per="channel"), "*": Float32()}


@pytest.fixture(scope="module")
def case() -> tuple[nn.Module, Data, FaultSpace]:
    """Weights in two formats under two fault models, their scales, and activations."""
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 6), nn.ReLU(),
        nn.Linear(6, 4),
    ).eval()  # fmt: skip
    for layer in (model[0], model[4], model[6]):
        nn.init.zeros_(layer.bias)
    model = stored_as(model, FORMATS)
    data = Data(torch.randn(12, 1, 8, 8))
    weights = FaultSpace.of(
        model, Weights("*"), [BitFlip(), StuckAt(1)], FORMATS, planes=("codes", "scale")
    )
    flows = FaultSpace.of(model, Activations("0|4"), BitFlip(), Float32(), data=data)
    held = FaultSpace.of(model, Activations("5", sample="every"), StuckAt(1), Float32(), data=data)
    return model, data, weights | flows | held


def verdicts(case, engine, sampler, metrics, workers: int = 1) -> Results:
    model, data, space = case
    return run(
        model, data, space, sampler, engine=engine, metrics=metrics, seed=5, progress=False,
        audit=0, workers=workers,
    )  # fmt: skip


@pytest.fixture(scope="module")
def reference(case):
    """What whole passes find, and how the faults were drawn."""
    sampler = PerTensor(14)
    return verdicts(case, Serial(), sampler, [Critical()]), sampler


@pytest.mark.parametrize(
    "engine",
    [Replay(), Bracket(audit=0), FirstOrder(audit=0, safety=64)],
    ids=lambda engine: type(engine).__name__,
)
def test_verdicts_are_those_of_serial(case, reference, engine):
    expected, sampler = reference
    found = verdicts(case, engine, sampler, [Critical()])
    assert found.manifest["engine"] == repr(engine)
    assert np.array_equal(found.values(), expected.values())
    regions = {region.plane for region in case[2].regions}
    assert regions == {"codes", "scale"}
    by_plane = expected.rate(by="plane")
    assert 0 < by_plane["scale"].value < 1
    assert by_plane["scale"].value > by_plane["codes"].value
    notes = " ".join(found.manifest["notes"])
    assert "Serial() executed the faults" in notes
    assert "0.weight scale" in notes


def test_several_workers_find_the_same(case):
    sampler = PerTensor(8)
    alone, together = (verdicts(case, Replay(), sampler, [Outcome()], n) for n in (1, 2))
    for column in alone.columns:
        assert np.array_equal(alone.values(column), together.values(column))


def test_error_rates_in_codes_and_scales_are_those_of_serial(case):
    model, data, _ = case
    space = FaultSpace.of(model, Weights("*"), BitFlip(), FORMATS, planes=("codes", "scale"))
    sampler = ErrorRate((1e-3, 1e-2), trials=10)
    expected = run(model, data, space, sampler, engine=Serial(), seed=2, progress=False)
    found = run(model, data, space, sampler, engine=Folded(), seed=2, progress=False, audit=0)
    assert np.array_equal(found.values("critical"), expected.values("critical"))
    assert any("scale" in note for note in found.manifest["notes"])


def test_intervals_cover_the_rate_of_an_exhausted_mixed_space():
    """Two formats, two fault models, scales and activations, every fault of which was tried."""
    torch.manual_seed(3)
    formats = {"0": Int(4), "*": Float16()}
    model = stored_as(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 3)), formats).eval()
    data = Data(torch.randn(3, 4))
    space = FaultSpace.of(
        model, Weights("*"), [BitFlip(), StuckAt(1)], formats, planes=("codes", "scale")
    ) | FaultSpace.of(model, Activations("2"), BitFlip(), Float32(), data=data)
    whole = run(
        model, data, space, Exhaustive(), metrics=[Critical()], audit=0, progress=False,
        engine=Serial(),
    )  # fmt: skip
    harm = whole.values()
    truth = float(harm.mean())
    assert 0 < truth < 1
    covered = 0
    for seed in range(100):
        some = prepared(space, PerTensor(12), lambda faults: harm[faults], seed=seed)
        estimate = some.rate()
        covered += estimate.low <= truth <= estimate.high
    assert covered >= 95
