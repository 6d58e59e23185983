"""Does a fault that crashes the forward pass count the same with every engine?"""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.engines import Bracket, Hybrid, Replay, Serial
from radhard.engines.serial import SerialSession
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Critical, Sdc
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from radhard.vulnerability_ranges import Ranges
from radhard.vulnerability_ranges.range_limits import Limits


class Looking(nn.Module):
    """A table looked up at what a layer says: a large value is beyond its end."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.table = nn.Linear(4, 4), nn.Embedding(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.table((self.layer(x).abs().sum(1) * 2).long())


def test_crashes_are_detected_errors_with_replay_too():
    model = Looking().eval()
    data = torch.linspace(0.1, 1, 32).reshape(8, 4), torch.zeros(8, dtype=torch.int64)
    space = FaultSpace.of(model, Weights("layer*"), BitFlip(30), Float32())
    found = [
        run(model, data, space, Exhaustive(), engine=engine, audit=0, progress=False)
        for engine in (Serial(), Replay())
    ]
    assert found[0].values("due").max() == 1
    assert found[1].values("due").tolist() == found[0].values("due").tolist()
    (note,) = [note for note in found[1].notes if note.kind == "shared crash"]
    assert note.facts == {"exception": "IndexError"}


def test_crashes_by_values_that_flow_are_detected_errors_with_replay_too():
    model = Looking().eval()
    data = torch.linspace(0.1, 1, 32).reshape(8, 4), torch.zeros(8, dtype=torch.int64)
    space = FaultSpace.of(model, Activations("layer"), BitFlip((29, 30)), Float32(), data=data)
    found = [
        run(model, data, space, Exhaustive(), engine=engine, audit=0, progress=False)
        for engine in (Serial(), Replay())
    ]
    assert 0 < found[0].values("due").mean() < 1
    for column in found[0].columns:
        assert found[1].values(column).tolist() == found[0].values(column).tolist()


def test_crashes_are_detected_errors_with_bracket_too():
    model = Looking().eval()
    data = torch.linspace(0.1, 1, 32).reshape(8, 4), torch.zeros(8, dtype=torch.int64)
    space = FaultSpace.of(model, Weights("layer*"), BitFlip(), Float32())
    found = [
        run(
            model,
            data,
            space,
            Exhaustive(),
            metrics=[Critical(), Sdc()],
            engine=engine,
            audit=0,
            progress=False,
        )
        for engine in (Serial(), Bracket())
    ]
    assert found[0].values("due").max() > 0
    for column in found[0].columns:
        assert found[1].values(column).tolist() == found[0].values(column).tolist()
    (note,) = [note for note in found[1].notes if note.kind == "shared crash"]
    assert note.facts == {"exception": "IndexError"}


@pytest.mark.parametrize("safe", [math.nan, 1e30], ids=["executed", "audited"])
def test_crashes_are_detected_errors_with_hybrid_too(tmp_path, safe):
    model = Looking().eval()
    data = torch.linspace(0.1, 1, 32).reshape(8, 4), torch.zeros(8, dtype=torch.int64)
    space = FaultSpace.of(model, Activations("layer"), BitFlip((29, 30)), Float32(), data=data)
    ends, none = np.full((4, 5), safe), np.full((4, 5), math.nan if safe != safe else math.inf)
    limits = Limits((4,), np.arange(4), ends, none, ends, none)
    path = str(tmp_path / "ranges.npz")
    Ranges("hand", Float32(), {"layer": limits}, 8).save(path)
    found = [
        run(model, data, space, Exhaustive(), metrics=[Critical()], engine=engine, audit=0)
        for engine in (Serial(), Hybrid(path, audit=1.0))
    ]
    assert 0 < found[0].values("due").mean() < 1
    for column in found[0].columns:
        assert found[1].values(column).tolist() == found[0].values(column).tolist()
    (note,) = [note for note in found[1].notes if note.kind == "shared crash"]
    assert note.facts == {"exception": "IndexError"}


def test_only_trials_near_a_crash_go_through_whole_passes(monkeypatch):
    model = Looking().eval()
    data = torch.linspace(0.1, 1, 32).reshape(8, 4), torch.zeros(8, dtype=torch.int64)
    space = FaultSpace.of(model, Weights("layer*"), BitFlip((*range(8), 30)), Float32())
    whole = []
    own = SerialSession.passed
    monkeypatch.setattr(SerialSession, "passed", lambda *a: whole.append(a[1]) or own(*a))
    found = run(model, data, space, Exhaustive(), engine=Replay(), audit=0, progress=False)
    crashed = int((found.values("due") > 0).sum())
    assert 0 < crashed <= len(whole) < len(found)
