"""Is every bit read as the majority of its copies?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.formats import CLEAN, CORRECTED, Fixed, Float32, Float64, Replicated, StoredBlocks


@given(copies=st.sampled_from([3, 5, 7]), data=st.data())
def test_each_bit_is_the_majority_of_its_copies(copies, data):
    format = Replicated(Fixed(3, 4), copies)
    read = [data.draw(st.integers(0, 255)) for _ in range(copies)]
    stored = torch.tensor([[sum(copy << 8 * n for n, copy in enumerate(read))]])
    found = format.recover(StoredBlocks(stored))
    expected = sum(
        1 << bit for bit in range(8) if sum(copy >> bit & 1 for copy in read) > copies // 2
    )
    assert found.codes.item() == expected
    assert found.flags.item() == (CLEAN if len(set(read)) == 1 else CORRECTED)


@given(word=st.integers(0, 2**32 - 1), second=st.integers(0, 2**32 - 1))
def test_copies_of_a_wide_word_are_stored_apart(word, second):
    format = Replicated(Float32())
    assert (format.bits, format.check_bits) == (32, 64)
    stored = format.protect(torch.tensor([[word]]))
    assert stored.codes.item() == word
    assert stored.check.item() & 2**64 - 1 == word << 32 | word
    assert format.recover(stored).codes.item() == word
    # One copy is another word altogether, once the one in the word and once each one apart.
    flips = word ^ second
    for codes, check in (
        (stored.codes ^ flips, stored.check),
        (stored.codes, stored.check ^ flips),
        (stored.codes, stored.check ^ torch.tensor([flips]) << 32),
    ):
        found = format.recover(StoredBlocks(codes, check))
        assert found.codes.item() == word
        assert found.flags.item() == (CORRECTED if flips else CLEAN)


def test_the_first_copy_has_the_fields_of_the_word():
    format = Replicated(Fixed(3, 4))
    assert format.fields == ("copy", "sign", "integer", "fraction")
    assert [format.field(bit) for bit in (0, 7, 8, 23)] == ["fraction", "sign", "copy", "copy"]


@pytest.mark.parametrize(
    ("inner", "copies", "says"),
    [
        (Fixed(3, 4), 2, "odd"),
        (Fixed(3, 4), 1, "3 or more"),
        (Fixed(3, 4), -3, "3 or more"),
        (Float64(), 3, "128 bits apart"),
        (Replicated(Fixed(3, 4)), 3, "protected already"),
    ],
)
def test_what_cannot_be_replicated_is_refused(inner, copies, says):
    with pytest.raises(InputError, match=says):
        Replicated(inner, copies)
