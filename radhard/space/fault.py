"""Which word is faulty, and how?"""

from dataclasses import dataclass

__all__ = ["Fault"]


@dataclass(frozen=True)
class Fault:
    """One fault: variant ``variant`` of a fault model in word ``word`` of tensor ``tensor``.

    ``word`` is the index of a word of the region, in row-major order (with the samples first if
    each has its own words). ``region`` is the index of a region of the tensor, in the order of the
    space: a tensor with several fault models, or faults in several planes, has several regions.
    """

    tensor: str
    word: int
    variant: int
    region: int = 0

    def __repr__(self) -> str:
        which = f", region={self.region}" if self.region else ""
        return f"Fault({self.tensor!r}, {self.word}, {self.variant}{which})"
