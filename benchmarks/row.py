"""What is one line of the table?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from radhard import FaultSpace
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics.logits import Kind
from radhard.targets import Target

__all__ = ["Row", "Size", "Work"]


@dataclass(frozen=True)
class Size:
    """How much of a row is run."""

    trials: int
    """Of a campaign."""
    naive: int
    """Trials of the naive loop in one repeat."""
    repeats: int


@dataclass(frozen=True)
class Work:
    """A model, its data and the faults: what both the naive loop and the engine are given."""

    model: nn.Module
    data: Data
    space: FaultSpace

    @classmethod
    def of(cls, model: nn.Module, data: Data, target: Target | Sequence[Target]) -> "Work":
        """Bit flips in float32 words."""
        model = model.eval()
        return cls(model, data, FaultSpace.of(model, target, BitFlip(), Float32(), data=data))


_AUDIT = 0.0025
"""The default of `radhard.run`, whose time counts in a default campaign."""


@dataclass(frozen=True)
class Row:
    """A campaign that is run by an engine and, in part, by the naive loop beside it."""

    name: str
    words: str
    """The work, as the table says it."""
    reach: float
    """How many times faster than the naive loop it has to be."""
    make: Callable[[bool], Work]
    """Given whether it should be quick."""
    sampler: Callable[[int], str]
    """As text, given the number of trials."""
    full: Size
    quick: Size
    engine: str = "auto"
    metrics: tuple[str, ...] | None = ("Outcome()",)
    """None: the default ones."""
    audit: float = 0.0
    """Share of the trials that `Serial` repeats; the naive loop beside it is an audit, too."""
    outputs: Kind | None = None
    """How `Outcome` reads the outputs of the naive loop."""
    checked: str = ""
    """An engine that runs the same campaign once more, untimed, and notes how far it holds."""

    @classmethod
    def default(
        cls,
        name: str,
        words: str,
        reach: float,
        make: Callable[[bool], Work],
        full: Size,
        quick: Size,
        sampler: Callable[[int], str] = "Uniform({})".format,
    ) -> "Row":
        """A campaign with nothing given to `radhard.run` but model, data and sampler."""
        return cls(name, words, reach, make, sampler, full, quick, metrics=None, audit=_AUDIT)

    def size(self, quick: bool) -> Size:
        """How much of it is run."""
        return self.quick if quick else self.full
