"""Does a Hsiao code correct one wrong bit and detect two, in words and in blocks?"""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.formats import (
    CLEAN,
    CORRECTED,
    DETECTED,
    Fixed,
    Float32,
    Float64,
    Int,
    SecDed,
    StoredBlocks,
)
from radhard.formats.protected.check_columns import hsiao_columns


def signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


def blocks(*words: int) -> torch.Tensor:
    return torch.tensor([[signed(word) for word in words]])


@pytest.mark.parametrize(
    ("inner", "word", "check"),
    [
        (Fixed(3, 4), 0xA5, 0x14),
        (Fixed(3, 12), 0xBEEF, 0x07),
        (Float32(), 0xDEADBEEF, 0x41),
    ],
)
def test_check_bits_of_worked_words(inner, word, check):
    stored = SecDed(inner).protect(blocks(word)).codes.item()
    assert stored == word | check << inner.bits


def test_check_bits_of_a_worked_word_of_64_bits_are_stored_apart():
    format = SecDed(Float64())
    assert (format.bits, format.check_bits, format.planes) == (64, 8, ("codes", "check"))
    stored = format.protect(blocks(0x0123456789ABCDEF))
    assert (stored.codes.item(), stored.check.item()) == (0x0123456789ABCDEF, 0x24)


@pytest.mark.parametrize(
    ("flips", "flag", "left"),
    [
        # The syndrome of the three is 10, the column of a check bit: the three remain.
        ((0, 1, 2), CORRECTED, 0b111),
        ((5,), CORRECTED, 0),
        ((5, 6), DETECTED, 0b110_0000),
    ],
)
def test_worked_errors_of_the_code_of_8_bits(flips, flag, left):
    format = SecDed(Fixed(3, 4))
    error = sum(1 << bit for bit in flips)
    found = format.recover(StoredBlocks(format.protect(blocks(0xA5)).codes ^ error))
    assert (found.codes.item(), found.flags.item()) == (0xA5 ^ left, flag)


def test_worked_errors_of_three_bits_of_the_codes_of_16_and_32_bits():
    wide = SecDed(Fixed(3, 12))
    found = wide.recover(StoredBlocks(wide.protect(blocks(0xBEEF)).codes ^ 0b111))
    assert (found.codes.item(), found.flags.item()) == (0xBEEF ^ 0b1111, CORRECTED)
    wider = SecDed(Float32())
    found = wider.recover(StoredBlocks(wider.protect(blocks(0xDEADBEEF)).codes ^ 0b111))
    assert (found.codes.item(), found.flags.item()) == (0xDEADBEEF ^ 0b111, DETECTED)


@pytest.mark.parametrize("inner", [Fixed(1, 2), Fixed(2, 3), Fixed(3, 4)], ids=repr)
def test_all_errors_of_one_and_two_bits_of_all_words(inner):
    format = SecDed(inner)
    words = torch.arange(2**inner.bits)[:, None]
    stored = format.protect(words).codes
    assert (format.recover(StoredBlocks(stored)).flags == CLEAN).all()
    for bit in range(format.bits):
        found = format.recover(StoredBlocks(stored ^ 1 << bit))
        assert torch.equal(found.codes, words)
        assert (found.flags == CORRECTED).all()
    for a, b in itertools.combinations(range(format.bits), 2):
        found = format.recover(StoredBlocks(stored ^ (1 << a | 1 << b)))
        assert (found.flags == DETECTED).all()
        # What is detected is left as it is.
        assert torch.equal(found.codes, (stored ^ (1 << a | 1 << b)) & (2**inner.bits - 1))


@pytest.mark.parametrize(
    ("inner", "miscorrected", "every"),
    [(Fixed(3, 4), 220, 286), (Fixed(3, 12), 1008, 1540), (Float32(), 5452, 9139)],
    ids=repr,
)
def test_the_share_of_errors_of_three_bits_that_are_miscorrected(inner, miscorrected, every):
    format = SecDed(inner)
    errors = torch.tensor(
        [1 << a | 1 << b | 1 << c for a, b, c in itertools.combinations(range(format.bits), 3)]
    )[:, None]
    flags = format.recover(StoredBlocks(errors)).flags
    assert len(flags) == every
    assert ((flags == CORRECTED).sum().item(), (flags == CLEAN).sum().item()) == (miscorrected, 0)


