"""What does a register hold in a cycle, and which sums depend on it?"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Content", "PermanentUse", "RegisterUse"]

Content = Literal["input", "weight", "sum"]
"""An element of the inputs, an element of the weights, or a sum of their products."""

_EXCHANGED: dict[Content, Content] = {"input": "weight", "weight": "input", "sum": "sum"}
"""The contents in the product whose inputs and weights are exchanged."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RegisterUse:
    """What some registers hold in one cycle each; every array is ``(faults,)``.

    An element of the inputs ``[rows.start, depth]`` is used for the outputs of its row in the
    ``columns``, one of the weights ``[depth, columns.start]`` for those of its column in the
    ``rows``. A sum is part of one output: it holds the products of the depths from ``first`` to
    ``depth``, inclusive.
    """

    content: Content
    live: npt.NDArray[np.bool_]
    """Whether anything depends on it; the other arrays mean nothing where nothing does."""
    groups: Numbers
    rows: tuple[Numbers, Numbers]
    """The first row, and the end of the rows."""
    columns: tuple[Numbers, Numbers]
    depth: Numbers
    first: Numbers

    @property
    def transposed(self) -> "RegisterUse":
        """The use in the product whose inputs and weights are exchanged."""
        return replace(self, content=_EXCHANGED[self.content], rows=self.columns, columns=self.rows)

    def some(self, which: npt.NDArray[np.bool_]) -> "RegisterUse":
        """The uses of some of the faults."""
        return RegisterUse(
            self.content,
            self.live[which],
            self.groups[which],
            (self.rows[0][which], self.rows[1][which]),
            (self.columns[0][which], self.columns[1][which]),
            self.depth[which],
            self.first[which],
        )


@dataclass(frozen=True)
class PermanentUse:
    """What one register holds in all cycles of a layer, as masks of rows, depths and columns.

    An element of the inputs is held where its row and its depth are; it is used for the outputs of
    its row in ``columns``. An element of the weights is held where its depth and its column are; it
    is used for the outputs of its column in ``rows``. Sums are held of the outputs in ``rows`` and
    ``columns``, ``every`` time a product is added or once after the last depth of each run of
    ``block`` depths in ``depths``.
    """

    content: Content
    rows: npt.NDArray[np.bool_]
    depths: npt.NDArray[np.bool_]
    columns: npt.NDArray[np.bool_]
    every: bool = False

    @property
    def transposed(self) -> "PermanentUse":
        """The use in the product whose inputs and weights are exchanged."""
        return replace(self, content=_EXCHANGED[self.content], rows=self.columns, columns=self.rows)
