"""How is multi-head attention computed with the samples first while a model is exported?"""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import map_aggregate
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from radhard.replay.graph.operation_graph import Graph, Node, Slot

__all__ = ["SamplesFirstAttention", "without_returns"]

aten: Any = torch.ops.aten

_SIGNATURE = inspect.signature(functional.multi_head_attention_forward)


class SamplesFirstAttention(TorchFunctionMode):
    """Within it, `nn.MultiheadAttention` computes the same with the samples on the first axis.

    torch's own puts the positions there, and heads and samples on one axis together, so that a
    graph would not show which values belong to which sample. Attention with dropout, with keys that
    are given to the function (``static_k``), or of a single sample without an axis of the samples
    stays what it is.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is functional.multi_head_attention_forward:
            bound = _SIGNATURE.bind(*args, **(kwargs or {}))
            bound.apply_defaults()
            given = _Given(bound.arguments)
            if given.is_usual():
                return given.attention()
        return func(*args, **(kwargs or {}))


class _Given:
    """The arguments of `torch.nn.functional.multi_head_attention_forward`, by its names."""

    def __init__(self, of: Mapping[str, Any]) -> None:
        self._parts: tuple[Tensor, Tensor, Tensor] = of["query"], of["key"], of["value"]
        self._width, self._heads = of["embed_dim_to_check"], of["num_heads"]
        self._weights = of["q_proj_weight"], of["k_proj_weight"], of["v_proj_weight"]
        self._separate = of["use_separate_proj_weight"]
        self._packed, self._bias = of["in_proj_weight"], of["in_proj_bias"]
        self._out = of["out_proj_weight"], of["out_proj_bias"]
        self._static, self._more = (of["static_k"], of["static_v"]), (of["bias_k"], of["bias_v"])
        self._zero, self._random = of["add_zero_attn"], of["training"] and of["dropout_p"] > 0
        self._mask, self._padding = of["attn_mask"], of["key_padding_mask"]
        self._need_weights, self._average = of["need_weights"], of["average_attn_weights"]
        self._is_causal = of["is_causal"]

    def is_usual(self) -> bool:
        """Whether it is computed here."""
        static = any(part is not None for part in self._static)
        return not (static or self._random) and all(part.ndim == 3 for part in self._parts)

    def attention(self) -> tuple[Tensor, Tensor | None]:
        """The outputs, with the positions first, and the probabilities if they are needed."""
        query, *sides = self._projected()
        sides = [self._with_more(*both) for both in zip(sides, self._more, strict=True)]
        query, key, value = (
            torch.unflatten(part, -1, (self._heads, self._width // self._heads)).transpose(1, 2)
            for part in (query, *sides)
        )
        # As torch: without padding and probabilities a causal mask need not be made.
        causal = self._is_causal and self._padding is None and not self._need_weights
        mask = None if causal else self._whole_mask(query)
        weights = None
        if self._need_weights:
            scores = (query * math.sqrt(1.0 / query.shape[-1])) @ key.transpose(-2, -1)
            weights = (scores if mask is None else scores + mask).softmax(-1)
            output = weights @ value
            weights = weights.mean(1) if self._average else weights
        else:
            output = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, is_causal=causal
            )
        joined = output.transpose(1, 2).flatten(2)
        return functional.linear(joined, *self._out).transpose(0, 1), weights

    def _projected(self) -> tuple[Tensor, ...]:
        """Query, key and value, ``(samples, positions, channels)``."""
        query, key, value = self._parts
        first = query.transpose(0, 1)
        if query is key and key is value and not self._separate:
            packed = functional.linear(first, self._packed, self._bias)
            return packed.chunk(3, dim=-1)
        weights = self._weights if self._separate else self._packed.chunk(3)
        biases = (None, None, None) if self._bias is None else self._bias.chunk(3)
        sides = first, key.transpose(0, 1), value.transpose(0, 1)
        return tuple(map(functional.linear, sides, weights, biases))

    def _with_more(self, side: Tensor, bias: Tensor | None) -> Tensor:
        """Keys or values, with a learned one and one of zeros behind them if they are asked for."""
        parts = [side]
        if bias is not None:
            parts.append(bias.expand(len(side), -1, -1))
        if self._zero:
            parts.append(torch.zeros_like(side[:, :1]))
        return torch.cat(parts, dim=1) if len(parts) > 1 else side

    def _whole_mask(self, query: Tensor) -> Tensor | None:
        """What is added to the scores, for positions and for keys that are padding."""
        # Keys that are added are seen by all queries.
        more = (0, (self._more[0] is not None) + bool(self._zero))
        mask = None if self._mask is None else _added(self._mask, query.dtype, more)
        if mask is not None and mask.ndim == 3:
            mask = torch.unflatten(mask, 0, (-1, self._heads))
        if self._padding is None:
            return mask
        padding = _added(self._padding, query.dtype, more)[:, None, None, :]
        return padding if mask is None else mask + padding


def _added(mask: Tensor, dtype: torch.dtype, more: tuple[int, int]) -> Tensor:
    """A mask as what is added to the scores: minus infinity where it is True.

    ``more``: numbers of keys before and behind those of the mask, to whose scores 0 is added.
    """
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=dtype).masked_fill(mask, -math.inf)
    return functional.pad(mask, more) if any(more) else mask


def without_returns(graph: Graph) -> Graph:
    """The graph without two exchanges of the same axes one after the other, and what they leave."""
    by_slot = {node.slot: node for node in graph.nodes}
    same: dict[int, int] = {}

    def original(slot: int) -> int:
        return same.get(slot, slot)

    for node in graph.nodes:
        if not _exchanges(node):
            continue
        source = by_slot.get(original(node.args[0].number))
        if source is not None and _exchanges(source) and _axes(source) == _axes(node):
            same[node.slot] = original(source.args[0].number)
    if not same:
        return graph

    def renamed(part: Any) -> Any:
        return Slot(original(part.number)) if isinstance(part, Slot) else part

    nodes = [
        replace(
            node,
            args=map_aggregate(node.args, renamed),
            kwargs=map_aggregate(node.kwargs, renamed),
        )
        for node in graph.nodes
        if node.slot not in same
    ]
    made = replace(graph, nodes=nodes, output=original(graph.output))
    used = made.used()
    idle = {node.slot for node in nodes if _exchanges(node) and node.slot not in used}
    return replace(
        made,
        nodes=[node for node in nodes if node.slot not in idle],
        by_sample=graph.by_sample - same.keys() - idle,
    )


def _exchanges(node: Node) -> bool:
    return node.op is aten.transpose.int and isinstance(node.args[0], Slot)


def _axes(node: Node) -> set[int]:
    # Of exported attention, they are counted from the front.
    return set(node.args[1:3])
