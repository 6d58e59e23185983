"""Which networks compute attention, in which ways?"""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["HEADS", "SAMPLES", "TOKENS", "Attending", "Decoder", "generated", "inputs", "prompts"]

SAMPLES, TOKENS, HEADS, SIZE = 3, 5, 2, 4

Way = Literal["kernel", "grouped", "softmax", "multi-head", "multi-head with weights"]


class Attending(nn.Module):
    """Causal self-attention in double precision, computed in one of several ways."""

    def __init__(self, way: Way, *, causal: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.way, self.causal = way, causal
        self.attention = nn.MultiheadAttention(HEADS * SIZE, HEADS, batch_first=True)
        self.double().eval()

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1) if self.causal else None
        if self.way.startswith("multi-head"):
            weights = self.way.endswith("weights")
            return self.attention(x, x, x, attn_mask=mask, need_weights=weights)[0]
        query, key, value = projected(self.attention, x)
        if self.way == "softmax":
            scores = query @ key.transpose(-1, -2) / SIZE**0.5
            if mask is not None:
                scores = scores.masked_fill(mask, -torch.inf)
            output = functional.dropout(scores.softmax(-1), training=False) @ value
        elif self.way == "grouped":  # all heads of the query share the first of key and value
            output = functional.scaled_dot_product_attention(
                query, key[:, :1], value[:, :1], is_causal=self.causal, enable_gqa=True
            )
        else:
            output = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=None if mask is None else ~mask
            )
        return self.attention.out_proj(output.transpose(1, 2).flatten(2))


def projected(attention: nn.MultiheadAttention, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value, ``(samples, heads, positions, channels)``."""
    packed = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = (
        part.unflatten(-1, (HEADS, SIZE)).transpose(1, 2) for part in packed.chunk(3, dim=-1)
    )
    return query, key, value


def inputs(seed: int = 1) -> Tensor:
    """Sequences ``(samples, tokens, channels)``."""
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(SAMPLES, TOKENS, HEADS * SIZE, generator=draws, dtype=torch.double)


class Decoder(nn.Module):
    """Two layers of attention over all tokens until now, whose keys and values are kept."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(7, HEADS * SIZE)
        self.layers = nn.ModuleList(CachedAttention() for _ in range(2))
        self.head = nn.Linear(HEADS * SIZE, 7)
        self.double().eval()

    def forward(self, tokens: Tensor, cache: Any = (None, None)) -> Any:
        x, kept = self.embedding(tokens), []
        for layer, own in zip(self.layers, cache, strict=True):
            y, keys_and_values = layer(x, own)
            x = x + y
            kept.append(keys_and_values)
        return self.head(x), tuple(kept)


class CachedAttention(nn.Module):
    """Attention whose keys and values are appended to those of earlier calls."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(HEADS * SIZE, 3 * HEADS * SIZE)

    def forward(self, x: Tensor, kept: Any) -> Any:
        parts = self.qkv(x).chunk(3, dim=-1)
        query, key, value = (p.unflatten(-1, (HEADS, SIZE)).transpose(1, 2) for p in parts)
        if kept is not None:
            key, value = torch.cat([kept[0], key], 2), torch.cat([kept[1], value], 2)
        y = functional.scaled_dot_product_attention(query, key, value, is_causal=kept is None)
        return y.transpose(1, 2).flatten(2), (key, value)


def generated(model: nn.Module, tokens: Tensor) -> Tensor:
    """Logits of the given tokens, and of three more that are the same whatever the logits."""
    logits, cache = model(tokens)
    found = [logits]
    for step in range(3):
        logits, cache = model((tokens[:, :1] + step) % 7, cache)
        found.append(logits)
    return torch.cat(found, 1)


def prompts() -> Tensor:
    """Tokens ``(samples, 2)``."""
    return torch.randint(0, 7, (SAMPLES, 2), generator=torch.Generator().manual_seed(2))
