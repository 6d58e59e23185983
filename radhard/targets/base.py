"""What does a target provide?"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor, nn

from radhard.spec import Component, Family
from radhard.workload import Workload

__all__ = ["FLOWING", "TARGETS", "Role", "Site", "Target", "TensorFaults"]

Role = Literal[
    "weight",
    "bias",
    "buffer",
    "activation",
    "input",
    "hidden state",
    "attention",
    "key-value cache",
    "register",
    "gradient",
    "optimizer state",
]
"""What the tensors of a target are in the model; rates can be split by it."""

FLOWING: tuple[Role, ...] = (
    "activation",
    "input",
    "hidden state",
    "attention",
    "key-value cache",
    "register",
)
"""The roles of tensors that are computed anew in every pass."""


class TensorFaults(Protocol):
    """The faults of a trial in one tensor, which a target injects once it reaches that tensor.

    A stored tensor is changed and restored by `held`, one that a pass computes by `apply_to`.
    """

    def held(self, stored: Tensor) -> AbstractContextManager[None]:
        """Inject into a stored tensor in place while open; then restore it bit for bit."""

    def apply_to(self, flowing: Tensor) -> None:
        """Inject into a flowing tensor ``(samples, *site.shape)`` in place, without undoing it."""

    @property
    def faulty_rows(self) -> Sequence[int]:
        """The indices of the site's first axis at which there are faults, ascending."""

    def apply_to_row(self, flowing: Tensor, row: int) -> None:
        """Inject into what is computed of a flowing tensor at one index of the site's first axis.

        ``flowing`` is ``(samples, *site.shape[1:])``, changed in place.
        """

    @property
    def faulty_words(self) -> Sequence[int]:
        """The flat positions in ``site.shape`` at which there are faults, ascending."""

    def corrupted_word(self, values: Tensor, word: int) -> Tensor:
        """What becomes of values ``(samples, ...)`` that are all written to one word of the site.

        For words that hold one value after another within a pass.
        """


@dataclass(frozen=True)
class Site:
    """A tensor into which faults can be injected: stored, or flowing through the model.

    ``shape`` is the shape of a stored tensor, or of one sample's value. If ``samples`` is given,
    each sample has its own words: word ``s * prod(shape) + w`` is word ``w`` of sample ``s``.
    Otherwise a fault in a flowing value affects every sample at the same place.
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
    """The axis of the samples in a flowing tensor; None if it has none."""
    call: int = 0
    calls: int = 1
    """The number of calls of its module within one forward pass; ``call`` is one of them."""
    rows: tuple[int, int, int] | None = None
    """Which indices of the first axis can be faulty, as start, stop and step; None: all."""
    grid: float | None = None
    """For a register of an accelerator: the scale of the layer's inputs."""
    bits: int | None = None
    """For a register of an accelerator: the width of its words, which are integers."""

    @property
    def flows(self) -> bool:
        """Whether the tensor is computed anew in every pass, instead of stored in the model."""
        return self.role in FLOWING or self.in_training

    @property
    def in_training(self) -> bool:
        """Whether the tensor exists only while the model is trained."""
        return self.role in ("gradient", "optimizer state")

    @property
    def words(self) -> int:
        """Number of words into which faults can be injected."""
        first = self.shape[:1] if self.rows is None else (len(range(*self.rows)),)
        return math.prod((*first, *self.shape[1:])) * (1 if self.samples is None else self.samples)

    @property
    def section(self) -> str:
        """Which rows of the tensor can be faulty, as an index; empty if all can.

        >>> Site("w", (8, 3), "weight", "", "LSTM", "float32", rows=(2, 4, 1)).section
        '[2:4]'
        """
        if self.rows is None:
            return ""
        start, stop, step = self.rows
        return f"[{start}:{stop}]" if step == 1 else f"[{start}:{stop}:{step}]"


class Target(Component):
    """Where faults are injected: into which tensors of a model, and how these are accessed.

    Targets are selected by patterns over names and, where they have ``layers``, classes of layers:
    ``Weights("conv*")``, ``Activations("*", layers="ReLU|GELU")``. Every tensor found is a `Site`.
    To write a target, define ``role``, `sites` and `reach`.
    """

    @property
    @abstractmethod
    def role(self) -> Role:
        """The role of the tensors in the model; any target of a role can reach its sites."""

    @abstractmethod
    def sites(self, workload: Workload) -> list[Site]:
        """The tensors into which faults can be injected, in the model's order.

        Only targets whose tensors flow need a workload with data.

        Raises:
            InputError: nothing matches; the message lists the available tensors.
        """

    def select(self, workload: Workload) -> tuple[list[Site], dict[str, str]]:
        """What `sites` and `left_out` return; in one walk through the model where possible."""
        return self.sites(workload), self.left_out(workload.model)

    def left_out(self, model: nn.Module) -> dict[str, str]:  # noqa: ARG002
        """Tensors that match the pattern but cannot be injected into, with the reason."""
        return {}

    @abstractmethod
    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        """While open, the tensor is faulty: a stored one at once, a flowing one in each call."""


TARGETS: Family[Target] = Family(Target)
"""The targets of radhard, and how one is read from text."""
