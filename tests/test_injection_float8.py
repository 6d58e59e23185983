"""Are faults injected into the words of models that are kept in 8-bit floating point?"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, FirstOrder, Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import (
    E8M0,
    Float8E4M3,
    Float8E5M2,
    Float32,
    Format,
    Int,
    MiniFloat,
    is_stored_as,
    stored_as,
)
from radhard.injection import inject
from radhard.metrics import Critical
from radhard.samplers import PerTensor
from radhard.space import Fault, FaultSpace
from radhard.targets import Buffers, Weights
from tests.traces import raw

WORDS = {torch.float8_e4m3fn: Float8E4M3(), torch.float8_e5m2: Float8E5M2()}
every_dtype = pytest.mark.parametrize("dtype", WORDS, ids=str)


class Linear8(nn.Module):
    """A linear layer that keeps its weight in 8 bits, and a scale for each block of 8 of them."""

    scale: Tensor

    def __init__(self, inputs: int, outputs: int, dtype: torch.dtype) -> None:
        super().__init__()
        weight = torch.randn(outputs, inputs)
        self.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
        scale = torch.full((outputs, inputs // 8), 0.5).to(torch.float8_e8m0fnu)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.scale.float().repeat_interleave(8, 1)
        return x @ (self.weight.float() * scale).T


def model(dtype: torch.dtype) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(Linear8(8, 16, dtype), nn.ReLU(), Linear8(16, 4, dtype)).eval()


@every_dtype
def test_every_flip_of_a_weight_inverts_one_bit_of_its_byte_and_is_taken_back(dtype):
    network = model(dtype)
    space = FaultSpace.of(network, Weights("2"), BitFlip(), WORDS[dtype])
    assert len(space) == 64 * 8
    weight = network[2].weight
    before = weight.detach().view(torch.uint8).flatten().clone()
    kept = [raw(t) for t in (*network.parameters(), *network.buffers())]
    for number in range(len(space)):
        fault = space[number]
        with inject(network, space, number):
            faulty = weight.detach().view(torch.uint8).flatten()
            expected = before.clone()
            expected[fault.word] ^= 1 << fault.variant
            assert torch.equal(faulty, expected)
    assert [raw(t) for t in (*network.parameters(), *network.buffers())] == kept


def test_a_scale_in_a_buffer_is_faulty_in_its_own_words():
    network = model(torch.float8_e4m3fn)
    space = FaultSpace.of(network, Buffers("*scale"), BitFlip(), E8M0())
    assert {region.site.shape for region in space.regions} == {(16, 1), (4, 2)}
    kept = raw(network[0].scale)
    with inject(network, space, Fault("0.scale", 3, 1)):
        # The word of 0.5 is 126; without bit 1 it is 124.
        assert network[0].scale[3].float().item() == 2.0**-3
    assert raw(network[0].scale) == kept


@every_dtype
@pytest.mark.parametrize("engine", [Replay(), Bracket(audit=0), FirstOrder(audit=0)], ids=repr)
def test_a_campaign_finds_what_whole_passes_find(dtype, engine):
    network = model(dtype)
    data = Data(torch.randn(6, 8, generator=torch.Generator().manual_seed(1)))
    formats: dict[str, Format] = {"*weight": WORDS[dtype], "*": E8M0()}
    space = FaultSpace.of(network, [Weights("*"), Buffers("*")], BitFlip(), formats)
    found = [
        run(
            network, data, space, PerTensor(20), engine=one, metrics=[Critical()], seed=3,
            progress=False, audit=0,
        )
        for one in (Serial(), engine)
    ]  # fmt: skip
    assert np.array_equal(found[0].values(), found[1].values())
    assert 0 < found[0].rate().value < 1


@every_dtype
def test_tensors_of_8_bits_are_stored_as_their_own_format_and_others_are_refused(dtype):
    network = model(dtype)
    weight = network[0].weight
    assert is_stored_as(weight, WORDS[dtype])
    stored = stored_as(network, {"*weight": WORDS[dtype], "*": E8M0()})
    assert raw(stored[0].weight) == raw(weight)
    for other in (Float32(), Int(8), MiniFloat(4, 3)):
        with pytest.raises(InputError, match=r"0\.weight"):
            FaultSpace.of(network, Weights("0"), BitFlip(), other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("format", WORDS.values(), ids=repr)
def test_a_wider_model_that_holds_8_bit_values_has_faults_in_their_words(dtype, format):
    torch.manual_seed(0)
    network = stored_as(nn.Linear(4, 3), format).to(dtype).eval()
    space = FaultSpace.of(network, Weights("*"), BitFlip(), format)
    codes = format.encode(network.weight).flatten()
    with inject(network, space, Fault("weight", 7, 6)):
        expected = codes.clone()
        expected[7] ^= 1 << 6
        values = format.decode(expected).to(dtype)
        assert torch.equal(network.weight.detach().flatten().nan_to_num(-1), values.nan_to_num(-1))


def test_a_dtype_that_lacks_powers_of_two_of_the_format_is_refused():
    network = nn.Linear(2, 1, bias=False).half()
    network.weight.data = torch.tensor([[1.0, 2.0]]).half()
    with pytest.raises(InputError, match="lacks values of E8M0"):
        FaultSpace.of(network, Weights("*"), BitFlip(), E8M0())
