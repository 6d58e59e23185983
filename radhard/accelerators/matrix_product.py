"""How large are the matrices that a layer multiplies?"""

from dataclasses import dataclass

__all__ = ["MatrixProduct"]


@dataclass(frozen=True)
class MatrixProduct:
    """For each group of a layer, outputs ``(rows, columns)``: inputs times weights.

    The inputs of a group are ``(rows, depth)``: one row for every position of the output, of one
    sample, with all inputs that it depends on. The weights are ``(depth, columns)``: one column for
    every output channel.
    """

    rows: int
    depth: int
    columns: int
    groups: int = 1

    @property
    def transposed(self) -> "MatrixProduct":
        """The product with the parts of inputs and weights exchanged."""
        return MatrixProduct(self.columns, self.depth, self.rows, self.groups)
