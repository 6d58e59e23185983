"""Does a Hamming code in the mantissa protect the exponent?"""

import itertools

import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.formats import (
    CLEAN,
    CORRECTED,
    DETECTED,
    BFloat16,
    Fixed,
    Float16,
    Float32,
    Float64,
    InPlaceHamming,
    StoredBlocks,
    is_stored_as,
    stored_as,
)

# p3 p2 p1 of each nibble 0 to 15, worked out by hand from p1 = d1^d2^d4, p2 = d1^d3^d4 and
# p3 = d2^d3^d4, where d1 is the top bit of the nibble.
CHECKS = [
    "000",
    "111",
    "110",
    "001",
    "101",
    "010",
    "011",
    "100",
    "011",
    "100",
    "101",
    "010",
    "110",
    "001",
    "000",
    "111",
]

EVERY = [
    InPlaceHamming(inner, extended=extended, sign=sign)
    for inner in (Float32(), Float16(), BFloat16())
    for extended, sign in itertools.product([False, True], repeat=2)
    if not (inner == BFloat16() and extended and sign)
]


def some_words(format) -> torch.Tensor:
    """Words of the inner format whose values are values of ``format``, one per row."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, generator=generator) * 0.05
    return format.recover(StoredBlocks(format.encode(x)[:, None])).codes


def covered(format) -> list[int]:
    """The bits that are protected, check bits included."""
    top = format.bits - 1
    exponent = range(top - (8 if format.inner == Float32() else 4), top)
    checks = range([format.field(bit) for bit in range(format.bits)].count("check"))
    return [*checks, *exponent, *([top] if format.sign else [])]


@pytest.mark.parametrize("nibble", range(16))
def test_check_bits_of_every_nibble(nibble):
    format = InPlaceHamming(Float32())
    low, high = (format.protect(torch.tensor([[nibble << at]])).codes.item() for at in (23, 27))
    assert low & 0b111111 == int(CHECKS[nibble], 2)
    assert high & 0b111111 == int(CHECKS[nibble], 2) << 3


@pytest.mark.parametrize(
    ("x", "plain", "extended"),
    [
        (0.1, 0x3DCCCCE2, 0x3DCCCD42),
        (-1.5, 0xBFC00027, 0xBFC0004F),
        (3.14159274, 0x40490FD8, 0x404910B0),
    ],
)
def test_worked_words(x, plain, extended):
    values = torch.tensor([x])
    assert InPlaceHamming(Float32()).encode(values).item() == plain
    assert InPlaceHamming(Float32(), extended=True).encode(values).item() == extended


@pytest.mark.parametrize(
    ("word", "stored"),
    [(0x3DCCCC00, 0x3DCCCC42), (0xBFC00000, 0xBFC0004F), (0x40490F00, 0x40490FB0)],
)
def test_worked_words_of_the_extended_code_without_rounding(word, stored):
    format = InPlaceHamming(Float32(), extended=True)
    assert format.protect(torch.tensor([[word]])).codes.item() == stored


@pytest.mark.parametrize("format", EVERY, ids=repr)
def test_every_wrong_bit_of_exponent_and_check_bits_is_corrected(format):
    words = some_words(format)
    stored = format.protect(words).codes
    for bit in covered(format):
        found = format.recover(StoredBlocks(stored ^ 1 << bit))
        assert torch.equal(found.codes, words)
        assert (found.flags == CORRECTED).all()


@pytest.mark.parametrize("format", EVERY, ids=repr)
def test_a_wrong_bit_that_is_not_covered_is_read_as_stored(format):
    words = some_words(format)
    stored = format.protect(words).codes
    for bit in sorted(set(range(format.bits)) - set(covered(format))):
        found = format.recover(StoredBlocks(stored ^ 1 << bit))
        assert torch.equal(found.codes, words ^ 1 << bit)
        assert (found.flags == CLEAN).all()


def test_two_wrong_bits_in_one_code_word_always_give_a_wrong_exponent():
    format = InPlaceHamming(Float32())
    word = [3, 4, 5, 27, 28, 29, 30]
    nibbles = (torch.arange(16) << 27)[:, None]
    stored = format.protect(nibbles).codes
    wrong = 0
    for a, b in itertools.combinations(word, 2):
        found = format.recover(StoredBlocks(stored ^ (1 << a | 1 << b)))
        wrong += int((found.codes != nibbles).sum())
    assert wrong == 21 * 16


def test_two_wrong_bits_in_different_code_words_are_both_corrected():
    format = InPlaceHamming(Float32())
    words = some_words(format)
    stored = format.protect(words).codes
    for a, b in itertools.product([0, 1, 2, *range(23, 27)], [3, 4, 5, *range(27, 31)]):
        found = format.recover(StoredBlocks(stored ^ (1 << a | 1 << b)))
        assert torch.equal(found.codes, words)


@pytest.mark.parametrize("sign", [False, True])
def test_two_wrong_bits_in_one_extended_code_word_clear_the_number(sign):
    format = InPlaceHamming(Float32(), extended=True, sign=sign)
    words = some_words(format)
    stored = format.protect(words).codes
    groups = [[0, 1, 2, 3, *range(23, 27)], [4, 5, 6, 7, *range(27, 31)]]
    for group in groups + ([[8, 9, 10, 31]] if sign else []):
        for a, b in itertools.combinations(group, 2):
            found = format.recover(StoredBlocks(stored ^ (1 << a | 1 << b)))
            assert (found.flags == DETECTED).all()
            assert (found.codes == 0).all()


@pytest.mark.parametrize("format", EVERY, ids=repr)
def test_the_relative_error_stays_within_its_bound(format):
    mantissa = {Float32(): 23, Float16(): 10, BFloat16(): 7}[format.inner]
    checks = [format.field(bit) for bit in range(format.bits)].count("check")
    x = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).double()
    x = format.inner.decode(format.inner.encode(x)).double()
    error = ((format.decode(format.encode(x)).double() - x) / x).abs().max().item()
    bound = 2.0 ** -(mantissa - checks + 1)
    assert bound / 4 < error <= bound


def test_bounds_in_the_documentation():
    assert [f"{2.0 ** -(m - n + 1):.1e}" for m, n in ((23, 6), (10, 3), (7, 3))] == [
        "3.8e-06",
        "3.9e-03",
        "3.1e-02",
    ]


@pytest.mark.parametrize("value", [0.0, -0.0, float("inf"), float("-inf"), 1.0, -2.0])
def test_values_with_a_short_mantissa_are_exact(value):
    x = torch.tensor([value])
    for format in (InPlaceHamming(Float32()), InPlaceHamming(Float32(), extended=True, sign=True)):
        back = format.decode(format.encode(x))
        assert torch.equal(back.view(torch.int32), x.view(torch.int32))


def test_nan_stays_nan():
    format = InPlaceHamming(Float32())
    codes = torch.tensor([0x7F800001, 0xFFFFFFFF, 0x7FC00000])
    assert format.decode(format.encode(Float32().decode(codes))).isnan().all()


@pytest.mark.parametrize("extended", [False, True])
def test_a_model_is_rounded_once(extended):
    format = InPlaceHamming(Float32(), extended=extended, sign=True)
    model = nn.Linear(20, 10)
    once = stored_as(model, format)
    assert not torch.equal(once.weight, model.weight)
    assert is_stored_as(once.weight, format)
    assert torch.equal(stored_as(once, format).weight, once.weight)


@pytest.mark.parametrize(
    ("inner", "options", "says"),
    [
        (Fixed(3, 4), {}, "none to spare"),
        (Float64(), {}, "groups of four"),
        (BFloat16(), {"extended": True, "sign": True}, "needs 7 bits of the mantissa"),
        (InPlaceHamming(Float32()), {}, "protected already"),
    ],
)
def test_what_does_not_fit_is_refused(inner, options, says):
    with pytest.raises(InputError, match=says):
        InPlaceHamming(inner, **options)


@pytest.mark.parametrize("extended", [False, True])
def test_the_words_of_a_tensor_are_decoded_without_widening_them(extended):
    format = InPlaceHamming(Float32(), extended=extended, sign=True)
    stored = format.protect(some_words(format)).codes
    for bits in ((), (31,), (30, 23), (30, 29), (0,)):
        faulty = stored ^ sum(1 << bit for bit in bits)
        wide = format.recover(StoredBlocks(faulty))
        narrow = format.recover(StoredBlocks(faulty.to(torch.int32)))
        assert narrow.codes.dtype == torch.int32
        assert torch.equal(narrow.codes.long() & 0xFFFFFFFF, wide.codes)
        assert torch.equal(narrow.flags, wide.flags)
