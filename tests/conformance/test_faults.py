"""Does every fault model keep the contract?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radhard.faults import FAULTS as FAMILY
from radhard.formats import Fixed, Float32, Float64, Int
from tests.conformance.examples import DEVICES, FAULTS

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=repr)
every_width = pytest.mark.parametrize(
    "format", [Int(2).fit(torch.ones(1)), Fixed(3, 4), Float32(), Float64()], ids=repr
)


def test_every_fault_model_has_an_example():
    assert {type(fault).__name__ for fault in FAULTS} == {name for name, _ in FAMILY.listed()}


@every_fault
def test_repr_is_the_spec(fault):
    assert FAMILY.parse(repr(fault)) == fault


@every_fault
@every_width
def test_variants_affect_different_bits_of_the_word_lowest_first(fault, format):
    variants = [fault.fault_bits(variant, format) for variant in range(fault.variants(format))]
    assert variants
    for bits in variants:
        assert list(bits) == sorted(set(bits))
        assert 0 <= bits[0] <= bits[-1] < format.bits
    if not fault.by_bit:
        assert set(variants) == {tuple(range(format.bits))}
        return
    highest_first = [bits[::-1] for bits in variants]
    assert highest_first == sorted(set(highest_first))


@every_fault
@every_width
def test_a_variant_beyond_the_last_is_refused(fault, format):
    with pytest.raises(IndexError):
        fault.fault_bits(fault.variants(format), format)
    for beside in (-1, fault.variants(format)):
        with pytest.raises(IndexError):
            fault.corrupt(torch.tensor([0]), torch.tensor([beside]), format)


@every_fault
@every_width
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_words_suffer_their_own_variant_in_the_faulty_bits_only(fault, format, data):
    word = st.integers(0, 2**format.bits - 1)
    variant = st.integers(0, fault.variants(format) - 1)
    pairs = data.draw(st.lists(st.tuples(word, variant), max_size=8))
    codes = torch.tensor([_signed(w) for w, _ in pairs], dtype=torch.int64)
    variants = torch.tensor([v for _, v in pairs], dtype=torch.int64)
    before = codes.clone()
    faulty = fault.corrupt(codes, variants, format)
    assert torch.equal(codes, before)
    assert faulty.dtype == torch.int64
    assert faulty.shape == codes.shape
    for (word, variant), result in zip(pairs, faulty.tolist(), strict=True):
        changed = word ^ (result % 2**64)
        allowed = sum(1 << bit for bit in fault.fault_bits(variant, format))
        assert changed & ~allowed == 0
        alone = fault.corrupt(torch.tensor([_signed(word)]), torch.tensor([variant]), format)
        assert alone.tolist() == [result]


@every_fault
@every_width
@pytest.mark.parametrize("device", DEVICES)
def test_words_suffer_the_same_on_every_device(fault, format, device):
    variants = torch.arange(fault.variants(format))
    codes = torch.arange(len(variants)) % 4
    faulty = fault.corrupt(codes.to(device), variants, format)
    assert torch.equal(faulty.cpu(), fault.corrupt(codes, variants, format))


@every_fault
@every_width
def test_words_keep_the_shape_of_their_tensor(fault, format):
    codes = torch.zeros(2, 3, dtype=torch.int64)
    flat = fault.corrupt(codes.flatten(), torch.zeros(6, dtype=torch.int64), format)
    shaped = fault.corrupt(codes, torch.zeros(2, 3, dtype=torch.int64), format)
    assert torch.equal(shaped, flat.reshape(2, 3))


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word
