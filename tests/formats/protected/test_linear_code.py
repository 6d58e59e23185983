"""Are syndromes of many blocks those of each one by itself?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.formats import CLEAN, CORRECTED, DETECTED
from radhard.formats.protected.linear_code import LinearCode


def signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


@given(
    width=st.integers(1, 64),
    words=st.integers(1, 5),
    check_bits=st.integers(1, 17),
    blocks=st.integers(0, 4),
    data=st.data(),
)
def test_a_syndrome_is_the_xor_of_the_columns_of_all_bits_that_are_set(
    width, words, check_bits, blocks, data
):
    some = st.integers(0, 2**check_bits - 1) | st.just(0)
    columns = data.draw(st.lists(some, min_size=width * words, max_size=width * words))
    code = LinearCode(tuple(columns), width, check_bits)
    word = st.integers(0, 2**width - 1)
    rows = [[data.draw(word) for _ in range(words)] for _ in range(blocks)]
    expected = []
    for row in rows:
        syndrome = 0
        for bit, column in enumerate(columns):
            if row[bit // width] >> bit % width & 1:
                syndrome ^= column
        expected.append(syndrome)
    stored = torch.tensor([[signed(word) for word in row] for row in rows], dtype=torch.int64)
    assert code.syndromes(stored.reshape(blocks, words)).tolist() == expected


def test_many_blocks_are_split_without_being_mixed_up():
    code = LinearCode(tuple(range(1, 17)), 8, 5)
    words = torch.randint(256, (80_001, 2), generator=torch.Generator().manual_seed(0))
    whole = code.syndromes(words)
    assert len(whole) == 80_001
    for at in (0, 32_767, 32_768, 65_535, 80_000):
        assert whole[at] == code.syndromes(words[at : at + 1])[0]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
@pytest.mark.parametrize("words", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("check_bits", [5, 12])
def test_narrow_integers_have_the_syndromes_of_wide_ones(dtype, words, check_bits):
    width = 8 * dtype.itemsize
    generator = torch.Generator().manual_seed(0)
    columns = torch.randint(1 << check_bits, (width * words,), generator=generator)
    code = LinearCode(tuple(columns.tolist()), width, check_bits)
    wide = torch.randint(1 << width, (50, words), generator=generator)
    narrow = wide.to(dtype)
    expected = code.syndromes(wide)
    assert torch.equal(code.syndromes(narrow), expected)
    assert torch.equal(narrow, wide.to(dtype))
    assert torch.equal(code.syndromes(narrow, overwrite=True), expected)


def test_a_syndrome_is_a_data_bit_a_check_bit_or_an_error_of_several():
    # Columns of two words of two bits; 6 is none of them.
    code = LinearCode((3, 5, 7, 0), 2, 3)
    words = torch.zeros(5, 2, dtype=torch.int64)
    found = code.correct(words, torch.tensor([0, 3, 7, 4, 6]))
    assert found.codes.tolist() == [[0, 0], [1, 0], [0, 1], [0, 0], [0, 0]]
    assert found.flags.tolist() == [CLEAN, CORRECTED, CORRECTED, CORRECTED, DETECTED]
    assert not words.any()
