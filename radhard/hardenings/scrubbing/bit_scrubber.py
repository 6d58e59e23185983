"""How are bits that are constant in fault-free weights kept at their value?"""

from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import BFloat16, Float16, Float32, Float64, Format
from radhard.hardenings.part import Part
from radhard.hardenings.scrubbing.stored_weights import Turn, named, put_right, tracing

__all__ = ["BitScrubber", "format_of_words", "words"]

_FORMATS: dict[torch.dtype, tuple[Format, torch.dtype]] = {
    torch.float16: (Float16(), torch.int16),
    torch.bfloat16: (BFloat16(), torch.int16),
    torch.float32: (Float32(), torch.int32),
    torch.float64: (Float64(), torch.int64),
}

_PIECE = 1 << 16
"""Number of words that are checked together."""


class BitScrubber(Part):
    """Keeps bits of the weights at their fault-free value.

    The bits are constants rather than buffers, so that faults cannot be injected into them: for
    each parameter ``ones``, a word with the bits kept at 1, and ``zeros``, a word with the bits
    kept at 0, both in hexadecimal.
    """

    place = "model"

    def __init__(
        self,
        by: str,
        *,
        weights: tuple[str, ...],
        ones: tuple[str, ...],
        zeros: tuple[str, ...],
        every: int = 1,
    ) -> None:
        super().__init__(by)
        self.weights, self.ones, self.zeros = tuple(weights), tuple(ones), tuple(zeros)
        if not len(self.weights) == len(self.ones) == len(self.zeros):
            raise InputError(
                f"there are bits for {len(self.ones)} weights, but {len(self.weights)} weights are "
                "named"
            )
        self._masks = [
            (int(one, 16), int(zero, 16)) for one, zero in zip(self.ones, self.zeros, strict=True)
        ]
        self.every = every
        self.turn = Turn(every)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "weights": self.weights,
            "ones": self.ones,
            "zeros": self.zeros,
            "every": self.every,
        }

    @property
    def scrubbed(self) -> tuple[str, ...]:
        return self.weights

    def due(self) -> bool:
        return self.turn.due()

    def scrub(self, model: nn.Module) -> None:
        """Correct the weights of the model, in place; fault-free ones are bitwise unchanged."""
        tensors = named(model, self.weights)
        for weight, (ones, zeros) in zip(tensors.values(), self._masks, strict=True):
            stored = words(weight)
            bits = 8 * weight.element_size()
            # Torch's unsigned types of these widths lack most operations.
            high, low = _signed(ones, bits), _signed(zeros, bits)
            # Usually no bit is wrong, and reading is cheaper than writing every weight. A traced
            # program cannot branch on values.
            if tracing() or not _all_hold(stored, high | low, high):
                right = (stored | high) & ~low
                put_right(weight, stored != right, right.view(weight.dtype))


def _all_hold(bits: Tensor, mask: int, ones: int) -> bool:
    """Whether in all words the bits of ``mask`` that are in ``ones`` are 1, and the others 0."""
    flat = bits.flatten()
    # In pieces that fit in the cache, since the masked words have to be written.
    # On a GPU, every piece would cost a synchronization.
    size = len(flat) if flat.is_cuda else min(len(flat), _PIECE)
    masked = torch.empty(size, dtype=flat.dtype, device=flat.device)
    for at in range(0, len(flat), size):
        piece = flat[at : at + size]
        least, most = torch.aminmax(torch.bitwise_and(piece, mask, out=masked[: len(piece)]))
        # All masked words are equal exactly if the smallest is the largest.
        if not int(least) == int(most) == ones:
            return False
    return True


def format_of_words(name: str, weight: Tensor) -> Format:
    """The format of the words of a tensor.

    Raises:
        InputError: its dtype is not supported.
    """
    if weight.dtype not in _FORMATS:
        raise InputError(
            f"{name!r} is {weight.dtype}; bits can be fixed in weights of "
            f"{', '.join(str(dtype) for dtype in _FORMATS)} only"
        )
    return _FORMATS[weight.dtype][0]


def words(weight: Tensor) -> Tensor:
    """The words of a tensor, as integers of the same width and shape."""
    return weight.detach().view(_FORMATS[weight.dtype][1])


def _signed(word: int, bits: int) -> int:
    """A word as a signed integer.

    >>> _signed(0xFFFF, 16), _signed(1, 16)
    (-1, 1)
    """
    return word - (1 << bits) if word >> (bits - 1) else word
