"""Does a burst invert neighbouring bits, and stay within the word?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import BitFlip, Burst
from radhard.formats import BFloat16, Fixed, Float64, Format, Int

formats = st.sampled_from([Int(2), Int(8), Fixed(1, 15), BFloat16(), Float64()])


@given(format=formats, data=st.data())
def test_a_burst_is_its_bits_flipped_one_after_another(format, data):
    length = data.draw(st.integers(1, format.bits))
    fault = Burst(length)
    assert fault.variants(format) == format.bits - length + 1
    variant = data.draw(st.integers(0, fault.variants(format) - 1))
    assert fault.fault_bits(variant, format) == tuple(range(variant, variant + length))
    word = data.draw(st.integers(-(2**63), 2**63 - 1))
    codes = torch.tensor([word if format.bits == 64 else word % 2**format.bits])
    expected = codes
    for bit in fault.fault_bits(variant, format):
        expected = BitFlip(bit).corrupt(expected, torch.tensor([0]), format)
    assert torch.equal(fault.corrupt(codes, torch.tensor([variant]), format), expected)


@pytest.mark.parametrize("format", [Int(8), Float64()], ids=repr)
def test_a_burst_over_the_whole_word_inverts_it_all(format: Format):
    codes = torch.tensor([0b0101])
    inverted = Burst(format.bits).corrupt(codes, torch.tensor([0]), format)
    assert inverted.item() % 2**format.bits == 2**format.bits - 1 - 0b0101


def test_a_burst_longer_than_the_word_is_refused():
    with pytest.raises(InputError, match=r"Burst\(9\) is longer than a word of Int\(8\): 8 bits"):
        Burst(9).variants(Int(8))
    with pytest.raises(InputError, match="8 bits"):
        Burst(9).corrupt(torch.tensor([0]), torch.tensor([0]), Int(8))


@pytest.mark.parametrize("length", [0, -3])
def test_a_burst_has_a_length(length):
    with pytest.raises(InputError, match="length is 1 or more"):
        Burst(length)
