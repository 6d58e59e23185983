"""Does a parity bit detect every error of an odd number of bits?"""

import itertools

import pytest
import torch

from radhard.formats import CLEAN, DETECTED, Fixed, Float32, Parity, StoredBlocks


def test_the_number_of_ones_in_a_stored_word_is_even():
    format = Parity(Fixed(3, 4))
    stored = format.protect(torch.arange(256)[:, None]).codes.flatten().tolist()
    assert all(code.bit_count() % 2 == 0 for code in stored)
    assert [code & 0xFF for code in stored] == list(range(256))


@pytest.mark.parametrize("wrong", [1, 2, 3])
@pytest.mark.parametrize("on_error", ["zero", "keep"])
def test_odd_errors_are_detected_and_even_ones_are_not(on_error, wrong):
    format = Parity(Fixed(1, 2), on_error=on_error)
    words = torch.arange(16)[:, None]
    stored = format.protect(words).codes
    for bits in itertools.combinations(range(5), wrong):
        error = sum(1 << bit for bit in bits)
        found = format.recover(StoredBlocks(stored ^ error))
        as_stored = words ^ error & 0xF
        if wrong % 2:
            assert (found.flags == DETECTED).all()
            assert torch.equal(
                found.codes, as_stored if on_error == "keep" else torch.zeros_like(words)
            )
        else:
            assert (found.flags == CLEAN).all()
            assert torch.equal(found.codes, as_stored)


def test_a_flip_of_the_parity_bit_costs_a_correct_weight():
    format = Parity(Float32())
    codes = format.encode(torch.tensor([0.5]))
    assert format.decode(codes ^ 1 << 32).item() == 0
    assert Parity(Float32(), on_error="keep").decode(codes ^ 1 << 32).item() == 0.5
