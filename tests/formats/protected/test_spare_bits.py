"""Are mantissas shortened to the right neighbour?"""

import math
from fractions import Fraction

import pytest
import torch

from radhard.errors import InputError
from radhard.formats import BFloat16, Fixed, Float16, Float32, Mset
from radhard.formats.protected.spare_bits import shorten

EVERY = torch.arange(2**16)


@pytest.mark.parametrize("format", [Float16(), BFloat16()], ids=repr)
@pytest.mark.parametrize("spare", [1, 3, 5])
def test_every_word_of_16_bits_becomes_the_nearest_short_one(format, spare):
    codes = shorten(EVERY, format, spare, nearest=True)
    assert (codes & (1 << spare) - 1 == 0).all()
    assert torch.equal(codes >> 15, EVERY >> 15)
    before, after = format.decode(EVERY), format.decode(codes)
    assert torch.equal(before.isnan(), after.isnan())
    assert torch.equal(before.isinf(), after.isinf())
    short = format.decode(torch.arange(0, 2**15, 1 << spare)).double()
    short = short[short.isfinite()]
    x = before.double().abs()
    finite = x.isfinite()
    # The nearest short value found by search instead of by arithmetic on words.
    nearest = torch.searchsorted(short, x[finite]).clamp(1, len(short) - 1)
    gap = torch.minimum((x[finite] - short[nearest - 1]).abs(), (x[finite] - short[nearest]).abs())
    assert torch.equal((x[finite] - after.double().abs()[finite]).abs(), gap)


def test_ties_go_to_the_even_neighbour():
    one = 0x3F800000
    codes = torch.tensor([one + 0x20, one + 0x60, one + 0x1F, one + 0x21])
    assert (shorten(codes, Float32(), 6, nearest=True) - one).tolist() == [0, 0x80, 0, 0x40]


@pytest.mark.parametrize("format", [Float16(), BFloat16()], ids=repr)
def test_rounding_towards_zero_never_makes_a_word_larger(format):
    codes = shorten(EVERY, format, 4, nearest=False)
    nan = format.decode(EVERY).isnan()
    assert torch.equal(codes[~nan], EVERY[~nan] & ~0xF)
    assert format.decode(codes)[nan].isnan().all()


def test_the_largest_finite_number_stays_finite():
    largest = Float32().encode(torch.tensor([torch.finfo(torch.float32).max]))
    rounded = Float32().decode(shorten(largest, Float32(), 6, nearest=True)).item()
    assert Fraction(rounded) == (2 - Fraction(1, 2**17)) * 2**127
    assert math.isfinite(rounded)


def test_formats_without_a_mantissa_have_no_spare_bits():
    with pytest.raises(InputError, match="none to spare"):
        Mset(Fixed(3, 4))
