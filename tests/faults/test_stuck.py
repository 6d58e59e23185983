"""Does a stuck bit hold its value, whatever the word?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float16, Float32, Float64, Int

formats = st.sampled_from([Float64(), Float32(), Int(8)])


@given(format=formats, value=st.sampled_from([0, 1]), data=st.data())
def test_a_stuck_bit_reads_its_value_again_and_again(format, value, data):
    fault = StuckAt(value)
    word = data.draw(st.integers(-(2**63), 2**63 - 1))
    codes = torch.tensor([word if format.bits == 64 else word % 2**format.bits])
    variants = torch.tensor([data.draw(st.integers(0, fault.variants(format) - 1))])
    (bit,) = fault.fault_bits(variants.item(), format)
    once = fault.corrupt(codes, variants, format)
    assert once.item() >> bit & 1 == value
    assert torch.equal(fault.corrupt(once, variants, format), once)
    if codes.item() >> bit & 1 == value:
        assert torch.equal(once, codes)
    else:
        assert torch.equal(once, BitFlip().corrupt(codes, variants, format))


def test_a_bit_that_has_its_value_anyway_is_a_variant_all_the_same():
    zero = torch.zeros(32, dtype=torch.int64)
    assert StuckAt(0).variants(Float32()) == 32
    assert torch.equal(StuckAt(0).corrupt(zero, torch.arange(32), Float32()), zero)


def test_a_stuck_sign_gives_the_absolute_value_or_its_negative():
    x = torch.tensor([1.5, -1.5], dtype=torch.float16)
    for value, expected in ((0, [1.5, 1.5]), (1, [-1.5, -1.5])):
        fault = StuckAt(value, field="sign")
        codes = fault.corrupt(Float16().encode(x), torch.zeros(2, dtype=torch.int64), Float16())
        assert Float16().decode(codes).tolist() == expected


def test_bits_and_field_limit_the_variants():
    fault = StuckAt(1, bits=(14, 9, 10), field="exponent")
    assert [fault.fault_bits(v, Float16()) for v in range(fault.variants(Float16()))] == [
        (10,),
        (14,),
    ]


@pytest.mark.parametrize("value", [2, -1, True, 1.0, None, "1"])
def test_a_bit_is_stuck_at_0_or_1_and_nothing_else(value):
    with pytest.raises(InputError, match="value is 0 or 1"):
        StuckAt(value)


def test_what_the_format_lacks_is_refused_with_what_it_has():
    with pytest.raises(InputError, match="its bits are 0 to 7"):
        StuckAt(1, bits=8).variants(Int(8))
    with pytest.raises(InputError, match="its fields are sign, magnitude"):
        StuckAt(1, field="mantissa").fault_bits(0, Int(8))
    with pytest.raises(InputError, match="bits=\\(\\) is not allowed"):
        StuckAt(1, bits=())
