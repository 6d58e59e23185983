"""A systolic array, cycle by cycle and register by register, for many faults at once.

Every array of registers is ``(faults, rows, columns)``; each fault has an array of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Faults:
    """A flipped bit in one cycle of one tile; or, with ``stuck``, a bit that is never another."""

    register: str
    tile: Ints
    cycle: Ints
    row: Ints
    column: Ints
    bit: Ints
    stuck: int | None = None

    def apply(self, register: str, values: Ints, bits: int, tile: int, cycle: int) -> None:
        """Change the words of a register that has just been written."""
        if register != self.register:
            return
        now = (self.tile == tile) & (self.cycle == cycle)
        f = np.arange(len(self.bit)) if self.stuck is not None else np.flatnonzero(now)
        at = (f, self.row[f], self.column[f])
        word, mask = values[at] % 2**bits, 1 << self.bit[f]
        choices = {None: word ^ mask, 0: word & ~mask, 1: word | mask}
        word = choices[self.stuck]
        values[at] = np.where(word >= 2 ** (bits - 1), word - 2**bits, word)


@dataclass(frozen=True)
class Machine:
    """The array, without any knowledge of what a fault does."""

    rows: int
    columns: int
    word: int
    accumulator: int
    saturate: bool

    def limit(self, sums: Ints) -> Ints:
        half = 2 ** (self.accumulator - 1)
        if self.saturate:
            return np.clip(sums, -half, half - 1)
        return (sums + half) % (2 * half) - half

    def output_stationary(self, a: Ints, b: Ints, faults: Faults) -> Ints:
        """The product of ``a`` and ``b`` with each fault, ``(faults, rows of a, columns of b)``."""
        (m, k), n = a.shape, b.shape[1]
        count, out = len(faults.bit), np.zeros((len(faults.bit), m, n), np.int64)
        tile = 0
        for m0 in range(0, m, self.rows):
            for n0 in range(0, n, self.columns):
                inputs, weights, sums, finished = self._registers(count)
                end = k + self.rows + self.columns - 2
                for t in range(end + self.rows):
                    if t < end:
                        inputs[:, :, 1:] = inputs[:, :, :-1].copy()
                        weights[:, 1:] = weights[:, :-1].copy()
                        for r in range(self.rows):
                            inputs[:, r, 0] = _get(a, m0 + r, t - r)
                        for c in range(self.columns):
                            weights[:, 0, c] = _get(b, t - c, n0 + c)
                        faults.apply("input", inputs, self.word, tile, t)
                        faults.apply("weight", weights, self.word, tile, t)
                        for r in range(self.rows):
                            for c in range(self.columns):
                                before = 0 if t - r - c == 0 else sums[:, r, c]
                                product = inputs[:, r, c] * weights[:, r, c]
                                sums[:, r, c] = self.limit(before + product)
                        faults.apply("sum", sums, self.accumulator, tile, t)
                    else:
                        if t == end:
                            finished = sums.copy()
                        else:
                            finished[:, 1:] = finished[:, :-1].copy()
                        faults.apply("output", finished, self.accumulator, tile, t)
                        row = m0 + self.rows - 1 - (t - end)
                        if row < m:
                            width = min(self.columns, n - n0)
                            out[:, row, n0 : n0 + width] = finished[:, -1, :width]
                tile += 1
        return out

    def weight_stationary(self, a: Ints, b: Ints, faults: Faults) -> Ints:
        """As `output_stationary`."""
        (m, k), n = a.shape, b.shape[1]
        count, out = len(faults.bit), np.zeros((len(faults.bit), m, n), np.int64)
        inputs, weights, sums, _ = self._registers(count)
        tile = 0
        for k0 in range(0, k, self.rows):
            for n0 in range(0, n, self.columns):
                for t in range(self.rows + m + self.rows + self.columns - 2):
                    u = t - self.rows
                    inputs[:, :, 1:] = inputs[:, :, :-1].copy()
                    for r in range(self.rows):
                        inputs[:, r, 0] = _get(a, u - r, k0 + r) if u >= 0 else 0
                    if u < 0:
                        weights[:, 1:] = weights[:, :-1].copy()
                        for c in range(self.columns):
                            weights[:, 0, c] = _get(b, k0 - 1 - u, n0 + c)
                    faults.apply("input", inputs, self.word, tile, t)
                    faults.apply("weight", weights, self.word, tile, t)
                    above = np.zeros_like(sums)
                    above[:, 1:] = sums[:, :-1]
                    sums = self.limit(above + inputs * weights)
                    faults.apply("sum", sums, self.accumulator, tile, t)
                    for c in range(self.columns):
                        row = u - (self.rows - 1) - c
                        if 0 <= row < m and n0 + c < n:
                            total = out[:, row, n0 + c] + sums[:, -1, c]
                            out[:, row, n0 + c] = self.limit(total)
                tile += 1
        return out

    def input_stationary(self, a: Ints, b: Ints, faults: Faults) -> Ints:
        """As `output_stationary`: a weight-stationary array that multiplies the transposes."""
        other = {"input": "weight", "weight": "input", "sum": "sum"}[faults.register]
        turned = Faults(other, *(getattr(faults, name) for name in _PLACE), faults.stuck)
        return self.weight_stationary(b.T, a.T, turned).transpose(0, 2, 1)

    def run(self, dataflow: str, a: Ints, b: Ints, faults: Faults) -> Ints:
        flow: Callable[[Ints, Ints, Faults], Ints] = getattr(self, dataflow)
        return flow(a, b, faults)

    def _registers(self, count: int) -> list[Ints]:
        return [np.zeros((count, self.rows, self.columns), np.int64) for _ in range(4)]


_PLACE = ("tile", "cycle", "row", "column", "bit")


def _get(matrix: Ints, row: int, column: int) -> int:
    """An element, or zero outside the matrix."""
    inside = 0 <= row < matrix.shape[0] and 0 <= column < matrix.shape[1]
    return int(matrix[row, column]) if inside else 0
