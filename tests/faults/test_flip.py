"""Does a bit flip invert the bits it names, and those only?"""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import BFloat16, Fixed, Float16, Float32, Float64, Int

FORMATS = [Float64(), Float32(), Float16(), BFloat16(), Int(8), Fixed(15, 16)]


def with_flip(x: list[float], bit: int) -> list[float]:
    codes = Float32().encode(torch.tensor(x))
    variants = torch.full_like(codes, bit)
    return Float32().decode(BitFlip().corrupt(codes, variants, Float32())).tolist()


def test_bit_30_of_single_precision_turns_the_exponent_over():
    two, huge, infinite, nan = with_flip([0.0, 0.5, 1.0, 1.5], 30)
    assert two == 2.0
    assert huge == 2.0**127
    assert math.isclose(huge, 1.70e38, rel_tol=1e-2)
    assert infinite == math.inf
    assert math.isnan(nan)


@given(x=st.floats(width=32, allow_nan=False))
def test_a_sign_flip_negates(x):
    (y,) = with_flip([x], 31)
    assert y == -x
    assert math.copysign(1, y) == -math.copysign(1, x)


@given(xs=st.lists(st.floats(width=32), min_size=1), bit=st.integers(0, 31))
def test_flipped_words_are_those_of_numpy(xs, bit):
    words = np.array(xs, dtype=np.float32).view(np.uint32) ^ np.uint32(1 << bit)
    codes = Float32().encode(torch.from_numpy(np.array(xs, dtype=np.float32)))
    assert (
        BitFlip(bit).corrupt(codes, torch.zeros_like(codes), Float32()).tolist() == words.tolist()
    )


@given(format=st.sampled_from(FORMATS), count=st.integers(1, 8), data=st.data())
def test_the_same_flip_twice_is_no_flip_and_once_is_count_bits(format, count, data):
    fault = BitFlip(count=count)
    word = data.draw(st.integers(-(2**63), 2**63 - 1))
    codes = torch.tensor([word if format.bits == 64 else word % 2**format.bits])
    variants = torch.tensor([data.draw(st.integers(0, fault.variants(format) - 1))])
    once = fault.corrupt(codes, variants, format)
    changed = (once.item() ^ codes.item()) % 2**64
    assert [bit for bit in range(64) if changed >> bit & 1] == list(
        fault.fault_bits(variants.item(), format)
    )
    assert changed.bit_count() == count
    assert torch.equal(fault.corrupt(once, variants, format), codes)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_variants_are_all_choices_of_the_bits_in_the_field(count):
    fault = BitFlip(field="exponent", count=count)
    variants = range(fault.variants(Float16()))
    found = {fault.fault_bits(variant, Float16()) for variant in variants}
    assert found == set(itertools.combinations(range(10, 15), count))


def test_half_the_bits_of_a_double_are_more_choices_than_anything_could_list():
    fault = BitFlip(count=32)
    last = math.comb(64, 32) - 1
    assert fault.variants(Float64()) == last + 1
    assert fault.fault_bits(0, Float64()) == tuple(range(32))
    assert fault.fault_bits(last, Float64()) == tuple(range(32, 64))
    upper = fault.corrupt(torch.tensor([0]), torch.tensor([last]), Float64())
    assert upper.tolist() == [-(2**32)]


def test_bits_and_field_are_both_conditions_and_order_does_not_matter():
    fault = BitFlip(bits=(31, 22, 23, 30), field=("exponent", "sign"))
    assert [fault.fault_bits(v, Float32()) for v in range(fault.variants(Float32()))] == [
        (23,),
        (30,),
        (31,),
    ]


@pytest.mark.parametrize(
    ("fault", "format", "message"),
    [
        (BitFlip(32), Float32(), r"Float32\(\) has no bit 32; its bits are 0 to 31"),
        (BitFlip((3, 99)), Int(8), r"Int\(8\) has no bit 99; its bits are 0 to 7"),
        (BitFlip(field="exponent"), Int(8), "no field 'exponent'; its fields are sign, magnitude"),
        (BitFlip(field="integer"), Fixed(0, 15), "no field 'integer'; its fields are sign, fract"),
        (BitFlip(0, field="sign"), Float32(), "bit 0 is mantissa"),
        (BitFlip(count=9), Int(8), "cannot flip 9 different bits of Int.*: only 8"),
        (BitFlip((1, 2), count=3), Int(8), "cannot flip 3 different bits"),
    ],
    ids=repr,
)
def test_what_the_format_lacks_is_refused_with_what_it_has(fault, format, message):
    for use in (
        lambda: fault.variants(format),
        lambda: fault.fault_bits(0, format),
        lambda: fault.corrupt(torch.tensor([0]), torch.tensor([0]), format),
    ):
        with pytest.raises(InputError, match=message):
            use()


@pytest.mark.parametrize(
    "arguments",
    [
        {"bits": -1},
        {"bits": ()},
        {"bits": (3, 3)},
        {"bits": (0, -1)},
        {"bits": "3"},
        {"bits": 3.0},
        {"bits": True},
        {"field": ()},
        {"field": ("sign", "sign")},
        {"field": 3},
        {"count": 0},
        {"count": 65},
        {"count": 1.0},
    ],
    ids=repr,
)
def test_selections_that_suit_no_format_are_refused(arguments):
    with pytest.raises(InputError, match=f"{next(iter(arguments))}=.* is not allowed"):
        BitFlip(**arguments)
