"""Does every protected format keep the contract?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from radhard.errors import InputError
from radhard.formats import (
    CLEAN,
    Fixed,
    Float32,
    Int,
    Oracle,
    Parity,
    ProtectedFormat,
    StoredBlocks,
    ZeroSpace,
)
from tests.conformance.examples import DEVICES, PROTECTED

every_format = pytest.mark.parametrize("format", PROTECTED, ids=repr)


def some_blocks(format: ProtectedFormat, blocks: int = 5) -> tuple[ProtectedFormat, Tensor]:
    """A fitted format and blocks of words whose values are values of the format."""
    generator = torch.Generator().manual_seed(blocks)
    x = torch.randn(blocks * format.block, generator=generator).double()
    fitted = format.fit(x)
    inner = fitted.inner.encode(x).reshape(blocks, format.block)
    return fitted, fitted.recover(fitted.protect(inner)).codes


def cells(stored: StoredBlocks) -> Tensor:
    """The words of each block, with the check bits as the last one."""
    return (
        stored.codes
        if stored.check is None
        else torch.cat([stored.codes, stored.check[:, None]], dim=1)
    )


@every_format
def test_what_is_not_faulty_is_read_as_it_was_written(format):
    fitted, words = some_blocks(format)
    found = fitted.recover(fitted.protect(words))
    assert torch.equal(found.codes, words)
    assert found.flags.tolist() == [CLEAN] * len(words)


@every_format
@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_shapes_and_dtypes(format, blocks):
    fitted, words = some_blocks(format, blocks)
    stored = fitted.protect(words)
    assert stored.codes.shape == (blocks, format.block)
    assert stored.codes.dtype == torch.int64
    assert (stored.check is None) == (format.check_bits == 0)
    assert ("check" in format.planes) == (format.check_bits > 0)
    if stored.check is not None:
        assert (stored.check.shape, stored.check.dtype) == ((blocks,), torch.int64)
    found = fitted.recover(stored)
    assert (found.codes.shape, found.codes.dtype) == (words.shape, torch.int64)
    assert (found.flags.shape, found.flags.dtype) == ((blocks,), torch.int8)


@every_format
def test_stored_words_are_as_wide_as_stated(format):
    fitted, words = some_blocks(format, 40)
    stored = fitted.protect(words)
    if not isinstance(format, Oracle) and format.bits < 64:
        assert ((stored.codes >= 0) & (stored.codes < 2**format.bits)).all()
    if 0 < format.check_bits < 64:
        assert stored.check is not None
        assert ((stored.check >= 0) & (stored.check < 2**format.check_bits)).all()


@every_format
@given(data=st.data())
def test_neither_direction_changes_its_input_and_blocks_are_independent(format, data):
    fitted, words = some_blocks(format)
    before = words.clone()
    stored = fitted.protect(words)
    assert torch.equal(words, before)
    row, bit = data.draw(st.integers(0, 4)), data.draw(st.integers(0, format.bits - 1))
    column = data.draw(st.integers(0, format.block - 1))
    codes = stored.codes.clone()
    codes[row, column] ^= 1 << bit if bit < 63 else -(2**63)
    faulty = StoredBlocks(codes.clone(), stored.check)
    found = fitted.recover(faulty)
    assert torch.equal(faulty.codes, codes)
    others = torch.arange(5) != row
    assert torch.equal(found.codes[others], words[others])
    assert (found.flags[others] == CLEAN).all()
    # What is computed for a block alone is computed for it among others.
    alone = fitted.recover(
        StoredBlocks(codes[[row]], None if stored.check is None else stored.check[[row]])
    )
    assert torch.equal(alone.codes[0], found.codes[row])
    assert alone.flags[0] == found.flags[row]


@every_format
@given(n=st.integers(1, 30), data=st.data())
def test_encode_and_decode_do_the_same_to_a_tensor_of_any_length(format, n, data):
    x = torch.tensor(data.draw(st.lists(st.floats(-1, 1), min_size=n, max_size=n)))
    fitted = format.fit(x)
    values = fitted.decode(fitted.encode(x))
    whole = torch.nn.functional.pad(fitted.inner.encode(x), (0, -n % format.block))
    blocks = fitted.recover(fitted.protect(whole.reshape(-1, format.block))).codes
    assert torch.equal(values, fitted.inner.decode(blocks.flatten()[:n]))
    assert fitted.unchanged(fitted.encode(x), fitted.encode(x)).all()


@every_format
@pytest.mark.parametrize("device", DEVICES)
def test_decoding_is_the_same_on_every_device(format, device):
    fitted, words = some_blocks(format)
    stored = fitted.protect(words)
    codes = stored.codes ^ 0b1000
    here = fitted.recover(StoredBlocks(codes, stored.check))
    check = None if stored.check is None else stored.check.to(device)
    there = fitted.recover(StoredBlocks(codes.to(device), check))
    assert torch.equal(there.codes.cpu(), here.codes)
    assert torch.equal(there.flags.cpu(), here.flags)
    assert torch.equal(cells(fitted.protect(words.to(device))).cpu(), cells(stored))


@every_format
@pytest.mark.parametrize("shape", [(), (0,), (3, 6), (4, 4)], ids=str)
def test_stored_bits_are_those_of_all_planes(format, shape):
    fitted = format.fit(torch.ones(shape))
    words = fitted.inner.encode(torch.ones(shape)).flatten()
    blocks = torch.nn.functional.pad(words, (0, -len(words) % format.block))
    stored = fitted.protect(blocks.reshape(-1, format.block))
    scale = torch.tensor(fitted.scales() if format.has_scale else [])
    # The scales of the microscaling formats are bytes, those of integers floats.
    width = 32 if isinstance(format.inner, Int) else 8
    bits = len(words) * format.bits + width * scale.numel()
    bits += 0 if stored.check is None else stored.check.numel() * format.check_bits
    padded = bits + (stored.codes.numel() - len(words)) * format.bits
    # Only the words that complete the last block of a ZeroSpace hold check bits.
    assert format.stored_bits(shape) == (padded if isinstance(format, ZeroSpace) else bits)


@every_format
def test_a_protected_format_is_not_protected_again(format):
    with pytest.raises(InputError, match="protected already"):
        type(format)(Parity(Fixed(1, 2)))


@every_format
def test_the_scale_is_that_of_the_inner_format(format):
    assert format.has_scale == format.inner.has_scale
    x = torch.randn(4, 8, dtype=torch.float64)
    fitted = format.fit(x)
    assert repr(fitted) == repr(format)
    assert fitted == format
    if not isinstance(format, ZeroSpace):
        assert fitted.scales() == format.inner.fit(x).scales()


def test_examples_have_stored_words_and_separate_check_bits():
    assert {bool(format.check_bits) for format in PROTECTED} == {False, True}
    assert {format.inner for format in PROTECTED} >= {Float32(), Int(8)}
