"""What does an accelerator provide?"""

from abc import abstractmethod
from typing import Literal

from radhard.accelerators.matrix_product import MatrixProduct
from radhard.accelerators.register_use import Numbers, PermanentUse, RegisterUse
from radhard.formats import Format
from radhard.spec import Component, Family

__all__ = ["ACCELERATORS", "Accelerator", "Register"]

Register = Literal["input", "weight", "sum", "output"]
"""The registers of a processing element: an input, a weight, the partial sum, and, where finished
sums leave the array through the elements, the output."""


class Accelerator(Component):
    """An array of processing elements: which of its registers holds what, in which cycle."""

    @property
    @abstractmethod
    def registers(self) -> tuple[Register, ...]:
        """The registers of a processing element."""

    @abstractmethod
    def format_of(self, register: Register) -> Format:
        """The format of a register: words of integers."""

    @property
    def formats(self) -> dict[str, Format]:
        """The formats of all registers, as `FaultSpace.of` takes them for `Registers`."""
        return {f"*:{register}": self.format_of(register) for register in self.registers}

    @abstractmethod
    def shape(self, product: MatrixProduct) -> tuple[int, int, int, int]:
        """Tiles, cycles of a tile, rows and columns of the array, for one sample of a layer."""

    @abstractmethod
    def use(self, product: MatrixProduct, register: Register, words: Numbers) -> RegisterUse:
        """What a register holds in a cycle; ``words`` are flat positions in `shape`."""

    @abstractmethod
    def permanent_use(self, product: MatrixProduct, register: Register, word: int) -> PermanentUse:
        """What a register holds in all cycles; ``word`` is a flat position in the array."""

    @abstractmethod
    def last_reads(self, product: MatrixProduct, operand: Literal["input", "weight"]) -> Numbers:
        """When the elements of an operand enter the array for the last time, for one sample.

        In cycles from the beginning of the layer, all tiles one after another: of the inputs
        ``(groups, rows, depth)``, of the weights ``(groups, depth, columns)``.
        """

    @abstractmethod
    def accumulators(self, product: MatrixProduct) -> tuple[int, int]:
        """Words outside the elements that hold sums from tile to tile, and their live cycles.

        The words that are needed at a time, and the cycles in which a word is live, added up over
        all words and the whole layer.
        """

    @abstractmethod
    def block(self, product: MatrixProduct) -> int:
        """How many products are added up in a row, before their sum is added to those before."""

    @property
    @abstractmethod
    def saturates(self) -> bool:
        """Whether sums beyond a word become the nearest end of it, rather than wrap around."""


ACCELERATORS: Family[Accelerator] = Family(Accelerator)
"""The accelerators of radhard, and how one is read from text."""
