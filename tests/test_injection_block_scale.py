"""Does a faulty scale of a block change the values of the block, and no others?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, FirstOrder, Folded, Replay, Serial
from radhard.faults import BitFlip, StuckAt
from radhard.formats import MXFP4, MXFP8, MXINT8, Format, GroupInt, stored_as
from radhard.injection import inject
from radhard.metrics import Critical
from radhard.samplers import ErrorRate, PerTensor
from radhard.space import Fault, FaultSpace
from radhard.targets import Weights
from tests.traces import raw

ROW = 40
"""One whole block and a shorter one."""


def model(format: Format) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(ROW, 6, bias=False), nn.ReLU(), nn.Linear(6, 4, bias=False))
    return stored_as(layers, format).eval()


def scale_after(format: Format, scale: float, bit: int) -> float:
    """The scale whose word has one bit inverted, by the definitions of E8M0 and of float16."""
    if isinstance(format, GroupInt):
        word = np.array([scale], np.float16).view(np.uint16) ^ np.uint16(1 << bit)
        return float(word.view(np.float16)[0])
    code = (int(np.log2(scale)) + 127) ^ (1 << bit)
    return float("nan") if code == 255 else 2.0 ** (code - 127)


@pytest.mark.parametrize("format", [MXFP4(), MXFP8("E5M2"), MXINT8(), GroupInt()], ids=repr)
@given(row=st.integers(0, 5), block=st.integers(0, 1), data=st.data())
def test_the_values_of_a_block_are_its_elements_times_the_faulty_scale(format, row, block, data):
    network = model(format)
    space = FaultSpace.of(network, Weights("0"), BitFlip(), format, planes="scale")
    (region,) = space.regions
    assert region.words == 12
    assert region.word == format.scale_words()
    bit = data.draw(st.integers(0, region.word.bits - 1))
    weight = network[0].weight
    before, kept = weight.detach().double(), raw(weight)
    old = region.format.scale.reshape(6, 2)[row, block].item()
    expected, here = before.clone(), slice(32 * block, 32 * (block + 1))
    # Beyond the range of float32, in which the model computes, the product is infinite.
    expected[row, here] = (before[row, here] / old * scale_after(format, old, bit)).float().double()
    with inject(network, space, Fault("0.weight", row * 2 + block, bit)):
        torch.testing.assert_close(weight.double(), expected, rtol=0, atol=0, equal_nan=True)
    assert raw(weight) == kept


@pytest.mark.parametrize("format", [MXFP4(), GroupInt(4, group=16)], ids=repr)
def test_codes_and_scales_of_blocks_are_faulty_together(format):
    network = model(format)
    space = FaultSpace.of(network, Weights("0"), BitFlip(), format, planes=("codes", "scale"))
    scale = next(region for region in space.regions if region.plane == "scale")
    fitted = scale.format
    weight = network[0].weight
    kept = raw(weight)
    codes, scales = fitted.encode(weight), fitted.scale.clone()
    # In a block whose scale is faulty, in another one, and twice in one word.
    faults = [Fault("0.weight", 3, 1), Fault("0.weight", 39, 2), Fault("0.weight", 39, 0)]
    in_scale = Fault("0.weight", 0, scale.word.bits - 4, space.regions.index(scale))
    codes.view(-1)[3] ^= 2
    codes.view(-1)[39] ^= 5
    scales.view(-1)[0] = scale_after(format, scales.view(-1)[0].item(), scale.word.bits - 4)
    expected = format.scaled(scales).decode(codes).float()
    with inject(network, space, [faults[0], in_scale, *faults[1:]]):
        assert torch.equal(weight, expected)
    assert raw(weight) == kept


def test_a_scale_that_a_fault_leaves_as_it_is_leaves_every_value():
    network = model(MXFP4())
    space = FaultSpace.of(network, Weights("0"), StuckAt(0, bits=7), MXFP4(), planes="scale")
    kept = raw(network[0].weight)
    with inject(network, space, range(len(space))):
        assert raw(network[0].weight) == kept


@pytest.fixture(scope="module")
def campaign() -> tuple[nn.Module, Data, FaultSpace]:
    formats = {"0": MXFP4(), "*": GroupInt(4, group=4)}
    network = model(MXFP4())
    network = stored_as(network, formats)
    data = Data(torch.randn(8, ROW, generator=torch.Generator().manual_seed(1)))
    planes = ("codes", "scale")
    return network, data, FaultSpace.of(network, Weights("*"), BitFlip(), formats, planes=planes)


@pytest.mark.parametrize(
    "engine",
    [Replay(), Bracket(audit=0), FirstOrder(audit=0)],
    ids=lambda engine: type(engine).__name__,
)
def test_engines_judge_blocks_as_whole_passes_do(campaign, engine):
    found = [
        run(
            *campaign, PerTensor(30), engine=one, metrics=[Critical()], seed=3, progress=False,
            audit=0,
        )
        for one in (Serial(), engine)
    ]  # fmt: skip
    assert np.array_equal(found[0].values(), found[1].values())
    assert 0 < found[0].rate(by="plane")["scale"].value < 1


def test_error_rates_in_blocks_are_judged_as_whole_passes_do(campaign, tmp_path):
    sampler = ErrorRate((1e-2,), trials=12)
    found = [
        run(
            *campaign, sampler, engine=engine, seed=3, progress=False, audit=0,
            store=tmp_path / f"{number}.db",
        )
        for number, engine in enumerate((Serial(), Folded()))
    ]  # fmt: skip
    assert np.array_equal(found[0].values("critical"), found[1].values("critical"))
    # The scales come back from the run file as they were.
    again = FaultSpace.from_dict(campaign[2].to_dict(), foreign=False)
    for one, other in zip(again.regions, campaign[2].regions, strict=True):
        assert torch.equal(one.format.scale, other.format.scale)
