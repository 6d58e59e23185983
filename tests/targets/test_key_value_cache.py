"""Does a fault in a cached key or value reach all later tokens, and nothing before it?"""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from radhard.campaign import run
from radhard.engines import Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float64
from radhard.injection import inject
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Attention, KeyValueCache
from radhard.workload import Workload
from tests.targets.attention_networks import (
    HEADS,
    Attending,
    CachedAttention,
    Decoder,
    generated,
    inputs,
    prompts,
)

PROMPT, CALLS = 2, 4
"""Tokens of the first call, and the calls of a pass, each of a token after the first."""


def by_hand(
    model: Decoder, tokens: Tensor, layer: int, part: int, at: tuple[int, int, int], step: int
) -> Tensor:
    """The logits of one sample, whose cached tensor is multiplied by -1 in place when due."""
    given = [tokens, *((tokens[:, :1] + step) % 7 for step in range(CALLS - 1))]
    kept: list[list[Tensor]] = [[], []]
    position, head, channel = at
    found, done = [], False
    for call, some in enumerate(given):
        x = model.embedding(some)
        for number, one in enumerate(model.layers):
            parts = one.qkv(x).chunk(3, dim=-1)
            query, *new = (p.unflatten(-1, (HEADS, 4)).transpose(1, 2) for p in parts)
            kept[number] = [
                torch.cat([old, own], 2)
                for old, own in zip(kept[number] or [new[0][:, :, :0]] * 2, new, strict=True)
            ]
            memory = kept[number][part]
            if number == layer and not done and call >= step and position < memory.shape[2]:
                memory[:, head, position, channel] *= -1  # once; it stays
                done = True
            key, value = kept[number]
            scores = query @ key.transpose(-1, -2) / 2
            if call == 0:
                hidden = torch.ones(PROMPT, PROMPT, dtype=torch.bool).triu(1)
                scores = scores.masked_fill(hidden, -torch.inf)
            x = x + (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        found.append(model.head(x))
    assert done
    return torch.cat(found, 1)


@given(
    layer=st.integers(0, 1),
    part=st.integers(0, 1),
    step=st.integers(0, CALLS - 1),
    choose=st.integers(0, 10**6),
)
def test_a_fault_stays_in_the_cache_as_when_the_memory_is_overwritten_once(
    layer, part, step, choose
):
    model, x = Decoder(), prompts()
    target = KeyValueCache(f"layers.{layer}", part=("key", "value")[part], step=step)
    space = FaultSpace.of(model, target, BitFlip(63), Float64(), data=x, call=generated)
    (site,) = space.sites
    assert site.shape == (PROMPT + CALLS - 1, HEADS, 4)
    fault = space[choose % len(space)]
    at, sample = space.coordinates(fault)
    with torch.no_grad():
        golden = generated(model, x)
        with inject(model, space, fault):
            faulty = generated(model, x)
        again = generated(model, x)
        one = by_hand(model, x[sample : sample + 1], layer, part, at, step)
    expected = golden.clone()
    expected[sample] = one[0]
    assert torch.allclose(faulty, expected, rtol=1e-9, atol=1e-12)
    # The query of the position itself reads what was written; those before it do not.
    first = max(at[0], 0 if step == 0 else PROMPT + step - 1)
    assert torch.equal(faulty[sample, :first], golden[sample, :first])
    assert not torch.equal(faulty[sample, first:], golden[sample, first:])
    others = [other for other in range(len(x)) if other != sample]
    assert torch.equal(faulty[others], golden[others])
    assert torch.equal(again, golden)


def test_in_a_single_call_the_cache_is_what_all_queries_read():
    model, x = Attending("multi-head"), inputs()
    cache, key = (
        FaultSpace.of(model, target, BitFlip(63), Float64(), data=x)
        for target in (KeyValueCache("*", part="key"), Attention("*", part="key"))
    )
    (position, head, channel), sample = cache.coordinates(cache[17])
    assert cache.sites[0].shape == (5, 2, 4)
    (same,) = (
        number
        for number in range(len(key))
        if key.coordinates(key[number]) == ((head, position, channel), sample)
    )
    with torch.no_grad():
        with inject(model, cache, 17):
            faulty = model(x)
        with inject(model, key, same):
            assert torch.equal(model(x), faulty)


def test_rates_of_positions():
    model, x = Decoder(), prompts()
    target = KeyValueCache("layers.0", part="value", positions="1:", sample="every")
    space = FaultSpace.of(model, target, BitFlip(63), Float64(), data=x, call=generated)
    results = run(
        *(model, x, space, Exhaustive()),
        **{"engine": Serial(), "metrics": "Mismatch()", "call": generated, "progress": False},
    )
    assert list(results.rate(by="position")) == ["1", "2", "3", "4"]


class Preallocated(nn.Module):
    """A cache that is as long from the beginning, with a mask."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.qkv = nn.Linear(8, 24)
        self.double().eval()

    def forward(self, x: Tensor) -> Tensor:
        keys, values = (torch.zeros(len(x), HEADS, 3, 4, dtype=x.dtype) for _ in range(2))
        found = []
        for step in range(3):
            parts = self.qkv(x[:, step : step + 1]).chunk(3, dim=-1)
            query, key, value = (p.unflatten(-1, (HEADS, 4)).transpose(1, 2) for p in parts)
            keys[:, :, step : step + 1], values[:, :, step : step + 1] = key, value
            seen = (torch.arange(3) <= step).expand(1, 1, 1, 3)
            found.append(functional.scaled_dot_product_attention(query, keys, values, seen))
        return torch.cat(found, 2).transpose(1, 2).flatten(2)


def test_several_readings_within_a_call_are_caches_of_their_own():
    sites = KeyValueCache("*", part="key").sites(Workload.of(Preallocated(), inputs()))
    assert [site.name for site in sites] == [
        "(model):key_cache",
        "(model):key_cache.1",
        "(model):key_cache.2",
    ]


class Shrinking(nn.Module):
    """A window of keys that becomes shorter from call to call."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = CachedAttention().double()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, None)[0][:, -1] + self.layer(x[:, 2:], None)[0][:, -1]


class Window(nn.Module):
    """Keys and values of the latest tokens only, or of all, which there may be places for."""

    def __init__(self, size: int, places: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.size, self.places = size, places
        self.layer = TokenAttention().double()

    def forward(self, x: Tensor) -> Tensor:
        key, value = (x.new_zeros(len(x), HEADS, self.places, 4) for _ in range(2))
        for step in range(x.shape[1]):
            y, key, value = self.layer(x[:, step : step + 1], key, value, step, self.size)
        return y


class TokenAttention(nn.Module):
    """Attention of one token."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: Tensor, key: Tensor, value: Tensor, step: int, size: int) -> Any:
        parts = self.qkv(x).chunk(3, dim=-1)
        query, *new = (p.unflatten(-1, (HEADS, 4)).transpose(1, 2) for p in parts)
        if step < key.shape[2]:  # into its place
            at = torch.arange(key.shape[2])[:, None] == step
            key, value = torch.where(at, new[0], key), torch.where(at, new[1], value)
        else:
            key, value = torch.cat([key, new[0]], 2), torch.cat([value, new[1]], 2)
        key, value = key[:, :, -size:], value[:, :, -size:]
        y = functional.scaled_dot_product_attention(query, key, value)
        return y.transpose(1, 2).flatten(1), key, value


@pytest.mark.parametrize(("size", "places"), [(5, 0), (5, 5), (9, 3)])
def test_positions_may_be_written_later(size, places):
    (site,) = KeyValueCache("*", part="key").sites(Workload.of(Window(size, places), inputs()))
    assert site.shape == (5, HEADS, 4)


def softmax_steps(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).flatten(1)


@pytest.mark.parametrize(
    ("model", "target", "match"),
    [
        (Decoder(), KeyValueCache("*", step=4), "called 4 times in a pass; choose step from 0"),
        (Decoder(), KeyValueCache("*", positions=5), "has 5 positions; choose positions from 0"),
        (Decoder(), KeyValueCache("none"), r"there is: layers\.0:key_cache"),
        (Shrinking(), KeyValueCache("*"), "do not grow like a cache; choose Attention"),
        (Window(3), KeyValueCache("*"), "replace one another at a position"),
        (Attending("softmax"), KeyValueCache("*"), "softmax.*let it call scaled_dot_product"),
        (nn.Linear(8, 2).double(), KeyValueCache("*"), "no attention is computed"),
    ],
)
def test_what_is_not_there(model, target, match):
    call: Any = generated if isinstance(model, Decoder) else softmax_steps
    data = prompts() if isinstance(model, Decoder) else inputs()
    with pytest.raises(InputError, match=match) as caught:
        target.sites(Workload.of(model, data, call=call))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"part": "scores"}, "choose of key, value"),
        ({"positions": "a:b"}, r"positions is '\*', the number of a position"),
        ({"step": -1}, "a number from 0"),
    ],
)
def test_what_is_not_allowed(options, match):
    with pytest.raises(InputError, match=match):
        KeyValueCache("*", **options)


@pytest.mark.parametrize("positions", [1.5, None, "0:4:0"])
def test_positions_are_numbers_or_ranges(positions):
    with pytest.raises(InputError, match=f"positions={positions!r} is not allowed"):
        KeyValueCache("*", positions=positions)
