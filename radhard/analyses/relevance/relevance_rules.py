"""How is the relevance of an output distributed over the inputs of its operation?"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radhard.analyses.relevance.operation_kinds import MOVED, PICKED, given_on, moved_back
from radhard.analyses.relevance.operation_weights import Map, weighing
from radhard.analyses.relevance.operations import UnfollowedError
from radhard.replay import Node

__all__ = ["AlphaBeta", "Epsilon", "Sharing"]


@dataclass(frozen=True)
class Sharing(ABC):
    """Relevance back through one operation; subclasses define the rule for sums of products."""

    by: str
    """The analysis that uses the rule, for messages."""

    def __call__(
        self, node: Node, values: dict[int, Any], slots: list[int], share: Any
    ) -> dict[int, Any]:
        """The relevance of every moving input.

        Raises:
            UnfollowedError: the rule does not support the operation.
        """
        if given_on(node, slots):
            return {slots[0]: share}
        if node.op in MOVED or node.op in PICKED:
            return moved_back(node, values, slots, share)
        weighed = weighing(node, values, slots)
        if weighed is None:
            raise UnfollowedError(self.by, node)
        inputs = [values[slot] for slot in slots]
        maps = (weighed.all, weighed.plus, weighed.minus)
        return dict(zip(slots, self.shared(inputs, maps, weighed.bias, share), strict=True))

    @abstractmethod
    def shared(
        self,
        inputs: list[Tensor],
        maps: tuple[Map, Map | None, Map | None],
        bias: Tensor | float,
        share: Tensor,
    ) -> list[Tensor]:
        """The relevance of the inputs of an operation; the share of the bias is dropped."""


@dataclass(frozen=True)
class Epsilon(Sharing):
    """In proportion to every product, with the sum kept from zero by ``epsilon``."""

    epsilon: float

    def shared(
        self,
        inputs: list[Tensor],
        maps: tuple[Map, Map | None, Map | None],
        bias: Tensor | float,
        share: Tensor,
    ) -> list[Tensor]:
        every, _, _ = maps
        sums = every(inputs) + bias
        # Away from zero on either side; torch.sign would leave a sum of 0 as it is.
        kept = sums + self.epsilon * torch.where(sums < 0, -1.0, 1.0)
        return _products(every, inputs, _quotient(share, kept))


@dataclass(frozen=True)
class AlphaBeta(Sharing):
    """``alpha`` times in proportion to the positive products, minus ``alpha - 1`` to the others."""

    alpha: float

    def shared(
        self,
        inputs: list[Tensor],
        maps: tuple[Map, Map | None, Map | None],
        bias: Tensor | float,
        share: Tensor,
    ) -> list[Tensor]:
        _, plus, minus = maps
        above = [x.clamp(min=0) for x in inputs]
        below = [x.clamp(max=0) for x in inputs]
        if not any(bool(x.any()) for x in below):
            # Behind a ReLU no input is negative, which saves half of the passes.
            below = []
        bias = torch.as_tensor(bias)
        total = [torch.zeros_like(x) for x in inputs]
        # A product is positive if weight and input have the same sign; the bias takes its share on
        # the side of its own sign.
        sides = [
            (self.alpha, [(plus, above), (minus, below)], bias.clamp(min=0)),
            (1 - self.alpha, [(minus, above), (plus, below)], bias.clamp(max=0)),
        ]
        for factor, pairs, offset in sides:
            present = [(by, x) for by, x in pairs if by is not None and x]
            if factor == 0 or not present:
                continue
            sums = torch.stack([by(x) for by, x in present]).sum(0) + offset
            quotient = _quotient(factor * share, sums)
            for by, x in present:
                total = [a + b for a, b in zip(total, _products(by, x, quotient), strict=True)]
        return total


def _quotient(share: Tensor, sums: Tensor) -> Tensor:
    """The relevance per unit of a sum; zero if the sum is zero."""
    return torch.where(sums == 0, 0.0, share / torch.where(sums == 0, 1.0, sums))


def _products(by: Map, inputs: list[Tensor], quotient: Tensor) -> list[Tensor]:
    """Every input times the quotients of its outputs, weighted: the gradient of ``by``."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in inputs]
        outputs = by(leaves)
    back = torch.autograd.grad(outputs, leaves, quotient)
    return [x * slope for x, slope in zip(inputs, back, strict=True)]
