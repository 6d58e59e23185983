"""Does a word that is replaced hold what the fault names, whatever was in it?"""

import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import Replace
from radhard.formats import (
    E8M0,
    MXFP4,
    BFloat16,
    CheckWord,
    Fixed,
    Float8E4M3,
    Float8E5M2,
    Float16,
    Float32,
    Float64,
    Format,
    GroupInt,
    Hamming,
    Int,
    MiniFloat,
    Posit,
    SecDed,
)
from tests.conformance.examples import FORMATS, PROTECTED

FIRST = torch.tensor([0])
every_format = pytest.mark.parametrize("format", [*FORMATS, *PROTECTED], ids=repr)


def word(fault: Replace, format: Format) -> float:
    """The value of a word after the fault, whatever it was before."""
    fitted = format.fit(torch.ones(1, dtype=torch.float64))
    return float(fitted.decode(fault.corrupt(FIRST, FIRST, fitted))[0])


@every_format
def test_a_word_replaced_by_zero_is_read_as_the_value_nearest_to_zero(format):
    smallest = 2.0**-127 if format == E8M0() else 0.0
    if format.by_word:
        assert word(Replace("zero"), format) == smallest


@pytest.mark.parametrize("format", [f for f in FORMATS if f.bits <= 16], ids=repr)
def test_the_largest_word_is_the_largest_of_all_words(format):
    every = torch.arange(1 << format.bits)
    fitted = format.scaled(torch.ones(len(every))) if format.has_scale else format
    values = fitted.decode(every).double()
    code = Replace("max").corrupt(FIRST, FIRST, format)
    assert values[code].item() == values[values.isfinite()].max().item()


@pytest.mark.parametrize(
    ("format", "largest"),
    [
        (Float32(), np.finfo(np.float32).max),
        (Float64(), np.finfo(np.float64).max),
        (Float16(), 65504.0),
        (BFloat16(), struct.unpack("f", bytes.fromhex("00007f7f"))[0]),
        (Float8E4M3(), 448.0),
        (Float8E5M2(), 57344.0),
        (MiniFloat(2, 1), 6.0),
        (Posit(32), 2.0**120),
        (Fixed(15, 16), 2.0**15 - 2.0**-16),
        (Int(8), 1.0),
        (Hamming(Float32()), np.finfo(np.float32).max),
        (Hamming(Int(8)), 1.0),
    ],
    ids=repr,
)
def test_the_largest_finite_value_is_the_one_of_the_standard(format, largest):
    assert word(Replace("max"), format) == largest


@given(value=st.floats(-7.5, 7.5), before=st.integers(0, 255))
def test_a_number_is_rounded_as_any_value_of_the_format(value, before):
    format = Fixed(3, 4)
    codes = Replace(value).corrupt(torch.tensor([before]), FIRST, format)
    assert format.decode(codes).item() == round(value * 16) / 16


def test_a_number_takes_the_scale_of_its_word():
    x = torch.tensor([[1.0, 0.5], [10.0, 2.0]])
    format = Int(8, per="channel").fit(x).take(torch.arange(4), (2, 2))
    codes = Replace(0.5).corrupt(torch.zeros(4, dtype=torch.int64), FIRST.expand(4), format)
    assert codes.tolist() == [64, 64, 6, 6]
    assert format.decode(codes).tolist() == pytest.approx([64 / 127] * 2 + [60 / 127] * 2)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_narrow_words_are_replaced_by_each_word_once(bits):
    fault, format = Replace("random"), Int(bits)
    assert fault.variants(format) == 1 << bits
    every = torch.arange(1 << bits)
    assert fault.corrupt(torch.zeros_like(every), every, format).tolist() == every.tolist()


@pytest.mark.parametrize("format", [Float16(), Float32(), Float64(), Hamming(Float32())], ids=repr)
def test_random_words_differ_and_every_bit_is_set_in_about_half(format):
    fault, every = Replace("random"), torch.arange(256)
    assert fault.variants(format) == 256
    words = fault.corrupt(torch.zeros(256, dtype=torch.int64), every, format)
    bits = np.array([[word >> bit & 1 for bit in range(64)] for word in words.tolist()])
    shares = bits.mean(axis=0)
    assert len(set(words.tolist())) == 256
    assert (shares[: format.bits - 8] > 0.35).all()
    assert (shares[: format.bits - 8] < 0.65).all()
    assert (shares[format.bits - 8 : format.bits] == 0.5).all()
    if format.bits < 64:
        assert not bits[:, format.bits :].any()


def test_the_same_variant_is_the_same_word_whatever_was_stored():
    some, others = torch.tensor([3, 7]), torch.tensor([250, 0])
    variants = torch.tensor([17, 200])
    fault = Replace("random")
    assert torch.equal(
        fault.corrupt(some, variants, Float32()), fault.corrupt(others, variants, Float32())
    )


@pytest.mark.parametrize(
    ("value", "format"),
    [
        (1e39, Float32()),
        (7e4, Float16()),
        (449, Float8E4M3()),
        (8.0, Fixed(3, 4)),
        (-9.0, Fixed(3, 4)),
        (1.1, Int(8)),
        (-1.1, Hamming(Int(8))),
        (7.0, MiniFloat(2, 1)),
    ],
    ids=repr,
)
def test_a_number_beyond_the_format_is_refused(value, format):
    with pytest.raises(InputError, match="give a smaller number, or 'max'") as refused:
        Replace(value).variants(format.fit(torch.ones(1)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "format"),
    [(-8.0, Fixed(3, 4)), (-1.0, Fixed(0, 15)), (1.0, Int(8)), (0.1, MXFP4()), (0.99, GroupInt())],
    ids=repr,
)
def test_the_ends_of_the_range_are_within_it(value, format):
    assert Replace(value).variants(format.fit(torch.ones(4))) == 1


def test_a_number_must_fit_every_channel():
    format = Int(8, per="channel").fit(torch.tensor([[1.0], [10.0]]))
    with pytest.raises(InputError, match="at most 1;"):
        Replace(5.0).variants(format)


def test_words_of_check_bits_are_zero_random_or_full_but_no_number():
    full = torch.tensor([5])
    assert Replace("zero").corrupt(full, FIRST, CheckWord(7)).tolist() == [0]
    assert Replace("max").corrupt(full, FIRST, CheckWord(7)).tolist() == [127]
    with pytest.raises(InputError, match="check bits have none"):
        Replace(1.0).variants(SecDed(Int(8), block=8).check_word)


@pytest.mark.parametrize("value", ["most", None, math.inf, math.nan, True])
def test_anything_else_is_refused(value):
    with pytest.raises(InputError, match="value is"):
        Replace(value)
