"""Are blocks stored as the OCP microscaling standard says?"""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.formats import (
    MXFP4,
    MXFP6,
    MXFP8,
    MXINT8,
    Fixed,
    Float8E4M3,
    Float8E5M2,
    Format,
    MiniFloat,
    is_stored_as,
    stored_as,
)

ELEMENTS: list[tuple[Format, Format, int]] = [
    (MXFP8("E4M3"), Float8E4M3(), 8),
    (MXFP8("E5M2"), Float8E5M2(), 15),
    (MXFP6("E3M2"), MiniFloat(3, 2), 4),
    (MXFP6("E2M3"), MiniFloat(2, 3), 2),
    (MXFP4(), MiniFloat(2, 1), 2),
    (MXINT8(), Fixed(1, 6), 0),
]
every_format = pytest.mark.parametrize(
    ("format", "element", "top"), ELEMENTS, ids=[repr(one[0]) for one in ELEMENTS]
)

BLOCK = torch.zeros(32, dtype=torch.float64)
BLOCK[:8] = torch.tensor([0.11, -0.23, 0.5, 1.7, -2.9, 3.3, -0.02, 0.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("format", "scale", "codes"),
    [
        (MXFP4(), 0x7E, "0 9 2 5 F 7 8 0"),
        (MXFP6("E2M3"), 0x7E, "02 24 08 16 3C 1D 20 00"),
        (MXFP6("E3M2"), 0x7C, "0B 2F 14 1B 3E 1F 23 00"),
        (MXFP8("E4M3"), 0x78, "56 DF 68 76 FC 7D C2 00"),
        (MXFP8("E5M2"), 0x71, "67 EB 70 77 FA 7B DD 00"),
        (MXINT8(), 0x80, "04 F9 10 36 A3 6A FF 00"),
    ],
    ids=repr,
)
def test_words_are_those_of_other_implementations(format, scale, codes):
    fitted = format.fit(BLOCK)
    assert format.scale_words().encode(fitted.scale).flatten().tolist() == [scale]
    found = fitted.encode(BLOCK)
    assert found[:8].tolist() == [int(code, 16) for code in codes.split()]
    assert not found[8:].any()


def test_decoded_values_are_those_of_the_elements_times_the_scale():
    fitted = MXFP4().fit(BLOCK)
    values = fitted.decode(fitted.encode(BLOCK))[:8].tolist()
    assert values == [0, -0.25, 0.5, 1.5, -3, 3, 0, 0]
    fitted = MXINT8().fit(BLOCK)
    values = fitted.decode(fitted.encode(BLOCK))[:8].tolist()
    assert values == [0.125, -0.21875, 0.5, 1.6875, -2.90625, 3.3125, -0.03125, 0]


@every_format
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 3), row=st.integers(1, 70))
def test_each_block_is_stored_by_exact_arithmetic_as_if_it_were_alone(
    format, element, top, seed, rows, row
):
    chance = np.random.default_rng(seed)
    x = torch.from_numpy(chance.normal(size=(rows, row)) * 10.0 ** chance.integers(-6, 6))
    x[chance.random((rows, row)) < 0.2] = 0
    fitted = format.fit(x)
    codes, values = fitted.encode(x), fitted.decode(fitted.encode(x))
    end = 127 / 64 if top == 0 else element.decode(torch.arange(2 ** (format.bits - 1))).double()
    largest = end if top == 0 else end[end.isfinite()].max().item()
    for at in range(0, row, 32):
        for r in range(rows):
            block = x[r, at : at + 32]
            most = Fraction(block.abs().max().item())
            # floor(log2) of an exact number, without a logarithm.
            power = -127
            if most:
                power = most.numerator.bit_length() - most.denominator.bit_length()
                power -= Fraction(2) ** power > most
                power = max(power - top, -127)
            scale = Fraction(2) ** power
            expected = [float(Fraction(v) / scale) for v in block.tolist()]
            words = element.encode(torch.tensor(expected).double().clamp(-largest, largest))
            assert torch.equal(codes[r, at : at + 32], words)
            exact = [Fraction(v) * scale for v in element.decode(words).double().tolist()]
            assert [Fraction(v) for v in values[r, at : at + 32].tolist()] == exact


