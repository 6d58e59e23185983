"""Do copies of the top exponent bit protect it?"""

import pytest
import torch

from radhard.formats import CORRECTED, BFloat16, Float16, Float32, Float64, Mset, StoredBlocks


@pytest.mark.parametrize(
    ("inner", "x", "word"),
    [
        (Float32(), 0.1, 0x3DCCCCCC),
        (Float32(), 3.14159274, 0x40490FDB),
        (Float32(), 2.0, 0x40000003),
        (Float16(), 0.1, 0x2E64),
    ],
)
def test_worked_words(inner, x, word):
    assert Mset(inner).encode(torch.tensor([x])).item() == word


def test_a_worked_flip_of_the_top_exponent_bit():
    format = Mset(Float32())
    codes = format.encode(torch.tensor([0.1])) ^ 1 << 30
    assert Float32().decode(codes).item() == pytest.approx(3.4028e37, rel=1e-4)
    assert format.decode(codes).item() == 0.09999999403953552


@pytest.mark.parametrize("inner", [Float16(), BFloat16()], ids=repr)
def test_each_of_the_three_bits_is_corrected_in_every_word(inner):
    format = Mset(inner)
    words = torch.arange(0, 2**16, 4)[:, None]
    infinity = ((1 << inner.exponent) - 1) << 15 - inner.exponent
    words = words[(words.flatten() & 0x7FFF) <= infinity]
    stored = format.protect(words).codes
    for bit in (0, 1, 14):
        found = format.recover(StoredBlocks(stored ^ 1 << bit))
        assert torch.equal(found.codes, words)
        assert (found.flags == CORRECTED).all()


@pytest.mark.parametrize(
    ("inner", "bound"), [(Float32(), 3.6e-7), (Float16(), 2.95e-3), (BFloat16(), 2.4e-2)], ids=repr
)
def test_the_relative_error_is_that_of_two_lost_bits(inner, bound):
    x = torch.randn(50_000, generator=torch.Generator().manual_seed(0)) * 0.05
    x = inner.decode(inner.encode(x[x.abs() > 2.0**-13])).double()
    error = (x - Mset(inner).decode(Mset(inner).encode(x)).double()) / x
    assert error.min() >= 0
    assert 0.7 * bound < error.max() <= bound


def test_the_field_of_the_copies_is_the_check_field():
    assert Mset(Float64()).field(1) == "check"
    assert Mset(Float64()).field(2) == "mantissa"