# The same code over values of different widths: only the cutting into words differs.
@pytest.mark.parametrize(
    "format",
    [SecDed(Int(8), block=8), SecDed(Fixed(3, 12), block=4), SecDed(Float32(), block=2)],
    ids=repr,
)
@given(data=st.data())
def test_blocks_of_64_bits_share_the_code_of_one_word_of_64(format, data):
    width, size = format.inner.bits, format.block
    words = data.draw(st.lists(st.integers(0, 2**width - 1), min_size=size, max_size=size))
    whole = sum(word << n * width for n, word in enumerate(words))
    stored = format.protect(blocks(*words))
    assert stored.codes.tolist() == [words]
    apart = SecDed(Float64()).protect(blocks(whole))
    assert stored.check.tolist() == apart.check.tolist()
    wrong = data.draw(st.sets(st.integers(0, 71), max_size=3))
    error = sum(1 << bit for bit in wrong)
    faulty = [word ^ error >> n * width & 2**width - 1 for n, word in enumerate(words)]
    found = format.recover(StoredBlocks(blocks(*faulty), stored.check ^ error >> 64))
    same = SecDed(Float64()).recover(
        StoredBlocks(blocks((whole ^ error) & 2**64 - 1), apart.check ^ error >> 64)
    )
    assert found.flags.tolist() == same.flags.tolist()
    joined = sum(word << n * width for n, word in enumerate(found.codes[0].tolist()))
    assert signed(joined) == same.codes.item()


@given(
    width=st.integers(2, 12),
    block=st.integers(2, 9),
    rows=st.integers(1, 5),
    data=st.data(),
)
def test_a_block_of_any_size_corrects_one_and_detects_two(width, block, rows, data):
    format = SecDed(Fixed(0, width - 1), block=block)
    words = torch.tensor(
        [[data.draw(st.integers(0, 2**width - 1)) for _ in range(block)] for _ in range(rows)]
    )
    stored = format.protect(words)
    n = width * block + format.check_bits
    row = data.draw(st.integers(0, rows - 1))
    bits = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=2, unique=True))
    codes, check = stored.codes.clone(), stored.check.clone()
    for bit in bits:
        if bit < width * block:
            codes[row, bit // width] ^= 1 << bit % width
        else:
            check[row] ^= 1 << bit - width * block
    found = format.recover(StoredBlocks(codes, check))
    expected = torch.zeros(rows, dtype=torch.int8)
    expected[row] = CORRECTED if len(bits) == 1 else DETECTED
    assert torch.equal(found.flags, expected)
    assert torch.equal(found.codes, words if len(bits) == 1 else codes)


def test_a_whole_tensor_is_decoded_like_its_blocks():
    # More blocks than are looked up at once.
    format = SecDed(Int(8), block=8)
    words = torch.randint(0, 256, (9001, 8), generator=torch.Generator().manual_seed(0))
    stored = format.protect(words)
    codes = stored.codes.clone()
    codes[::7, 3] ^= 1 << 5
    found = format.recover(StoredBlocks(codes, stored.check))
    assert torch.equal(found.codes, words)
    assert torch.equal(found.flags.nonzero().flatten(), torch.arange(0, 9001, 7))
    part = format.protect(words[8000:8010])
    assert torch.equal(part.check, stored.check[8000:8010])


@pytest.mark.parametrize(
    ("inner", "block", "says"),
    [
        (Int(8), 0, "1 or more"),
        (Int(8), -1, "1 or more"),
        (Float32(), 129, "block=128 or less"),
        (SecDed(Int(8)), 1, "protected already"),
    ],
)
def test_what_cannot_be_protected_is_refused(inner, block, says):
    with pytest.raises(InputError, match=says):
        SecDed(inner, block=block)


def test_the_widest_block_has_a_code():
    assert hsiao_columns(4096)[1] == 14
    assert SecDed(Float32(), block=128).check_bits == 14
