"""What is the nearest word, found by trying every word in exact arithmetic?"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from fractions import Fraction

import torch
from torch import Tensor

__all__ = ["Words", "around"]


class Words:
    """All finite words of a format, by a definition of their values that the package lacks.

    ``value``: the exact value of a word, None if it is no finite number. Magnitudes only: the
    lowest ``2**(bits - 1)`` words.
    """

    def __init__(self, bits: int, value: Callable[[int], Fraction | None]) -> None:
        found = [(v, word) for word in range(2 ** (bits - 1)) if (v := value(word)) is not None]
        self.values, self.words = zip(*sorted(found), strict=True)

    def nearest(self, x: Fraction) -> int:
        """The nearest word to a magnitude, the even one of two; the last one beyond the range."""
        at = bisect_left(self.values, x)
        near = range(max(0, at - 1), min(at + 1, len(self.values)))
        return min((abs(self.values[i] - x), self.words[i] & 1, self.words[i]) for i in near)[2]


def around(values: Tensor) -> Iterator[float]:
    """Values, the middles of neighbours, and the doubles just beside both."""
    marks = values.double().unique()
    marks = torch.cat([marks, (marks[1:] + marks[:-1]) / 2])
    for beside in (-torch.inf, torch.inf):
        yield from torch.nextafter(marks, torch.full_like(marks, beside)).tolist()
    yield from marks.tolist()
