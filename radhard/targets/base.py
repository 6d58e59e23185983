"""What does a target promise?"""

import math
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from radhard.spec import Component, Family

__all__ = ["TARGETS", "Forward", "Role", "Site", "Strike", "Target"]

Role = Literal["weight", "bias", "buffer", "activation", "input"]

Forward = Callable[[nn.Module, Any], Tensor]
"""Asks a model for the outputs of a batch: ``(model, batch) -> (samples, ...)``."""


class Strike(Protocol):
    """What is to happen to a tensor once it is reached."""

    def held(self, stored: Tensor) -> AbstractContextManager[None]:
        """Struck in place while open, put back bit for bit after."""

    def fall_on(self, flowing: Tensor) -> None:
        """Strike ``(samples, *site.shape)`` in place, for good."""


@dataclass(frozen=True)
class Site:
    """A tensor that faults may strike: a stored tensor, or a value that flows through the model.

    ``shape`` is the shape of a stored tensor, or of one sample's value. Where ``samples`` is given,
    the words of all samples are told apart: word ``s * prod(shape) + w`` is word ``w`` of sample
    ``s``. Otherwise a fault in a flowing value strikes every sample at the same place.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    layer: str
    kind: str
    dtype: str
    aliases: tuple[str, ...] = ()
    samples: int | None = None
    axis: int | None = None
    """Axis of the flowing tensor that tells the samples apart; None where none does."""
    call: int = 0
    calls: int = 1
    """Which of its module's calls within one forward pass, and of how many."""

    @property
    def flows(self) -> bool:
        """Whether the value is computed anew in every forward pass."""
        return self.role in ("activation", "input")

    @property
    def words(self) -> int:
        """How many words faults may strike."""
        return math.prod(self.shape) * (1 if self.samples is None else self.samples)


class Target(Component):
    """Where faults land: which tensors of a model, and how to get at them."""

    @property
    @abstractmethod
    def role(self) -> Role:
        """What the tensors are to the model; of two targets of one role either can reach a site."""

    @abstractmethod
    def sites(self, model: nn.Module, inputs: Any, forward: Forward) -> list[Site]:
        """The tensors that faults may strike, in the model's order.

        ``inputs`` is the batch of all samples; only targets whose tensors flow look at it (and
        need it).

        Raises:
            InputError: nothing matches; the message lists what there is.
        """

    def left_out(self, model: nn.Module) -> dict[str, str]:  # noqa: ARG002
        """Tensors that the pattern means but in which no fault can be injected, each with why."""
        return {}

    @abstractmethod
    def reach(self, model: nn.Module, site: Site, strike: Strike) -> AbstractContextManager[None]:
        """While open, the tensor is struck: now where it is stored, at each call where it flows."""


TARGETS: Family[Target] = Family(Target)
"""The targets that radhard has, and how one is read from text."""
