"""Which element does a systolic array hold in which register, in which cycle?"""

from typing import Literal

import numpy as np

from radhard.accelerators.base import Accelerator, Register
from radhard.accelerators.matrix_product import MatrixProduct
from radhard.accelerators.register_use import Numbers, PermanentUse, RegisterUse
from radhard.errors import InputError
from radhard.formats import Format, Int
from radhard.spec import component

__all__ = ["Systolic"]


@component
class Systolic(Accelerator):
    """A systolic array of ``rows x columns`` processing elements that multiplies matrices.

    A layer is computed tile after tile, each sample by itself. In every cycle an element hands its
    moving words on, receives new ones, multiplies and adds. ``dataflow`` says what stays in an
    element for a tile:

    - ``"output_stationary"``: the sums of as many outputs as there are elements. Inputs move to the
      right, weights down; row ``r`` begins ``r`` cycles later, column ``c`` begins ``c`` later. The
      first product of a tile overwrites the sum. Finished sums then move down through the output
      registers, one row a cycle.
    - ``"weight_stationary"``: weights, which enter from above, in as many cycles as there are rows.
      Then inputs move to the right, and sums down; below the array the sums of a tile are added to
      those of the tiles before.
    - ``"input_stationary"``: the same with inputs and weights exchanged.

    Elements that a tile does not fill compute with zeros. A bit that flips stays until the register
    is written again: of moving words for one cycle, of those that stay for the rest of the tile. It
    flips after the register is written and before its word is used; in a sum, after a product has
    been added.

    ``word``: the format of inputs and weights, ``accumulator``: of sums, both ``Int(bits)``.
    ``overflow``: what becomes of a sum that is too large.

    Raises:
        InputError: no rows or columns, words other than integers, an accumulator that is narrower
            than a product.
    """

    rows: int = 16
    columns: int = 16
    dataflow: Literal["output_stationary", "weight_stationary", "input_stationary"] = (
        "output_stationary"
    )
    word: Format = Int(8)
    accumulator: Format = Int(32)
    overflow: Literal["wrap", "saturate"] = "wrap"

    def check(self) -> None:
        if not (1 <= self.rows <= 1024 and 1 <= self.columns <= 1024):
            raise InputError(
                f"an array of {self.rows} x {self.columns} is not allowed; 1 to 1024 rows and "
                "columns"
            )
        for name, format in (("word", self.word), ("accumulator", self.accumulator)):
            if format != Int(format.bits):
                raise InputError(
                    f"Systolic: {name}={format!r} is not allowed; registers hold integers in two's "
                    "complement: Int(bits)"
                )
        if self.accumulator.bits < 2 * self.word.bits:
            raise InputError(
                f"Systolic: an accumulator of {self.accumulator.bits} bits does not hold a product "
                f"of two words of {self.word.bits}; give it {2 * self.word.bits} or "
                "more"
            )

    @property
    def registers(self) -> tuple[Register, ...]:
        if self.dataflow == "output_stationary":
            return ("input", "weight", "sum", "output")
        return ("input", "weight", "sum")

    def format_of(self, register: Register) -> Format:
        self._check_register(register)
        return self.word if register in ("input", "weight") else self.accumulator

    @property
    def saturates(self) -> bool:
        return self.overflow == "saturate"

    def block(self, product: MatrixProduct) -> int:
        return product.depth if self.dataflow == "output_stationary" else self.rows

    def shape(self, product: MatrixProduct) -> tuple[int, int, int, int]:
        if self.dataflow == "input_stationary":
            product = product.transposed
        *_, tiles = self._tiles(product)
        # Every word has passed the element furthest from where it came in.
        through = self.rows + self.columns - 2
        if self.dataflow == "output_stationary":
            cycles = product.depth + through + self.rows
        else:
            cycles = self.rows + product.rows + through
        return (tiles, cycles, self.rows, self.columns)

    def use(self, product: MatrixProduct, register: Register, words: Numbers) -> RegisterUse:
        self._check_register(register)
        shape = self.shape(product)
        if self.dataflow == "output_stationary":
            return self._output_stationary(product, register, *_split(words, shape))
        if self.dataflow == "weight_stationary":
            return self._weight_stationary(product, register, *_split(words, shape))
        other = _EXCHANGED[register]
        return self._weight_stationary(product.transposed, other, *_split(words, shape)).transposed

    def permanent_use(self, product: MatrixProduct, register: Register, word: int) -> PermanentUse:
        self._check_register(register)
        at = divmod(word, self.columns)
        if self.dataflow == "output_stationary":
            return self._output_stationary_always(product, register, *at)
        if self.dataflow == "weight_stationary":
            return self._weight_stationary_always(product, register, *at)
        other = _EXCHANGED[register]
        return self._weight_stationary_always(product.transposed, other, *at).transposed

    def last_reads(self, product: MatrixProduct, operand: Literal["input", "weight"]) -> Numbers:
        if self.dataflow == "input_stationary":
            weights = self._last_reads(product.transposed, _EXCHANGED[operand])
            return np.swapaxes(weights, 1, 2)
        return self._last_reads(product, operand)

    def _last_reads(self, product: MatrixProduct, operand: Register) -> Numbers:
        """The same, where inputs do not stay in the array."""
        groups, down, across, _ = self._tiles(product)
        cycles = self.shape(product if self.dataflow != "input_stationary" else product.transposed)
        group, depth = np.arange(groups)[:, None, None], np.arange(product.depth)
        rows, columns = np.arange(product.rows), np.arange(product.columns)
        if self.dataflow == "output_stationary":
            if operand == "input":
                # Once for every tile along the columns.
                tile = (group * down + rows[:, None] // self.rows + 1) * across - 1
                return tile * cycles[1] + depth + rows[:, None] % self.rows
            tile = (group * down + down - 1) * across + columns // self.columns
            return tile * cycles[1] + depth[:, None] + columns % self.columns
        i, r = np.divmod(depth, self.rows)
        if operand == "input":
            tile = (group * down + i + 1) * across - 1
            return tile * cycles[1] + self.rows + rows[:, None] + r
        # The weight of the last row enters first.
        tile = (group * down + i[:, None]) * across + columns // self.columns
        return tile * cycles[1] + self.rows - 1 - r[:, None]

    def accumulators(self, product: MatrixProduct) -> tuple[int, int]:
        if self.dataflow == "output_stationary":
            return 0, 0
        if self.dataflow == "input_stationary":
            product = product.transposed
            cycles = self.shape(product.transposed)[1]
        else:
            cycles = self.shape(product)[1]
        groups, down, across, _ = self._tiles(product)
        words = product.rows * product.columns
        # From the first tile along the depth, after which a word is written, to the last.
        return words, groups * words * (down - 1) * across * cycles

    def _check_register(self, register: str) -> None:
        if register not in self.registers:
            raise InputError(
                f"an element of {self!r} has no register {register!r}; it has "
                f"{', '.join(self.registers)}"
            )

    def _tiles(self, product: MatrixProduct) -> tuple[int, int, int, int]:
        """Groups, tiles along the rows of the array, tiles along its columns, and all tiles."""
        stationary = self.dataflow == "output_stationary"
        down = -(-(product.rows if stationary else product.depth) // self.rows)
        across = -(-product.columns // self.columns)
        return product.groups, down, across, product.groups * down * across

    def _output_stationary(
        self,
        product: MatrixProduct,
        register: Register,
        tile: Numbers,
        t: Numbers,
        r: Numbers,
        c: Numbers,
    ) -> RegisterUse:
        groups, down, across, _ = self._tiles(product)
        group, i, j = np.unravel_index(tile, (groups, down, across))
        row, column = i * self.rows + r, j * self.columns + c
        row_end = np.minimum(product.rows, (i + 1) * self.rows)
        column_end = np.minimum(product.columns, (j + 1) * self.columns)
        end = product.depth + self.rows + self.columns - 2
        depth = t - r - c
        live = (row < row_end) & (column < column_end)
        if register in ("input", "weight"):
            live &= (depth >= 0) & (depth < product.depth)
            if register == "input":
                rows, columns = (row, row + 1), (column, column_end)
            else:
                rows, columns = (row, row_end), (column, column + 1)
            return RegisterUse(register, live, group, rows, columns, depth, depth)
        if register == "sum":
            live &= (depth >= 0) & (t < end)
            depth = np.minimum(depth, product.depth - 1)
        else:
            # The sum of a row further up, which has moved down one row a cycle.
            moved = t - end
            row = row - moved
            live = (moved >= 0) & (moved <= r) & (row < row_end) & (column < column_end)
            depth = np.full_like(t, product.depth - 1)
        sums = (row, row + 1), (column, column + 1)
        return RegisterUse("sum", live, group, *sums, depth, np.zeros_like(t))

    def _weight_stationary(
        self,
        product: MatrixProduct,
        register: Register,
        tile: Numbers,
        t: Numbers,
        r: Numbers,
        c: Numbers,
    ) -> RegisterUse:
        groups, down, across, _ = self._tiles(product)
        group, i, j = np.unravel_index(tile, (groups, down, across))
        first, column = i * self.rows, j * self.columns + c
        depth = first + r
        depth_end = np.minimum(product.depth, (i + 1) * self.rows)
        column_end = np.minimum(product.columns, (j + 1) * self.columns)
        row = t - self.rows - r - c
        flowing = (row >= 0) & (row < product.rows) & (column < column_end)
        if register == "input":
            live = flowing & (depth < depth_end)
            rows, columns = (row, row + 1), (column, column_end)
            return RegisterUse("input", live, group, rows, columns, depth, depth)
        if register == "weight":
            loading = t < self.rows
            # The weight of the last row enters first, so that a weight on its way is that of a row
            # further down; before it come weights of the tile before, which leave the array.
            depth = np.where(loading, first + self.rows - 1 - t + r, depth)
            live = (depth < depth_end) & (column < column_end)
            live &= np.where(loading, t >= r, row < product.rows)
            start = np.where(loading, 0, np.maximum(row, 0))
            rows = (start, np.full_like(t, product.rows))
            return RegisterUse("weight", live, group, rows, (column, column + 1), depth, depth)
        # Elements without a weight add zero and hand the sum on.
        depth = np.minimum(depth, depth_end - 1)
        sums = (row, row + 1), (column, column + 1)
        return RegisterUse("sum", flowing, group, *sums, depth, first)

    def _output_stationary_always(
        self, product: MatrixProduct, register: Register, r: int, c: int
    ) -> PermanentUse:
        row, column = np.arange(product.rows) % self.rows, np.arange(product.columns) % self.columns
        every = np.ones(product.depth, bool)
        if register == "input":
            return PermanentUse("input", row == r, every, column >= c)
        if register == "weight":
            return PermanentUse("weight", row >= r, every, column == c)
        last = np.arange(product.depth) == product.depth - 1
        if register == "sum":
            return PermanentUse("sum", row == r, every, column == c, every=True)
        # The sums of all rows above move through it.
        return PermanentUse("sum", row <= r, last, column == c)

    def _weight_stationary_always(
        self, product: MatrixProduct, register: Register, r: int, c: int
    ) -> PermanentUse:
        every = np.ones(product.rows, bool)
        depth = np.arange(product.depth) % self.rows
        column = np.arange(product.columns) % self.columns
        if register == "input":
            return PermanentUse("input", every, depth == r, column >= c)
        if register == "weight":
            # The weights of all rows below move through it.
            return PermanentUse("weight", every, depth >= r, column == c)
        # In the last tile the depth may end before the row of the element.
        held = depth == r
        if product.depth % self.rows and product.depth % self.rows <= r:
            held[-1] = True
        return PermanentUse("sum", every, held, column == c)


_EXCHANGED: dict[Register, Register] = {"input": "weight", "weight": "input", "sum": "sum"}
"""The registers of an array that holds inputs, in terms of one that holds weights."""


def _split(words: Numbers, shape: tuple[int, int, int, int]) -> tuple[Numbers, ...]:
    return tuple(np.asarray(axis, np.int64) for axis in np.unravel_index(words, shape))
