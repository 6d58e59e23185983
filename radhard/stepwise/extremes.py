"""Would the guards of gates have changed anything, over all steps?"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from radhard.stepwise.gate import Gate

__all__ = ["Extremes"]


class Extremes:
    """The smallest and largest values of some gates over all steps, by unit and row.

    They are small enough to stay in the cache, unlike the values of all steps. NaN is both.
    """

    def __init__(self, gates: Sequence[Gate]) -> None:
        self._gates = gates
        self._sides = {side for gate in gates for side in gate.guards.values()}
        self._seen: dict[str, tuple[Tensor, Tensor]] = {}

    def update(self, sums: Tensor, values: Tensor) -> None:
        """Take in the sums and the values of all gates in a step, ``(gates * hidden, rows)``.

        The cell state, which its gate is given and returns, follows the sums and precedes the
        values: in memory it is between them, so that both with it are one tensor each.
        """
        for side in self._sides:
            given = sums if side == "input" else values
            if side not in self._seen:
                self._seen[side] = given.clone(), given.clone()
                continue
            low, high = self._seen[side]
            torch.minimum(low, given, out=low)
            torch.maximum(high, given, out=high)

    def are_within(self) -> bool:
        """Whether every guard is known to leave all values as they are."""
        return all(
            gate.guard(name).within(extreme)
            for number, gate in enumerate(self._gates)
            for name, side in gate.guards.items()
            for extreme in self._of(number, side)
        )

    def _of(self, number: int, side: Literal["input", "output"]) -> list[Tensor]:
        """The extremes of one gate, ``(rows, hidden)``."""
        many = len(self._gates)
        if side == "output" and self._gates[-1].function == "identity":
            number = (number + 1) % many
        return [one.chunk(many)[number].t() for one in self._seen[side]]
