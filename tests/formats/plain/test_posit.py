"""Are posits those of the standard?"""

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.formats import Posit, is_stored_as, stored_as


def value(word: int, bits: int, es: int) -> Fraction | None:
    """The value of a word by the formula of the standard, on the bits as they are; None is NaR."""
    text = format(word, f"0{bits}b")
    if "1" not in text[1:]:
        return None if text[0] == "1" else Fraction(0)
    sign, body = int(text[0]), text[1:]
    run = len(body) - len(body.lstrip(body[0]))
    regime = run - 1 if body[0] == "1" else -run
    rest = body[run + 1 :]
    exponent = int(rest[:es].ljust(es, "0") or "0", 2)
    digits = rest[es:]
    fraction = Fraction(int(digits or "0", 2), 2 ** len(digits))
    power = (1 - 2 * sign) * (2**es * regime + exponent + sign)
    return (1 - 3 * sign + fraction) * Fraction(2) ** power


def rounded(x: Fraction, bits: int, es: int) -> int:
    """The word of a positive number: by bisection over words, which are in order of their values.

    The boundary between two neighbours is the word of one more bit between them.
    """
    low, high = 1, 2 ** (bits - 1) - 1
    if x <= value(low, bits, es):
        return low
    if x >= value(high, bits, es):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if value(middle, bits, es) <= x else (low, middle)
    if value(low, bits, es) == x:
        return low
    between = value(2 * low + 1, bits + 1, es)
    if x == between:
        return low if low % 2 == 0 else high
    return low if x < between else high


small = [(3, 0), (3, 2), (5, 0), (6, 1), (8, 0), (8, 2), (8, 4), (10, 3)]


@pytest.mark.parametrize(("bits", "es"), [*small, (16, 2), (16, 1)])
def test_every_word_has_the_value_of_the_standard_and_is_read_back(bits, es):
    codes = torch.arange(2**bits)
    values = Posit(bits, es).decode(codes)
    assert torch.equal(Posit(bits, es).encode(values), codes)
    for word, found in enumerate(values.tolist()):
        expected = value(word, bits, es)
        assert found != found if expected is None else Fraction(found) == expected


@pytest.mark.parametrize(("bits", "es"), small)
def test_values_around_every_word_and_every_boundary_are_rounded_as_the_standard_says(bits, es):
    marks = [value(word, bits + 1, es) for word in range(1, 2**bits)]
    doubles = torch.tensor([float(mark) for mark in marks], dtype=torch.float64)
    ends = torch.full_like(doubles, torch.inf)
    for x in (doubles, torch.nextafter(doubles, ends), torch.nextafter(doubles, -ends)):
        expected = [rounded(Fraction(one), bits, es) for one in x.tolist()]
        assert Posit(bits, es).encode(x).tolist() == expected
        assert Posit(bits, es).encode(-x).tolist() == [2**bits - word for word in expected]


@given(
    bits=st.integers(3, 32),
    es=st.integers(0, 4),
    x=st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x > 0),
)
def test_any_number_is_rounded_as_the_standard_says(bits, es, x):
    codes = Posit(bits, es).encode(torch.tensor([x], dtype=torch.float64))
    assert codes.tolist() == [rounded(Fraction(x), bits, es)]


@given(bits=st.integers(17, 32), es=st.integers(0, 4), data=st.data())
def test_wide_words_are_read_back(bits, es, data):
    word = data.draw(st.integers(0, 2**bits - 1))
    found = Posit(bits, es).decode(torch.tensor([word]))
    expected = value(word, bits, es)
    assert found.isnan().item() if expected is None else Fraction(found.item()) == expected
    assert Posit(bits, es).encode(found).tolist() == [word]


@pytest.mark.parametrize(
    ("x", "eight", "sixteen"),
    [
        (2.0, 0x48, 0x4800), (3.0, 0x4C, 0x4C00), (3.141592653589793, 0x4D, 0x4C91),
        (-3.141592653589793, 0xB3, 0xB36F), (0.1, 0x25, 0x24CD), (100.0, 0x6A, 0x6A40),
        (1000.0, 0x74, 0x73E8), (1e6, 0x7E, 0x7DF4), (1e7, 0x7F, 0x7ECC), (1e-9, 0x01, 0x0061),
    ],
)  # fmt: skip
def test_words_computed_by_hand(x, eight, sixteen):
    values = torch.tensor([x], dtype=torch.float64)
    assert Posit(8).encode(values).tolist() == [eight]
    assert Posit(16).encode(values).tolist() == [sixteen]


def test_ties_go_to_the_even_word():
    assert Posit(8).encode(torch.tensor([1.0625, 1.09375])).tolist() == [0x40, 0x41]
    # Between these words, the boundary is not the arithmetic mean.
    assert Posit(8).decode(torch.tensor([1, 2])).log2().tolist() == [-24, -20]
    assert Posit(8).encode(torch.tensor([1.01 * 2.0**-22, 0.99 * 2.0**-22])).tolist() == [2, 1]


def test_flips_of_one_and_of_zero():
    one, three = torch.full((8,), 0x40), torch.full((8,), 0x4C)
    bits = 1 << torch.arange(7, -1, -1)
    assert Posit(8).decode(one ^ bits).tolist() == [-1, 0, 16, 4, 2, 1.5, 1.25, 1.125]
    assert Posit(8).decode(three ^ bits).tolist() == [
        -0.375, 2.0**-10, 128, 12, 1.5, 2, 3.5, 3.25,
    ]  # fmt: skip
    assert Posit(8).decode(torch.tensor([0x80])).isnan().all()


def test_nothing_becomes_zero_or_not_real_by_rounding():
    x = torch.tensor([5e-324, -5e-324, 1e308, -1e308, 0.0, -0.0], dtype=torch.float64)
    assert Posit(8).encode(x).tolist() == [1, 255, 127, 129, 0, 0]
    x = torch.tensor([torch.nan, torch.inf, -torch.inf])
    assert Posit(8).encode(x).tolist() == [128] * 3


def test_a_model_is_rounded_once_and_for_all():
    torch.manual_seed(0)
    for format in (Posit(8), Posit(16), Posit(12, es=1)):
        stored = stored_as(torch.nn.Linear(20, 5), format)
        assert is_stored_as(stored.weight, format)
        assert torch.equal(stored_as(stored, format).weight, stored.weight)


@pytest.mark.parametrize(("bits", "es"), [(2, 2), (33, 2), (8, 5), (8, -1)])
def test_impossible_widths_are_refused(bits, es):
    with pytest.raises(InputError, match="3 to 32"):
        Posit(bits, es)
