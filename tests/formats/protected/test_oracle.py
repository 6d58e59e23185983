"""Do faults in an ideally protected field have no effect?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import CLEAN, CORRECTED, Fixed, Float32, Float64, Int, Oracle, StoredBlocks


@given(word=st.integers(0, 2**32 - 1), error=st.integers(0, 2**32 - 1))
def test_only_errors_outside_the_field_reach_the_word(word, error):
    exponent = 0xFF << 23
    format = Oracle(Float32(), "exponent")
    stored = format.protect(torch.tensor([[word]])).codes
    found = format.recover(StoredBlocks(stored ^ error))
    assert found.codes.item() == word ^ error & ~exponent
    assert found.flags.item() == (CORRECTED if error & exponent else CLEAN)


def test_a_word_is_as_wide_as_that_of_the_inner_format():
    format = Oracle(Int(8))
    assert (format.bits, format.check_bits, format.fields) == (8, 0, ("sign", "magnitude"))


def test_no_fault_model_reaches_the_copy():
    format = Oracle(Fixed(3, 4))
    words = torch.arange(256)
    stored = format.protect(words[:, None]).codes.flatten()
    for fault in (BitFlip(), StuckAt(0), StuckAt(1), BitFlip(count=2)):
        for variant in range(fault.variants(format)):
            after = fault.corrupt(stored, torch.full_like(stored, variant), format)
            assert torch.equal(after >> 8, words >> 7)
    flipped = BitFlip(field="sign").corrupt(stored, torch.zeros_like(stored), format)
    assert torch.equal(format.decode(flipped), Fixed(3, 4).decode(words))


@pytest.mark.parametrize(
    ("inner", "name", "says"),
    [
        (Float32(), "magnitude", "its fields are sign, exponent, mantissa"),
        (Float64(), "sign", "together 65 bits"),
        (Oracle(Float32()), "sign", "protected already"),
    ],
)
def test_a_field_that_cannot_be_protected_is_refused(inner, name, says):
    with pytest.raises(InputError, match=says):
        Oracle(inner, name)
