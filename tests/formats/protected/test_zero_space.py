"""Does the free bit of small 8-bit weights carry a SEC-DED code?"""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.errors import InputError
from radhard.formats import (
    CLEAN,
    CORRECTED,
    DETECTED,
    Fixed,
    Int,
    StoredBlocks,
    ZeroSpace,
    is_stored_as,
    stored_as,
)

WEIGHTS = [5, -3, 63, -64, 0, -1, 17, -120]
STORED = "05 BD 7F 80 40 BF 11 88"


def worked() -> tuple[torch.Tensor, torch.Tensor]:
    words = torch.tensor([[weight & 0xFF for weight in WEIGHTS]])
    return words, torch.tensor([[int(byte, 16) for byte in STORED.split()]])


def flipped(words: torch.Tensor, *bits: int) -> StoredBlocks:
    words = words.clone()
    for bit in bits:
        words[:, bit // 8] ^= 1 << bit % 8
    return StoredBlocks(words)


def test_a_worked_block():
    words, stored = worked()
    assert torch.equal(ZeroSpace().protect(words).codes, stored)
    found = ZeroSpace().recover(StoredBlocks(stored))
    assert torch.equal(found.codes, words)
    assert found.flags.item() == CLEAN


def test_all_errors_of_one_and_two_bits_of_a_block():
    words, stored = worked()
    for bit in range(64):
        found = ZeroSpace().recover(flipped(stored, bit))
        assert torch.equal(found.codes, words)
        assert found.flags.item() == CORRECTED
    pairs = list(itertools.combinations(range(64), 2))
    blocks = torch.cat([flipped(stored, *pair).codes for pair in pairs])
    assert len(pairs) == 2016
    assert (ZeroSpace().recover(StoredBlocks(blocks)).flags == DETECTED).all()


def test_all_errors_of_three_bits_are_miscorrected():
    _, stored = worked()
    masks = torch.eye(64, dtype=torch.int64).reshape(64, 8, 8)
    words = (masks << torch.arange(8)).sum(dim=2)
    triples = torch.tensor(list(itertools.combinations(range(64), 3)))
    assert len(triples) == 41664
    errors = words[triples[:, 0]] ^ words[triples[:, 1]] ^ words[triples[:, 2]]
    found = ZeroSpace().recover(StoredBlocks(stored ^ errors))
    assert (found.flags == CORRECTED).all()


@given(
    words=st.lists(st.integers(-64, 63), min_size=7, max_size=7),
    last=st.integers(-128, 127),
    bit=st.integers(0, 63),
)
def test_every_block_survives_every_flip(words, last, bit):
    codes = torch.tensor([[word & 0xFF for word in (*words, last)]])
    stored = ZeroSpace().protect(codes)
    assert torch.equal(ZeroSpace().recover(stored).codes, codes)
    assert torch.equal(ZeroSpace().recover(flipped(stored.codes, bit)).codes, codes)


def test_a_worked_example_of_throttling():
    x = torch.tensor([100.0, -100, 64, -65, 63, -64, 0, 127, -128, 1, 2, 3, 4, 5, 6, -127])
    x[8] = -127
    throttled = ZeroSpace().throttle(x)
    assert throttled.tolist() == [63, -64, 63, -64, 63, -64, 0, 127, -64, 1, 2, 3, 4, 5, 6, -127]
    assert torch.equal(ZeroSpace().throttle(throttled), throttled)


@pytest.mark.parametrize("per", ["tensor", "channel"])
@pytest.mark.parametrize("n", [1, 5, 7, 8, 9, 64, 999])
def test_fit_brings_every_weight_into_its_range(n, per):
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(n))
    format = ZeroSpace(Int(8, per=per)).fit(x)
    words = format.inner.encode(x).flatten()
    signed = (words ^ 0x80) - 0x80
    checked = torch.arange(3 * n) % 8 != 7
    assert ((signed[checked] >= -64) & (signed[checked] <= 63)).all()
    # With steps 1 % narrower, a weight would be outside.
    scale = torch.tensor(format.scales())
    steps = x.double() / scale * 1.01
    limits = torch.where(checked, torch.where(x.flatten() < 0, 64, 63), 127).reshape(x.shape)
    beyond = (steps.abs() > limits).any() if per == "tensor" else (steps.abs() > limits).any(dim=1)
    assert beyond.all()


def test_throttled_weights_keep_the_steps_of_the_inner_format():
    x = torch.randn(4096, generator=torch.Generator().manual_seed(0))
    narrow = Int(8).fit(x).scales()
    assert ZeroSpace().fit(x).scales() > 1.5 * narrow
    throttled = ZeroSpace().throttle(x)
    assert narrow <= ZeroSpace().fit(throttled).scales() <= narrow * (1 + 2**-11)
    # The share of a normal distribution that changes is a few percent.
    assert 0.005 < (throttled != x).double().mean() < 0.05


@pytest.mark.parametrize("shape", [(4, 2), (3, 5), (5, 7), (10, 10), (1,)])
def test_a_model_is_rounded_once(shape):
    torch.manual_seed(0)
    model = nn.ParameterList([nn.Parameter(torch.randn(shape))])
    for start in (model, nn.ParameterList([nn.Parameter(ZeroSpace().throttle(model[0]))])):
        once = stored_as(start, ZeroSpace())
        assert is_stored_as(once[0], ZeroSpace())
        assert torch.equal(stored_as(once, ZeroSpace())[0], once[0])


def test_weights_outside_the_range_are_counted():
    format = ZeroSpace().scaled(1.0)
    x = torch.tensor([64.0, -65, 1, 2, 3, 4, 5, 127, 70, 0, 0, 0, 0, 0, 0, -128])
    with pytest.raises(InputError, match="3 of 16") as raised:
        format.encode(x)
    assert "throttle" in str(raised.value)


@pytest.mark.parametrize("n", range(1, 25))
def test_the_last_block_is_read_without_correction_if_check_bits_are_missing(n):
    x = torch.randint(-64, 64, (n,), generator=torch.Generator().manual_seed(n)).float()
    format = ZeroSpace().scaled(1.0)
    codes = format.encode(x)
    assert torch.equal(format.decode(codes), x.double())
    assert format.unchanged(codes, codes).all()
    corrected = n if n % 8 in (0, 7) else n - n % 8
    for word in range(n):
        faulty = codes.clone()
        faulty[word] ^= 1 << 7
        same = format.decode(faulty) == x
        assert same.all() == (word < corrected)
        assert torch.equal(format.unchanged(codes, faulty), same)


@pytest.mark.parametrize(
    "inner",
    [Int(4), Int(16), Int(8, code="sign_magnitude"), Fixed(3, 4), ZeroSpace()],
    ids=repr,
)
def test_only_8_bit_integers_have_room(inner):
    with pytest.raises(InputError, match=r"8-bit integers|protected already"):
        ZeroSpace(inner)


def test_only_words_with_check_bits_complete_the_last_block():
    scale = 32
    assert [ZeroSpace().stored_bits((n,)) - scale for n in (7, 8, 9, 14, 15)] == [
        8 * words for words in (7, 8, 16, 16, 15)
    ]
