"""Which word does a fault strike, and how?"""

from dataclasses import dataclass

__all__ = ["Fault"]


@dataclass(frozen=True)
class Fault:
    """One fault: variant ``variant`` of a fault model strikes word ``word`` of tensor ``tensor``.

    ``word`` counts the words of the region in row-major order (samples first where they are told
    apart). ``region`` counts the regions of the tensor, in the order of the space: it has more
    than one where it is struck by several fault models, or in several planes.
    """

    tensor: str
    word: int
    variant: int
    region: int = 0

    def __repr__(self) -> str:
        which = f", region={self.region}" if self.region else ""
        return f"Fault({self.tensor!r}, {self.word}, {self.variant}{which})"
