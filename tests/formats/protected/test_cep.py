"""Does a wrong parity clear its chunk, and nothing else?"""

import pytest
import torch

from radhard.errors import InputError
from radhard.formats import DETECTED, BFloat16, Cep, Fixed, Float16, Float32, StoredBlocks

SCHEMES = ("D3P1", "D7P1", "D15P1")

# First bit of each chunk, by parity bit from 0.
CHUNKS = {
    (32, "D3P1"): (8, 11, 14, 17, 20, 23, 26, 29),
    (32, "D7P1"): (4, 11, 18, 25),
    (32, "D15P1"): (2, 17),
    (16, "D3P1"): (4, 7, 10, 13),
    (16, "D7P1"): (2, 9),
    (16, "D15P1"): (1,),
}


@pytest.mark.parametrize(
    ("inner", "x", "stored", "read"),
    [
        (Float32(), 0.1, 0x3DCCCCD3, 0x3DCCCC00),
        (Float32(), -1.5, 0xBFC00070, 0xBFC00000),
        (Float32(), 3.14159274, 0x40490F9F, 0x40490F00),
        (Float16(), 0.1, 0x2E6A, 0x2E60),
    ],
)
def test_worked_words(inner, x, stored, read):
    format = Cep(inner)
    codes = format.encode(torch.tensor([x]))
    assert codes.item() == stored
    assert inner.encode(format.decode(codes)).item() == read


@pytest.mark.parametrize(
    ("bit", "read"),
    [
        (29, 0x1DCCCC00),
        (30, 0x1DCCCC00),
        (31, 0x1DCCCC00),
        (7, 0x1DCCCC00),
        (23, 0x3C4CCC00),
        (22, 0x3D8CCC00),
    ],
)
def test_worked_flips(bit, read):
    format = Cep(Float32())
    codes = format.encode(torch.tensor([0.1])) ^ 1 << bit
    assert Float32().encode(format.decode(codes)).item() == read


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("inner", [Float32(), Float16(), BFloat16()], ids=repr)
def test_chunks_and_their_parity_bits(inner, scheme):
    format = Cep(inner, scheme)
    data, starts = int(scheme[1:-2]), CHUNKS[inner.bits, scheme]
    x = torch.randn(300, generator=torch.Generator().manual_seed(0))
    stored = format.encode(x)[:, None]
    clean = format.recover(StoredBlocks(stored)).codes
    for parity, start in enumerate(starts):
        chunk = ((1 << data) - 1) << start
        whole = chunk | 1 << parity
        assert all((code & whole).bit_count() % 2 == 0 for code in stored.flatten().tolist())
        for bit in (parity, *range(start, start + data)):
            found = format.recover(StoredBlocks(stored ^ 1 << bit))
            assert torch.equal(found.codes, clean & ~chunk)
            assert (found.flags == DETECTED).all()
    assert [format.field(bit) for bit in range(inner.bits)].count("check") == len(starts)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("inner", [Float32(), Float16()], ids=repr)
def test_no_single_fault_makes_a_number_larger(inner, scheme):
    format = Cep(inner, scheme)
    x = torch.randn(3000, generator=torch.Generator().manual_seed(0)) * 0.05
    codes = format.encode(x)
    clean = format.decode(codes).abs()
    for bit in range(inner.bits):
        read = format.decode(codes ^ 1 << bit).abs()
        assert (read <= clean).all()


@pytest.mark.parametrize(
    ("inner", "scheme", "largest"),
    [
        (Float32(), "D3P1", 3.1e-5),
        (Float32(), "D7P1", 1.8e-6),
        (Float32(), "D15P1", 3.6e-7),
        (Float16(), "D3P1", 1.5e-2),
        (Float16(), "D15P1", 9.8e-4),
        (BFloat16(), "D3P1", 1.06e-1),
    ],
)
def test_the_cost_in_accuracy(inner, scheme, largest):
    format = Cep(inner, scheme)
    x = torch.randn(50_000, generator=torch.Generator().manual_seed(0)) * 0.05
    x = inner.decode(inner.encode(x[x.abs() > 2.0**-13])).double()
    error = (x - format.decode(format.encode(x)).double()) / x
    assert error.min() >= 0
    assert 0.7 * largest < error.max() <= largest


def test_formats_without_a_mantissa_are_refused():
    with pytest.raises(InputError, match="none to spare"):
        Cep(Fixed(3, 4))
