"""Does a single flip anywhere in the memory of a code have the effect that the code promises?"""

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.faults import BitFlip
from radhard.formats import (
    Cep,
    Fixed,
    Float32,
    Float64,
    Hamming,
    InPlaceHamming,
    Int,
    Mset,
    Oracle,
    Parity,
    Replicated,
    SecDed,
    ZeroSpace,
    stored_as,
)
from radhard.metrics import Corrections, Distance
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Weights

# Stored bits of a tensor of 3 x 5 values, and the share of flips that are corrected, that are
# detected, and that are not noticed.
CODES = [
    (Hamming(Fixed(1, 6)), 15 * 12, 1, 0, 0),
    (SecDed(Int(8)), 15 * 13, 1, 0, 0),
    (SecDed(Int(8), block=8), 15 * 8 + 2 * 8, 1, 0, 0),
    (SecDed(Float64()), 15 * 72, 1, 0, 0),
    (Replicated(Int(8)), 15 * 24, 1, 0, 0),
    (Replicated(Float32()), 15 * 96, 1, 0, 0),
    (ZeroSpace(), 15 * 8, 1, 0, 0),
    (ZeroSpace(Int(8, per="channel")), 15 * 8, 1, 0, 0),
    (Parity(Fixed(1, 6)), 15 * 9, 0, 1, 0),
    (Cep(Float32()), 15 * 32, 0, 1, 0),
    (Oracle(Fixed(1, 6)), 15 * 8, 1 / 8, 0, 7 / 8),
    (Mset(Float32()), 15 * 32, 3 / 32, 0, 29 / 32),
    (InPlaceHamming(Float32()), 15 * 32, 14 / 32, 0, 18 / 32),
    (InPlaceHamming(Float32(), extended=True, sign=True), 15 * 32, 20 / 32, 0, 12 / 32),
]


@pytest.mark.parametrize(
    ("format", "bits", *"cds", "engine"),
    [
        (*code, engine)
        for code in CODES
        for engine in (Serial(), Replay())
        if engine == Replay() or code[1] < 200
    ],
    ids=repr,
)
def test_all_single_flips(format, bits, c, d, s, engine):
    torch.manual_seed(0)
    dtype = torch.float64 if format == SecDed(Float64()) else torch.float32
    model = stored_as(nn.Sequential(nn.Linear(5, 3)).eval().to(dtype), format)
    data = Data(torch.randn(4, 5, dtype=dtype))
    space = FaultSpace.of(model, Weights("*"), BitFlip(), format)
    results = run(
        model,
        data,
        space,
        Exhaustive(),
        engine=engine,
        metrics=[Corrections(), Distance()],
        progress=False,
        audit=0,
    )
    assert len(results) == len(space) == bits
    shares = {
        name: results.values(f"Corrections().{name}").mean()
        for name in ("corrected", "miscorrected", "detected", "silent")
    }
    expected = {"corrected": c, "miscorrected": 0, "detected": d, "silent": s}
    assert shares == pytest.approx(expected, abs=1e-12)
    harmless = results.values("Corrections().corrected") == 1
    distance = results.values(next(n for n in results.columns if n.startswith("Distance")))
    assert (distance[harmless] == 0).all()
    # What is not noticed changes a weight, and the outputs, unless the change is rounded away.
    silent = results.values("Corrections().silent") == 1
    assert (distance[silent] > 0).sum() >= 0.9 * silent.sum()
