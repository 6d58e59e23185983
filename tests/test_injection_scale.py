"""Does a faulty scale change every value of its tensor, and nothing once it is out again?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32, Int, stored_as
from radhard.injection import inject
from radhard.quantization import quantized
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations, Weights
from tests.traces import raw


def model(format: Int) -> nn.Module:
    torch.manual_seed(0)
    return stored_as(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), format).eval()


def flipped(scale: float, bit: int) -> float:
    """The single-precision number nearest to a scale, with one bit inverted, by numpy alone."""
    word = np.array([scale], np.float32).view(np.uint32) ^ np.uint32(1 << bit)
    return float(word.view(np.float32)[0])


@pytest.mark.parametrize("format", [Int(8), Int(5), Int(8, per="channel")], ids=repr)
@given(channel=st.integers(0, 3), bit=st.integers(0, 31))
def test_a_value_is_its_code_times_the_faulty_scale(format, channel, bit):
    network = model(format)
    space = FaultSpace.of(network, Weights("*"), BitFlip(), format, planes="scale")
    weight = network[0].weight
    before, rows = weight.detach().clone(), 1 if format.per == "tensor" else 4
    assert space.regions[0].words == rows
    word = channel % rows
    most = 2 ** (format.bits - 1) - 1
    expected = before.double()
    for row in range(4) if format.per == "tensor" else [word]:
        own = before.double() if format.per == "tensor" else before[row].double()
        scale = own.abs().max().item() / most
        codes = (before[row].double() / scale).round()
        expected[row] = (codes * flipped(scale, bit)).float().double()
    kept = [raw(tensor) for tensor in network.parameters()]
    with inject(network, space, Fault("0.weight", word, bit)):
        torch.testing.assert_close(weight.double(), expected, rtol=0, atol=0, equal_nan=True)
        assert [raw(t) for t in list(network.parameters())[1:]] == kept[1:]
    assert [raw(tensor) for tensor in network.parameters()] == kept


def test_a_scale_that_a_fault_leaves_as_it_is_leaves_the_values_to_the_last_bit():
    network = model(Int(8))
    space = FaultSpace.of(network, Weights("*"), StuckAt(0, bits=31), Int(8), planes="scale")
    kept = [raw(tensor) for tensor in network.parameters()]
    with inject(network, space, range(len(space))):
        assert [raw(tensor) for tensor in network.parameters()] == kept


@pytest.mark.parametrize("turned", [False, True])
def test_codes_and_scale_of_a_tensor_are_faulty_together_in_any_order(turned):
    network = model(Int(8))
    space = FaultSpace.of(network, Weights("0"), BitFlip(), Int(8), planes=("codes", "scale"))
    faults = [Fault("0.weight", 5, 7), Fault("0.weight", 5, 0), Fault("0.weight", 0, 24, 1)]
    before = network[0].weight.detach().double()
    scale = before.abs().max().item() / 127
    codes = (before / scale).round().to(torch.int64)
    word = int(codes.flatten()[5]) & 0xFF ^ 0b10000001
    codes.view(-1)[5] = word - 256 if word >= 128 else word
    expected = (codes * flipped(scale, 24)).float()
    kept = raw(network[0].weight)
    with inject(network, space, faults[::-1] if turned else faults):
        assert torch.equal(network[0].weight, expected)
    assert raw(network[0].weight) == kept


def test_the_scale_of_a_flowing_value_is_refused():
    torch.manual_seed(0)
    inputs = torch.randn(4, 3)
    network = quantized(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), inputs, Int(8))
    for planes in ("scale", ("codes", "scale")):
        with pytest.raises(InputError, match="planes='codes'"):
            FaultSpace.of(network, Activations("0"), BitFlip(), Int(8), planes=planes, data=inputs)
    codes = FaultSpace.of(network, Activations("0"), BitFlip(), Int(8), data=inputs)
    scales = FaultSpace.of(network, Weights("0"), BitFlip(), Int(8), planes="scale")
    assert len(codes | scales) == 4 * 4 * 8 + 32


def test_words_of_an_expanded_tensor_share_a_scale_and_their_memory():
    network = nn.Linear(4, 3, bias=False)
    row = torch.tensor([[0.5, -1.0, 0.25, 1.27]])
    network.weight = nn.Parameter(stored(row).expand(3, 4), requires_grad=False)
    space = FaultSpace.of(network, Weights("*"), BitFlip(), Int(8), planes=("codes", "scale"))
    kept = network.weight.detach().clone()
    with inject(network, space, Fault("weight", 0, 23, 1)):
        ratio = network.weight.double() / kept.double()
        assert ((ratio - ratio.flatten()[0]).abs() < 1e-6).all()
        assert abs(ratio.flatten()[0].item() - 1) > 0.4
    assert torch.equal(network.weight, kept)


def stored(row: torch.Tensor) -> torch.Tensor:
    format = Int(8).fit(row)
    return format.decode(format.encode(row)).float()


def test_faults_of_two_models_in_one_word_follow_one_another():
    network = nn.Linear(2, 1, bias=False)
    network.weight.data = torch.tensor([[1.0, 2.0]])
    space = FaultSpace.of(network, Weights("*"), [BitFlip(), StuckAt(1)], Float32())
    flip, stuck = Fault("weight", 0, 22), Fault("weight", 0, 22, 1)
    for faults, value in (([flip, stuck], 1.5), ([stuck, flip], 1.0), ([flip, flip, stuck], 1.5)):
        with inject(network, space, faults):
            assert network.weight[0].tolist() == [value, 2.0]
    assert network.weight[0].tolist() == [1.0, 2.0]
