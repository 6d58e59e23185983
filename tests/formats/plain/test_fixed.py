"""Are fixed-point words exactly those of integer arithmetic?"""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.formats import Fixed

fixed = st.tuples(st.integers(0, 31), st.integers(0, 31)).filter(lambda w: 1 <= sum(w) <= 31)


@given(widths=fixed, x=st.floats(allow_nan=False))
def test_words_are_those_of_exact_arithmetic(widths, x):
    integer, fraction = widths
    format, end = Fixed(integer, fraction), 2 ** (integer + fraction)
    if math.isinf(x):
        steps = end - 1 if x > 0 else -end
    else:
        # round() of a Fraction goes to nearest, ties to even.
        steps = min(max(round(Fraction(x) * 2**fraction), -end), end - 1)
    codes = format.encode(torch.tensor([x], dtype=torch.float64))
    assert codes.tolist() == [steps % 2**format.bits]
    assert Fraction(format.decode(codes).item()) == Fraction(steps, 2**fraction)


@given(widths=fixed)
def test_the_sign_bit_is_not_counted_and_the_lowest_word_is_the_lowest_value(widths):
    format = Fixed(*widths)
    assert format.bits == 1 + sum(widths)
    assert format.decode(torch.tensor([1 << (format.bits - 1)])).item() == -(2.0 ** widths[0])


@pytest.mark.parametrize("total", range(2, 33))
def test_the_word_with_every_bit_set_but_the_sign_is_decoded_exactly(total):
    largest = 2 ** (total - 1) - 1
    for code, steps in ((largest, largest), (2 ** (total - 1) + 1, -largest)):
        assert Fixed(total - 1, 0).decode(torch.tensor([code])).item() == steps


@pytest.mark.parametrize(
    ("format", "bits", "low", "high"),
    [
        (Fixed(15, 16), 32, -(2.0**15), 2.0**15 - 2.0**-16),
        (Fixed(0, 15), 16, -1.0, 1 - 2.0**-15),
        (Fixed(1, 15), 17, -2.0, 2 - 2.0**-15),
    ],
    ids=repr,
)
def test_named_formats_have_their_width_and_saturate_at_their_range(format, bits, low, high):
    assert format.bits == bits
    ends = format.decode(format.encode(torch.tensor([-torch.inf, torch.inf, -1e30, 1e30])))
    assert ends.tolist() == [low, high, low, high]


def test_q15_16_words_are_twos_complement():
    x = torch.tensor([1.0, -1.0, 0.5, -(2.0**-16)])
    expected = [0x00010000, 0xFFFF0000, 0x00008000, 0xFFFFFFFF]
    assert Fixed(15, 16).encode(x).tolist() == expected


def test_nan_is_refused():
    with pytest.raises(InputError, match=r"Fixed\(1, 15\) cannot represent NaN"):
        Fixed(1, 15).encode(torch.tensor([0.0, torch.nan]))


def test_a_part_without_bits_is_no_field():
    assert Fixed(0, 15).fields == ("sign", "fraction")
    assert Fixed(7, 0).fields == ("sign", "integer")
    assert [Fixed(2, 1).field(bit) for bit in range(4)] == [
        "fraction",
        "integer",
        "integer",
        "sign",
    ]


@pytest.mark.parametrize("widths", [(0, 0), (16, 16), (-1, 8), (8, -1), (10**30, 1)])
def test_impossible_widths_are_refused(widths):
    with pytest.raises(InputError, match="together 1 to 31 bits"):
        Fixed(*widths)
