"""Which values does attention compute, and how are they replaced by others?"""

import math
from collections.abc import Callable
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from radhard.errors import InputError
from radhard.internals import multi_head_attention_body
from radhard.targets.flow_injection import same_layout

__all__ = [
    "PARTS",
    "AttentionArguments",
    "AttentionMode",
    "AttentionVisitor",
    "Part",
    "attended",
    "attention_scores",
]

aten: Any = torch.ops.aten

Part = Literal["query", "key", "value", "scores", "probabilities", "output"]

PARTS: tuple[Part, ...] = ("query", "key", "value", "scores", "probabilities", "output")
"""The values of attention, in the order in which they are computed."""

_SOFTMAX = (functional.softmax, torch.softmax, torch.special.softmax, Tensor.softmax)
_SCALING = (Tensor.mul, Tensor.__mul__, torch.mul)
_PRODUCT = (torch.bmm, torch.baddbmm)


class AttentionVisitor(Protocol):
    """What is shown the values of attention."""

    def is_watching(self) -> bool:
        """Whether the values of what is computed now are to be shown."""

    def begin(self) -> None:
        """Another attention begins, or a softmax that may be that of one."""

    def needs(self, part: Part) -> bool:
        """Whether a value is needed, which has to be computed for the purpose."""

    def visit(self, part: Part, value: Tensor) -> Tensor:
        """The value to use; the given one where it is not replaced."""

    def after(self, func: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> None:
        """Shown all other functions of torch that were called, and what they returned."""


class AttentionMode(TorchFunctionMode):
    """Shows the values of attention to a visitor, wherever torch is asked to compute one.

    Attention is ``scaled_dot_product_attention``, that of ``nn.MultiheadAttention`` in whichever
    way it computes it, or a softmax, whose argument are scores and whose result probabilities.

    ``scaled_dot_product_attention`` has neither: a fused kernel computes them block by block. They
    are computed anew from its arguments, once as they are and once as the visitor replaced them,
    and only where the outputs of the two differ is the output of the kernel replaced. So all that
    does not depend on a replaced value stays as it is, to the last bit.
    """

    def __init__(self, visitor: AttentionVisitor) -> None:
        super().__init__()
        self._visitor = visitor
        self._body = multi_head_attention_body()
        self._inside = False
        """Whether what is called now is part of a multi-head attention."""
        self._weighed = False
        """Whether its probabilities have been computed."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not self._visitor.is_watching():
            return func(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            return self._multi_head(args, kwargs)
        if func is functional.scaled_dot_product_attention:
            return self._fused(func, AttentionArguments(*args, **kwargs))
        if func in _SOFTMAX:
            return self._softmax(func, args, kwargs)
        if self._inside and func in _SCALING:
            return func(self._visitor.visit("query", args[0]), *args[1:])
        if self._inside and func in _PRODUCT:
            return self._product(func, args)
        result = func(*args, **kwargs)
        self._visitor.after(func, args, kwargs, result)
        return result

    def _multi_head(self, args: Any, kwargs: Any) -> Any:
        self._visitor.begin()
        self._inside, self._weighed = True, False
        try:
            with self:
                return self._body(*args, **kwargs)
        finally:
            self._inside = False

    def _product(self, func: Callable[..., Any], args: Any) -> Any:
        """Scores or outputs of a multi-head attention that returns its probabilities as well."""
        if not self._weighed:
            key = self._visitor.visit("key", args[-1].transpose(-2, -1))
            return func(*args[:-1], key.transpose(-2, -1))
        value = self._visitor.visit("value", args[-1])
        return self._visitor.visit("output", func(*args[:-1], value))

    def _softmax(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if not self._inside:
            self._visitor.begin()
        self._weighed = True
        if args:
            args = (self._visitor.visit("scores", args[0]), *args[1:])
        else:
            kwargs = {**kwargs, "input": self._visitor.visit("scores", kwargs["input"])}
        return self._visitor.visit("probabilities", func(*args, **kwargs))

    def _fused(self, func: Callable[..., Any], given: "AttentionArguments") -> Tensor:
        if not self._inside:
            self._visitor.begin()
        visit = self._visitor.visit
        given.query = visit("query", given.query)
        given.key = visit("key", given.key)
        given.value = visit("value", given.value)
        output = func(given.query, given.key, given.value, **given.options)
        if self._visitor.needs("scores") or self._visitor.needs("probabilities"):
            output = self._unfused(given, output)
        return visit("output", output)

    def _unfused(self, given: "AttentionArguments", output: Tensor) -> Tensor:
        """The output with the effect of what the visitor makes of scores and probabilities."""
        if given.options["dropout_p"]:
            raise InputError(
                "scores and probabilities of scaled_dot_product_attention cannot be computed a "
                "second time with the same dropout; set its dropout_p to 0, or choose query, key, "
                "value or output"
            )
        scores = given.scores()
        # As the kernels: zeros in the row of a query that sees no key.
        before = aten._safe_softmax.default(scores, -1)
        after = aten._safe_softmax.default(self._visitor.visit("scores", scores), -1)
        after = self._visitor.visit("probabilities", after)
        usual, other = (attended(weights, given.value) for weights in (before, after))
        differs = (usual != other) & ~(usual.isnan() & other.isnan())
        if not differs.any():
            return output
        output = same_layout(output)
        output[differs] = other[differs].to(output.dtype)
        return output


class AttentionArguments:
    """The arguments of `torch.nn.functional.scaled_dot_product_attention`."""

    def __init__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> None:
        self.query, self.key, self.value = query, key, value
        self._mask, self._is_causal, self._scale = attn_mask, is_causal, scale
        self.options: dict[str, Any] = {
            "attn_mask": attn_mask,
            "dropout_p": dropout_p,
            "is_causal": is_causal,
            "scale": scale,
            "enable_gqa": enable_gqa,
        }

    @property
    def in_order(self) -> tuple[Any, ...]:
        """The arguments of `attention_scores`."""
        return (self.query, self.key, self._mask, self._is_causal, self._scale)

    def scores(self) -> Tensor:
        """The scores."""
        return attention_scores(*self.in_order)


def attention_scores(
    query: Tensor, key: Tensor, mask: Tensor | None, is_causal: bool, scale: float | None
) -> Tensor:
    """What the softmax is given: scaled products of queries and keys, after the mask."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ _for_heads(key, query).transpose(-2, -1) * scale
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if mask is None:
        return scores
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, -math.inf)
    return scores + mask


def attended(probabilities: Tensor, value: Tensor) -> Tensor:
    """The values, weighed by the probabilities."""
    return probabilities @ _for_heads(value, probabilities)


def _for_heads(part: Tensor, like: Tensor) -> Tensor:
    """A key or value for each head, where several share one (``enable_gqa``)."""
    if part.ndim < 4 or part.shape[-3] == like.shape[-3]:
        return part
    return part.repeat_interleave(like.shape[-3] // part.shape[-3], dim=-3)
