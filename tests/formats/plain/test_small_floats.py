"""Are the words of narrow floating-point formats those of their definitions?"""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.formats import (
    E8M0,
    BFloat16,
    Float8E4M3,
    Float8E5M2,
    Float16,
    MiniFloat,
    is_stored_as,
    stored_as,
)
from tests.formats.plain.nearest_word import Words, around


def value(exponent: int, mantissa: int, word: int) -> Fraction:
    """The magnitude of a word, by the definition of floating point."""
    bias = 2 ** (exponent - 1) - 1
    field, steps = divmod(word, 2**mantissa)
    if field == 0:
        return Fraction(steps, 2**mantissa) * Fraction(2) ** (1 - bias)
    return (1 + Fraction(steps, 2**mantissa)) * Fraction(2) ** (field - bias)


EVERY = [
    (Float8E4M3(), 4, 3, {0x7F}),
    (Float8E5M2(), 5, 2, {0x7C, 0x7D, 0x7E, 0x7F}),
    *((MiniFloat(e, m), e, m, set()) for e, m in [(2, 1), (3, 2), (2, 3), (1, 1), (5, 2), (8, 3)]),
    (MiniFloat(4, 3, ieee=True), 4, 3, set(range(0x78, 0x80))),
]
every_format = pytest.mark.parametrize(
    ("format", "e", "m", "special"), EVERY, ids=lambda a: repr(a) if hasattr(a, "bits") else ""
)


@every_format
def test_every_word_has_the_value_of_its_definition_and_is_read_back(format, e, m, special):
    codes = torch.arange(2**format.bits)
    values = format.decode(codes)
    assert torch.equal(format.encode(values), codes)
    half = 2 ** (format.bits - 1)
    for word, found in enumerate(values.double().tolist()):
        if word % half not in special:
            assert abs(Fraction(found)) == value(e, m, word % half)
            assert math.copysign(1, found) == (1 if word < half else -1)
        elif format in (Float8E4M3(),) or word % half % 2**m:
            assert math.isnan(found)
        else:
            assert found == (math.inf if word < half else -math.inf)


@every_format
def test_values_become_the_nearest_word_and_ties_the_even_one(format, e, m, special):
    half = 2 ** (format.bits - 1)
    words = Words(format.bits, lambda word: None if word in special else value(e, m, word))
    finite = format.decode(torch.tensor([w for w in range(half) if w not in special]))
    xs = [x for x in around(finite) if 0 <= x <= finite.double().max().item()]
    codes = format.encode(torch.tensor(xs, dtype=torch.float64))
    assert codes.tolist() == [words.nearest(Fraction(x)) for x in xs]
    negative = format.encode(-torch.tensor(xs, dtype=torch.float64))
    assert torch.equal(negative, codes + half)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("format", [Float8E4M3(), Float8E5M2()], ids=repr)
def test_narrower_dtypes_round_as_torch_does(format, dtype):
    x = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16).to(dtype)
    x = x[x.isfinite()]
    assert format.encode(x).tolist() == x.to(format.dtype).view(torch.uint8).tolist()


def test_values_beyond_the_range_saturate_in_e4m3_and_become_infinite_in_e5m2():
    x = torch.tensor([448, 464, 480, 1e9, torch.inf, -torch.inf], dtype=torch.float64)
    assert Float8E4M3().encode(x).tolist() == [126, 126, 126, 126, 126, 254]
    y = torch.tensor([57344, 61439.999, 61440, 1e9, -torch.inf], dtype=torch.float64)
    assert Float8E5M2().encode(y).tolist() == [123, 123, 124, 124, 252]


def test_nan_stays_nan_with_its_sign():
    x = torch.tensor([torch.nan, -torch.nan])
    for format in (Float8E4M3(), Float8E5M2(), MiniFloat(3, 2, ieee=True)):
        assert format.decode(format.encode(x)).isnan().all()