@every_format
def test_every_word_is_read_back_under_every_scale(format, element, top):
    codes = torch.arange(2**format.bits)
    for exponent in (-127, -3, 0, 127):
        fitted = format.scaled(torch.tensor([2.0**exponent])).take(
            torch.zeros(len(codes), dtype=torch.int64), (1,)
        )
        assert torch.equal(fitted.encode(fitted.decode(codes)), codes)


@every_format
@given(
    xs=st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=40)
)
def test_storing_twice_changes_nothing_in_all_orders_of_magnitude(format, element, top, xs):
    x = torch.tensor(xs, dtype=torch.float64)
    once = format.fit(x).decode(format.fit(x).encode(x))
    twice = format.fit(once).decode(format.fit(once).encode(once))
    assert torch.equal(once, twice)


@every_format
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_model_is_rounded_once_and_for_all(format, element, top, dtype):
    torch.manual_seed(0)
    stored = stored_as(torch.nn.Linear(70, 5).to(dtype), format)
    assert is_stored_as(stored.weight, format)
    assert torch.equal(stored_as(stored, format).weight, stored.weight)
    # The scale has no other digits, so that one unit in the last place is a value of no word.
    off = stored.weight.detach().clone()
    off[0, 0] = torch.nextafter(off[0, 0], off[0, 0] * 2 + 1)
    assert not is_stored_as(off, format)


def test_a_zero_block_has_the_smallest_scale_and_a_large_one_the_largest():
    x = torch.zeros(64, dtype=torch.float64)
    x[32] = 2.0**300
    fitted = MXFP4().fit(x)
    assert fitted.scale.flatten().log2().tolist() == [-127, 127]
    assert fitted.decode(fitted.encode(x)).max() == 6 * 2.0**127


def test_the_largest_of_a_block_may_saturate():
    assert MXFP4().fit(torch.tensor([7.9])).encode(torch.tensor([7.9])).tolist() == [7]
    low = MXINT8().fit(torch.tensor([-1.999]))
    assert low.decode(low.encode(torch.tensor([-1.999]))).item() == -127 / 64
    assert low.decode(torch.tensor([128])).item() == -2


def test_a_scale_that_is_no_number_leaves_none_in_its_block():
    fitted = MXFP4().scaled([[math.nan, 1.0]])
    values = fitted.decode(torch.full((64,), 2))
    assert values[:32].isnan().all()
    assert (values[32:] == 1).all()


def test_what_has_no_word_is_refused():
    for format, _, _ in ELEMENTS:
        for bad in (torch.nan, torch.inf):
            with pytest.raises(InputError, match="only finite values"):
                format.fit(torch.tensor([1.0, bad]))
    fitted = MXFP4().fit(torch.ones(2))
    with pytest.raises(InputError, match=r"MXFP4\(\) cannot represent NaN"):
        fitted.encode(torch.tensor([1.0, torch.nan]))
    assert MXFP8("E5M2").fit(torch.ones(1)).encode(torch.tensor([torch.inf])).tolist() == [0x7C]
    with pytest.raises(InputError, match="'E3M2' or 'E2M3'"):
        MXFP6("E2M1")
    with pytest.raises(InputError, match=r"MXFP4\(\) has no scale yet"):
        MXFP4().encode(torch.ones(1))


def test_blocks_of_a_filter_reach_over_its_rows_where_rows_are_channels():
    x = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    whole, matrix = MXFP4(rows="channel").fit(x), MXFP4().fit(x.flatten(1))
    assert MXFP4().fit(x).scale.numel() == 3 * 4 * 5
    assert whole.scale.numel() == 3 * 4
    assert torch.equal(whole.scale, matrix.scale)
    assert torch.equal(whole.encode(x).flatten(1), matrix.encode(x.flatten(1)))
    assert repr(whole) == "MXFP4(rows='channel')"
    bias = torch.randn(40)
    assert torch.equal(MXFP4(rows="channel").fit(bias).scale, MXFP4().fit(bias).scale)
