"""Are words of memory checked and corrected as the protected formats say?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from radhard.errors import InputError
from radhard.formats import (
    CLEAN,
    BFloat16,
    Cep,
    Fixed,
    Float16,
    Float32,
    Float64,
    Hamming,
    InPlaceHamming,
    Int,
    Mset,
    Parity,
    ProtectedFormat,
    Replicated,
    SecDed,
)
from radhard.formats.protected.word_buffer import word_dtype
from radhard.hardenings.coding.stored_code import code_of

IN_PLACE = (
    InPlaceHamming(Float32()),
    InPlaceHamming(Float32(), extended=True, sign=True),
    InPlaceHamming(Float16(), extended=True),
    InPlaceHamming(BFloat16()),
    Mset(Float16()),
    Cep(Float32()),
)
APART = (
    Hamming(Float32()),
    SecDed(Float32()),
    SecDed(Float64()),
    SecDed(BFloat16(), block=4),
    SecDed(Int(8), block=8),
    SecDed(Fixed(3, 8)),
    SecDed(Float32(), block=16),
    Parity(Float32()),
    Parity(Int(8), on_error="keep"),
    Replicated(Float16()),
)


def random_blocks(format: ProtectedFormat, seed: int, count: int = 60) -> Tensor:
    """Blocks of random words of the inner format."""
    bits = format.inner.bits
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(0, 1 << min(bits, 62), (count, format.block), generator=generator)
    return words << max(0, bits - 62)


def flipped(words: Tensor, bits: int, flips: list[tuple[int, int]]) -> Tensor:
    """Words with a bit flipped for each pair of a place and a bit, both taken modulo."""
    flat = words.flatten().clone()
    for place, bit in flips:
        flat[place % len(flat)] ^= torch.tensor(1) << bit % bits
    return flat.reshape(words.shape)


FLIPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 63)), max_size=40)


@pytest.mark.parametrize("format", IN_PLACE + APART, ids=repr)
@given(seed=st.integers(0, 10**6), flips=FLIPS, in_check=FLIPS)
@settings(max_examples=15, deadline=None)
def test_blocks_that_are_no_words_of_the_code_are_found(format, seed, flips, in_check) -> None:
    code = code_of(format)
    words, check = code.encode(random_blocks(format, seed))
    words = flipped(words, code.width, flips)
    stored = None
    if check is not None:
        check = flipped(check, code.check_bits, in_check)
        stored = check.to(word_dtype(code.check_bits))
    expected = (code._recover(words, check)[1] != CLEAN).nonzero().flatten()
    assert torch.equal(code.wrong(words.to(code.dtype), stored), expected)


@pytest.mark.parametrize("format", IN_PLACE + APART, ids=repr)
def test_no_word_of_the_code_is_wrong(format) -> None:
    code = code_of(format)
    words, check = code.encode(random_blocks(format, seed=1, count=4000))
    stored = None if check is None else check.to(word_dtype(code.check_bits))
    assert not len(code.wrong(words.to(code.dtype), stored))


@pytest.mark.parametrize("format", IN_PLACE + APART, ids=repr)
@given(seed=st.integers(0, 10**6), flips=FLIPS, in_check=FLIPS)
@settings(max_examples=15, deadline=None)
def test_a_correction_is_what_the_decoder_of_the_format_reads(
    format, seed, flips, in_check
) -> None:
    code = code_of(format)
    words, check = code.encode(random_blocks(format, seed))
    words = flipped(words, code.width, flips)
    check = None if check is None else flipped(check, code.check_bits, in_check)
    corrected = code.correct(words, check)
    before = code._recover(words, check)
    again = code._recover(corrected.words, corrected.check)
    assert torch.equal(again[0], before[0])
    assert torch.equal(corrected.flags, before[1])
    # What was corrected is a word of the code again; other errors stay.
    assert not again[1][before[1] != 2].any()


def test_replicated_words_have_no_table_of_corrections() -> None:
    code = code_of(Replicated(Float16()))
    words, check = code.encode(random_blocks(code.format, seed=0))
    with pytest.raises(InputError, match=r"at most 12 check bits.*SecDed\(Float16\(\)\)"):
        code.correct_by_table(words, check)
