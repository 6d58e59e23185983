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
        self.wanted = bool(self._sides)
        """Whether there are guards at all."""

    def of_gates(self, sums: Tensor, values: Tensor) -> None:
        """Take in the sums of all gates, ``(gates * hidden, rows)``, and their values."""
        if "input" in self._sides:
            self._add("input", sums)
        if "output" in self._sides:
            self._add("output", values)

    def of_cell(self, state: Tensor) -> None:
        """Take in the cell state, ``(hidden, rows)``, which the last gate is given and returns."""
        if self._gates[-1].guards:
            self._add("cell", state)

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
        if self._gates[number].function == "identity":
            return [one.t() for one in self._seen["cell"]]
        many -= self._gates[-1].function == "identity"
        return [one.chunk(many)[number].t() for one in self._seen[side]]

    def _add(self, key: str, values: Tensor) -> None:
        if key not in self._seen:
            self._seen[key] = values.clone(), values.clone()
            return
        low, high = self._seen[key]
        torch.minimum(low, values, out=low)
        torch.maximum(high, values, out=high)
