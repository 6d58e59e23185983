"""How does a word change whose content is lost?"""

from typing import Literal

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.faults.base import FaultModel, Numbers
from radhard.faults.draws import DRAWS, check_draws, next_draws, random_words
from radhard.formats import CheckWord, Format, ProtectedFormat
from radhard.formats.largest_code import largest_code
from radhard.spec import component

__all__ = ["Replace"]

_WORDS = {"zero": "zero", "random": "a random word", "max": "the largest value"}


@component
class Replace(FaultModel):
    """The whole word is replaced, whatever was stored in it.

    ``value``: ``"zero"``, the word of 0; ``"max"``, the word of the largest finite value of the
    format; a number, the word of the nearest value; ``"random"``, a random word. The last has 256
    variants, each of which stands for one word: in words of up to 8 bits these are all words, in
    wider ones each begins with other bits, and the bits that follow are drawn from the variant. The
    others have one variant. In a protected format that keeps check bits in the word, the word that
    replaces another has the check bits of its value, so that only ``"random"`` can be detected.

    Raises:
        InputError: a number that the format, with its scale, cannot hold, or any number in words of
            check bits.

    >>> from radhard.formats import Fixed
    >>> codes, first = torch.tensor([5, 200]), torch.tensor([0, 0])
    >>> [Replace(value).corrupt(codes, first, Fixed(3, 4)).tolist() for value in ("max", -1.5)]
    [[127, 127], [232, 232]]
    """

    value: Literal["zero", "random", "max"] | float

    @property
    def by_bit(self) -> bool:
        return False

    def variants(self, format: Format) -> int:
        if self.value == "random":
            return min(DRAWS, 1 << format.bits)
        if not isinstance(self.value, str):
            self._check_range(self.value, format)
        return 1

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        # For its IndexError, if there is no such variant.
        _ = range(self.variants(format))[variant]
        return tuple(range(format.bits))

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        variants = variants.to(codes.device)
        if self.value == "random":
            return random_words(variants, format.bits)
        check_draws(variants, 1)
        if self.value == "zero":
            return self._word(0.0, torch.zeros_like(codes), format)
        if self.value == "max":
            return torch.full_like(codes, largest_code(format))
        return self._word(float(self.value), codes, format)

    def along(self, variants: Numbers, offsets: Numbers, format: Format) -> Numbers:
        if self.value != "random":
            return variants
        return next_draws(variants, offsets, self.variants(format))

    def noun(self) -> tuple[str, str]:
        by = _WORDS[self.value] if isinstance(self.value, str) else f"{self.value:g}"
        return "word", f" replaced by {by}"

    def _word(self, value: float, codes: Tensor, format: Format) -> Tensor:
        """The word of a value, in the shape of ``codes``."""
        if isinstance(format, CheckWord):
            return torch.zeros_like(codes)
        values = torch.full(codes.shape, value, dtype=torch.float64, device=codes.device)
        return _storing(format).encode(values)

    def _check_range(self, value: float, format: Format) -> None:
        if isinstance(format, CheckWord):
            raise InputError(
                f"{self!r} is a value, and check bits have none; give 'zero', 'random' or 'max', "
                "or take planes='codes'"
            )
        storing = _storing(format)
        if storing.has_scale and storing.scale is None:
            return
        scale = torch.ones(1) if storing.scale is None else storing.scale.reshape(-1)
        if storing.has_scale:
            storing = storing.scaled(scale)  # one value of each scale
        given = torch.full(scale.shape, value, dtype=torch.float64)
        held = storing.decode(storing.encode(given)).double()
        top = torch.full_like(given, largest_code(format), dtype=torch.int64)
        largest = storing.decode(top).double()
        # The lowest number of two's complement is beyond the largest in magnitude, and is held.
        if ((given.abs() > largest) & (held != given)).any():
            raise InputError(
                f"{self!r} is beyond what {format!r} holds here, at most {float(largest.min()):g}; "
                "give a smaller number, or 'max'"
            )


def _storing(format: Format) -> Format:
    """The format that encodes a value into a word by itself."""
    if isinstance(format, ProtectedFormat) and not format.by_word:
        return format.inner
    return format
