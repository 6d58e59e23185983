"""Does every protected format do with one wrong bit what it promises?"""

import pytest
import torch

import radhard.formats
from radhard.formats import (
    CLEAN,
    CORRECTED,
    DETECTED,
    FORMATS,
    BFloat16,
    Cep,
    Fixed,
    Float16,
    Hamming,
    InPlaceHamming,
    Int,
    Mset,
    Oracle,
    Parity,
    ProtectedFormat,
    Replicated,
    SecDed,
    StoredBlocks,
    ZeroSpace,
)

# The flag for one wrong bit of any word, by its bit, most significant first; then of the check bits
# that are stored apart. c: corrected, d: detected, .: not noticed and read as stored.
PROMISES = [
    (Parity(Fixed(1, 2)), "d" * 5),
    (Parity(Fixed(1, 2), on_error="keep"), "d" * 5),
    (Parity(Int(8)), "d" * 9),
    (Hamming(Fixed(1, 2)), "c" * 7),
    (Hamming(Int(8)), "c" * 12),
    (SecDed(Fixed(1, 2)), "c" * 8),
    (SecDed(Int(8)), "c" * 13),
    (SecDed(Fixed(0, 3), block=2), "cccc", "ccccc"),
    (SecDed(Fixed(1, 1), block=3), "ccc", "ccccc"),
    (Replicated(Fixed(1, 2)), "c" * 12),
    (Replicated(Fixed(0, 1), copies=5), "c" * 10),
    (Replicated(Fixed(0, 21)), "c" * 22, "c" * 44),
    (Oracle(Fixed(1, 2)), "c..."),
    (Oracle(Int(8), "magnitude"), ".ccccccc"),
    (InPlaceHamming(Float16()), ".cccc........ccc"),
    (InPlaceHamming(Float16(), extended=True), ".cccc.......cccc"),
    (InPlaceHamming(Float16(), sign=True), "ccccc......ccccc"),
    (InPlaceHamming(Float16(), extended=True, sign=True), "ccccc....ccccccc"),
    (InPlaceHamming(BFloat16()), ".cccc........ccc"),
    (InPlaceHamming(BFloat16(), sign=True), "ccccc......ccccc"),
    (Mset(Float16()), ".c............cc"),
    (Mset(BFloat16()), ".c............cc"),
    (Cep(Float16()), "d" * 16),
    (Cep(Float16(), "D7P1"), "d" * 16),
    (Cep(BFloat16(), "D15P1"), "d" * 16),
    (ZeroSpace(), "c" * 8),
]
FLAGS = {"c": CORRECTED, "d": DETECTED, ".": CLEAN}


def every_block(format: ProtectedFormat) -> torch.Tensor:
    """Blocks of words whose values are values of the format: all, or many if there are too many."""
    if isinstance(format, ZeroSpace):
        return torch.randint(-64, 64, (500, 8), generator=torch.Generator().manual_seed(0)) & 0xFF
    generator = torch.Generator().manual_seed(0)
    n = format.inner.bits * format.block
    whole = torch.arange(2**n) if n <= 16 else torch.randint(2**n, (2000,), generator=generator)
    places = torch.arange(format.block) * format.inner.bits
    words = whole[:, None] >> places & (1 << format.inner.bits) - 1
    return torch.unique(format.recover(format.protect(words)).codes, dim=0)


@pytest.mark.parametrize("promised", PROMISES, ids=lambda promised: repr(promised[0]))
def test_one_wrong_bit_anywhere_in_every_word(promised):
    format, of_word, apart = (*promised, "")[:3]
    assert (len(of_word), len(apart)) == (format.bits, format.check_bits)
    words = every_block(format)
    stored = format.protect(words)
    for column in range(format.block):
        for bit, promise in enumerate(reversed(of_word)):
            codes = stored.codes.clone()
            codes[:, column] ^= 1 << bit
            found = format.recover(StoredBlocks(codes, stored.check))
            assert (found.flags == FLAGS[promise]).all()
            if promise == "c":
                assert torch.equal(found.codes, words)
            if promise == ".":
                expected = words.clone()
                expected[:, column] ^= 1 << bit
                assert torch.equal(found.codes, expected)
    for bit in range(len(apart)):
        assert stored.check is not None
        found = format.recover(StoredBlocks(stored.codes, stored.check ^ 1 << bit))
        assert (found.flags == CORRECTED).all()
        assert torch.equal(found.codes, words)


def test_every_protected_format_has_a_promise():
    listed = {name for name, _ in FORMATS.listed()}
    protected = {
        name for name in listed if issubclass(getattr(radhard.formats, name), ProtectedFormat)
    }
    assert {type(format).__name__ for format, *_ in PROMISES} == protected
