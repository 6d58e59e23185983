"""Does a Hamming code correct every wrong bit?"""

import itertools

import pytest
import torch

from radhard.formats import CORRECTED, DETECTED, Fixed, Float16, Float32, Hamming, StoredBlocks


def numbered(data: int, checks: int) -> list[int]:
    """The classical position of each stored bit: data at the numbers that are no power of two."""
    data_places = [n for n in range(1, data + checks + 1) if n & (n - 1)]
    return [*data_places[:data], *(1 << check for check in range(checks))]


@pytest.mark.parametrize(("inner", "bits"), [(Float32(), 38), (Float16(), 21), (Fixed(3, 4), 12)])
def test_a_word_has_its_check_bits_above_it(inner, bits):
    format = Hamming(inner)
    assert format.bits == bits
    assert format.fields == ("check", *inner.fields)
    assert [format.field(b) for b in range(inner.bits)] == [
        inner.field(b) for b in range(inner.bits)
    ]
    assert {format.field(b) for b in range(inner.bits, bits)} == {"check"}


def test_the_positions_of_the_ones_of_a_code_word_cancel():
    # In a Hamming code the XOR of the classical positions of all ones of a code word is 0.
    format = Hamming(Fixed(3, 4))
    place = numbered(8, 4)
    for code in format.protect(torch.arange(256)[:, None]).codes.flatten().tolist():
        total = 0
        for bit in range(12):
            total ^= place[bit] if code >> bit & 1 else 0
        assert total == 0


def test_every_wrong_bit_of_every_word_is_corrected():
    format = Hamming(Fixed(3, 4))
    words = torch.arange(256)[:, None]
    stored = format.protect(words).codes
    for bit in range(format.bits):
        found = format.recover(StoredBlocks(stored ^ 1 << bit))
        assert torch.equal(found.codes, words)
        assert (found.flags == CORRECTED).all()


def test_two_wrong_bits_change_a_third_one_or_are_detected():
    format, word = Hamming(Fixed(3, 4)), 0xA5
    stored, place = format.protect(torch.tensor([[word]])).codes, numbered(8, 4)
    for a, b in itertools.combinations(range(12), 2):
        found = format.recover(StoredBlocks(stored ^ (1 << a | 1 << b)))
        third = place[a] ^ place[b]
        flips = 1 << a | 1 << b
        if third in place:
            flips |= 1 << place.index(third)
        assert found.flags.item() == (CORRECTED if third in place else DETECTED)
        assert found.codes.item() == word ^ flips & 0xFF


def test_values_are_those_of_the_inner_format():
    x = torch.randn(50)
    format = Hamming(Float32())
    assert torch.equal(format.decode(format.encode(x)), x)
