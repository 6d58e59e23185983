"""Are floating-point words exactly those of numpy and struct?"""

import struct
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.formats import BFloat16, Float16, Float32, Float64

NUMPY = [
    (Float64(), np.float64, np.uint64),
    (Float32(), np.float32, np.uint32),
    (Float16(), np.float16, np.uint16),
]
against_numpy = pytest.mark.parametrize(("format", "real", "word"), NUMPY, ids=lambda a: repr(a))
any_double = st.floats(width=64)


def words(codes: torch.Tensor, bits: int) -> list[int]:
    return [code % 2**bits for code in codes.tolist()]


@against_numpy
@given(data=st.data())
def test_own_dtype_is_stored_bit_for_bit_as_numpy_views_it(format, real, word, data):
    pattern = st.integers(0, 2**format.bits - 1)
    patterns = np.array(data.draw(st.lists(pattern, min_size=1, max_size=20)), dtype=word)
    x = torch.from_numpy(patterns.view(real))
    codes = format.encode(x)
    assert words(codes, format.bits) == patterns.tolist()
    assert format.decode(codes).numpy().view(word).tolist() == patterns.tolist()
    assert format.decode(codes).dtype == x.dtype


@pytest.mark.parametrize("format", [f for f, _, _ in NUMPY] + [BFloat16()], ids=repr)
def test_zeros_subnormals_infinities_and_nan_payloads_are_kept(format):
    exponent = sum(1 << bit for bit in range(format.bits) if format.field(bit) == "exponent")
    quiet = exponent | (exponent & -exponent) >> 1
    sign = 1 << (format.bits - 1)
    patterns = [0, 1, exponent & -exponent, exponent, exponent | 1, quiet, quiet | 5]
    patterns += [pattern | sign for pattern in patterns]
    signed = [p - 2**64 if p >= 2**63 else p for p in patterns]
    x = format.decode(torch.tensor(signed))
    assert words(format.encode(x), format.bits) == patterns
    assert x[0] == 0
    assert not x[0].signbit()
    assert x[7].signbit()
    assert 0 < x[1] < torch.finfo(x.dtype).smallest_normal == x[2]
    assert x[3] == torch.inf
    assert x[10] == -torch.inf
    assert x[4:7].isnan().all()


@given(x=st.floats(width=32))
def test_single_precision_words_are_those_of_struct(x):
    (expected,) = struct.unpack("<I", struct.pack("<f", x))
    assert Float32().encode(torch.tensor([x])).tolist() == [expected]


@given(x=st.floats(width=16))
def test_half_precision_words_are_those_of_struct(x):
    (expected,) = struct.unpack("<H", struct.pack("<e", x))
    assert Float16().encode(torch.tensor([x], dtype=torch.float16)).tolist() == [expected]


@given(x=st.floats(width=32, allow_nan=False))
def test_bfloat16_is_the_upper_half_of_single_precision_rounded_to_even(x):
    (whole,) = struct.unpack("<I", struct.pack("<f", x))
    expected = (whole + 0x7FFF + (whole >> 16 & 1)) >> 16
    assert BFloat16().encode(torch.tensor([x])).tolist() == [expected]


@against_numpy
@given(xs=st.lists(any_double.filter(lambda x: x == x), min_size=1))
def test_wider_values_round_as_in_numpy(format, real, word, xs):
    with np.errstate(over="ignore", under="ignore"):
        expected = np.array(xs, dtype=np.float64).astype(real).view(word)
    codes = format.encode(torch.tensor(xs, dtype=torch.float64))
    assert words(codes, format.bits) == expected.tolist()


@pytest.mark.parametrize("format", [Float16(), BFloat16()], ids=repr)
@given(data=st.data())
def test_a_double_is_rounded_once_also_beside_the_middle_of_two_words(format, data):
    code = data.draw(st.integers(0, 2 ** (format.bits - 2)))
    low, high = (Fraction(v) for v in format.decode(torch.tensor([code, code + 1])).tolist())
    aside = data.draw(st.sampled_from([-1, 0, 1])) * (high - low) * Fraction(1, 2**30)
    x = float((low + high) / 2 + aside)
    assert Fraction(x) == (low + high) / 2 + aside
    expected = code + (aside > 0 or (aside == 0 and code % 2 == 1))
    doubles = torch.tensor([x, -x], dtype=torch.float64)
    assert format.encode(doubles).tolist() == [expected, expected + 2 ** (format.bits - 1)]


@pytest.mark.parametrize("format", [Float16(), BFloat16()], ids=repr)
def test_a_double_nan_or_infinity_stays_one(format):
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e300, -1e-300], dtype=torch.float64)
    y = format.decode(format.encode(x)).tolist()
    assert y[0] != y[0]
    assert y[1:] == [torch.inf, -torch.inf, torch.inf, 0.0]
    assert str(y[4]) == "-0.0"


@pytest.mark.parametrize(
    ("format", "widths"),
    [
        (Float64(), (1, 11, 52)),
        (Float32(), (1, 8, 23)),
        (Float16(), (1, 5, 10)),
        (BFloat16(), (1, 8, 7)),
    ],
    ids=repr,
)
def test_fields_have_the_widths_of_the_standard(format, widths):
    names = [format.field(bit) for bit in range(format.bits)]
    assert tuple(names.count(name) for name in format.fields) == widths
