"""Are the bits of an index those of the word, in their order?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.formats.protected.bit_window import bit_windows

CASES = st.integers(1, 64).flatmap(
    lambda width: st.tuples(
        st.just(width),
        st.sets(st.integers(0, width - 1), min_size=1),
        st.lists(st.integers(0, 2**width - 1), min_size=1, max_size=4),
    )
)


def index_by_hand(word: int, bits: tuple[int, ...]) -> int:
    return sum((word >> bit & 1) << place for place, bit in enumerate(bits))


@given(case=CASES, widest=st.integers(1, 16), overwrite=st.booleans(), wide=st.booleans())
def test_an_index_contains_the_bits_of_its_window(case, widest, overwrite, wide) -> None:
    width, bits, words = case
    dtype = torch.int64 if wide or width > 32 else torch.int32
    size = 8 * dtype.itemsize
    signed = [word - (word >> size - 1 << size) for word in words]
    found = bit_windows(sorted(bits), widest=widest, width=width)
    assert [bit for window in found for bit in window.bits] == sorted(bits)
    for window in found:
        assert len(window.bits) <= widest
        stored = torch.tensor(signed, dtype=dtype)
        index = window.index(stored, overwrite=overwrite)
        assert index.tolist() == [index_by_hand(word, window.bits) for word in words]
        assert overwrite == (index.data_ptr() == stored.data_ptr())
        assert overwrite or stored.tolist() == signed


@pytest.mark.parametrize(
    "bits",
    [
        (*range(6), *range(23, 31)),
        (*range(8), *range(23, 31)),
        (0, 1, 30),
    ],
)
def test_one_multiplication_gathers_the_bits_of_codes_in_place(bits) -> None:
    (window,) = bit_windows(bits, widest=16, width=32)
    assert window.bits == bits
    # Nothing is left to be cut off in a float32 viewed as integers.
    assert window.exact