@pytest.mark.parametrize(
    ("format", "largest", "normal", "subnormal"),
    [
        (MiniFloat(3, 2), 28, 0.25, 0.0625),
        (MiniFloat(2, 3), 7.5, 1, 0.125),
        (MiniFloat(2, 1), 6, 1, 0.5),
        (Float8E4M3(), 448, 2**-6, 2**-9),
        (Float8E5M2(), 57344, 2**-14, 2**-16),
    ],
    ids=repr,
)
def test_ranges_are_those_of_the_ocp_standard(format, largest, normal, subnormal):
    values = format.decode(torch.arange(2 ** (format.bits - 1))).double()
    mantissa = sum(format.field(bit) == "mantissa" for bit in range(format.bits))
    assert values[values.isfinite()].max() == largest
    assert values[1] == subnormal
    assert values[2**mantissa] == normal


@pytest.mark.parametrize(
    ("format", "other"),
    [(MiniFloat(5, 10, ieee=True), Float16()), (MiniFloat(8, 7, ieee=True), BFloat16())],
    ids=repr,
)
def test_ieee_words_of_16_bits_are_those_of_torch(format, other):
    codes = torch.arange(2**16)
    ours, theirs = format.decode(codes), other.decode(codes).double()
    nan = theirs.isnan()
    assert torch.equal(ours.isnan(), nan)
    assert torch.equal(ours[~nan].double(), theirs[~nan])
    assert torch.equal(format.encode(ours), codes)


@given(xs=st.lists(st.floats(allow_nan=False), min_size=1))
def test_doubles_round_to_half_precision_as_in_torch(xs):
    x = torch.tensor(xs, dtype=torch.float64)
    assert torch.equal(MiniFloat(5, 10, ieee=True).encode(x), Float16().encode(x))


def test_infinities_become_the_ends_and_nan_is_refused_where_all_words_are_numbers():
    format = MiniFloat(2, 1)
    assert format.decode(format.encode(torch.tensor([torch.inf, -1e30]))).tolist() == [6, -6]
    assert format.largest == 6
    assert MiniFloat(4, 3, ieee=True).largest == 240
    with pytest.raises(InputError, match=r"MiniFloat\(2, 1\) cannot represent NaN"):
        format.encode(torch.tensor([torch.nan]))


@pytest.mark.parametrize("widths", [(0, 3), (9, 3), (3, 0), (8, 8), (-1, 2)])
def test_impossible_widths_are_refused(widths):
    with pytest.raises(InputError, match="1 to 8 bits"):
        MiniFloat(*widths)


def test_powers_of_two_are_those_of_torch():
    codes = torch.arange(256, dtype=torch.uint8)
    theirs = codes.view(torch.float8_e8m0fnu)
    assert torch.equal(E8M0().encode(theirs), codes.long())
    assert E8M0().decode(codes.long())[:255].double().log2().tolist() == list(range(-127, 128))
    # The rounding of torch, whose conversion drops signs and turns infinities into NaN.
    x = torch.tensor([1.5, 2.5, 3.0, 5.0, 6.0, 1e-45, 1.0, 0.0])
    assert E8M0().encode(x).tolist() == x.to(torch.float8_e8m0fnu).view(torch.uint8).tolist()
    assert E8M0().encode(torch.tensor([torch.inf, torch.nan])).tolist() == [254, 255]
    with pytest.raises(InputError, match="no sign"):
        E8M0().encode(torch.tensor([-1.0]))


@pytest.mark.parametrize("format", [Float8E4M3(), Float8E5M2(), MiniFloat(3, 2)], ids=repr)
def test_a_model_is_rounded_once_and_for_all(format):
    torch.manual_seed(0)
    stored = stored_as(torch.nn.Linear(20, 5), format)
    assert is_stored_as(stored.weight, format)
    assert torch.equal(stored_as(stored, format).weight, stored.weight)
