"""What if bits that no weight ever changes are held?"""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.bit_scrubber import BitScrubber, format_of_words, words
from radhard.hardenings.scrubbing.stored_weights import begin, cover, demand_period, weights
from radhard.spec import component

__all__ = ["WeightBitClip"]


@component
class WeightBitClip(Hardening):
    """Holds bits that are the same in all weights (Parchekani et al., DFT 2024).

    Before every n-th inference (``every``), in place, without any memory. ``bits="top"``: the
    greatest of the exponent, in float32 bit 30, the most critical one, which is 0 where all weights
    are below 2 in size, and which keeps them there; ``"constant"``: every bit that profiling finds
    to be constant; or the numbers of some. ``per``: constant in all weights of the model, or in
    those of each tensor, each of which then has its own.

    Refused where it would change a weight: a bit that is asked for and is not constant.
    Weights are what ``Weights("*")`` strikes: biases are not looked at.
    """

    bits: Literal["top", "constant"] | tuple[int, ...] = "top"
    per: Literal["model", "tensor"] = "model"
    every: int = 1

    def check(self) -> None:
        demand_period(type(self).__name__, self.every)

    def harden(self, draft: Draft) -> None:
        scrubber = self._scrubber(draft.model, draft.by)
        cover(draft, scrubber.weights)
        begin(draft, "weight_bit_clip", scrubber, scrubber.turn)

    def scrubber(self, model: nn.Module) -> BitScrubber:
        """What puts this model right whenever it is told to: ``scrubber.scrub(model)``.

        Raises:
            InputError: holding the bits would change a weight; the message names the tensor.
        """
        return self._scrubber(model, repr(self))

    def _scrubber(self, model: nn.Module, by: str) -> BitScrubber:
        known = weights(model)
        # One word holds what all weights of a tensor have at 1, and one what all have at 0.
        ones = {name: _always(words(weight)) for name, weight in known.items()}
        zeros = {name: _always(~words(weight)) for name, weight in known.items()}
        if self.per == "model":
            self._demand_one_format(known)
            ones = dict.fromkeys(known, _all(ones.values()))
            zeros = dict.fromkeys(known, _all(zeros.values()))
        held = {}
        for name, weight in known.items():
            constant = ones[name] | zeros[name]
            held[name] = self._held(name, weight, constant, known)
        if not any(held.values()):
            raise InputError(f"{self!r}: no bit of the weights of {', '.join(known)} is constant")
        return BitScrubber(
            by,
            weights=tuple(known),
            ones=tuple(f"{ones[name] & held[name]:#x}" for name in known),
            zeros=tuple(f"{zeros[name] & held[name]:#x}" for name in known),
            every=self.every,
        )

    def _held(self, name: str, weight: Tensor, constant: int, known: dict[str, Tensor]) -> int:
        """The bits to hold of a tensor, as a word that has them at 1."""
        format = format_of_words(name, weight)
        if self.bits == "constant":
            return constant
        asked = (format.bits - 2,) if self.bits == "top" else self.bits
        for bit in asked:
            if not 0 <= bit < format.bits:
                raise InputError(f"{self!r}: {name!r} has bits 0 to {format.bits - 1}, not {bit}")
            if not constant >> bit & 1:
                raise InputError(self._lossy(bit, known if self.per == "model" else {name: weight}))
        return sum(1 << bit for bit in set(asked))

    def _lossy(self, bit: int, known: dict[str, Tensor]) -> str:
        """Why a bit cannot be held: the tensor in which it differs."""
        for name, weight in known.items():
            if not (_always(words(weight)) | _always(~words(weight))) >> bit & 1:
                largest = float(weight.detach().abs().max())
                return (
                    f"{self!r}: bit {bit} is not the same in all weights of {name!r}, the largest "
                    f"of which is {largest:.3g}: holding it would change them; use "
                    "bits='constant', or WeightRangeCheck()"
                )
        # Constant in each, but not the same in all.
        return (
            f"{self!r}: bit {bit} is not the same in the weights of {', '.join(known)}; hold it by "
            "tensor (per='tensor')"
        )

    def _demand_one_format(self, known: dict[str, Tensor]) -> None:
        formats = {name: format_of_words(name, weight) for name, weight in known.items()}
        if len(set(formats.values())) > 1:
            raise InputError(
                f"{self!r}: weights of several formats have no bits in common "
                f"({', '.join(f'{n}: {f!r}' for n, f in formats.items())}); use per='tensor'"
            )


def _always(found: Tensor) -> int:
    """The bits that are 1 in all words, as a word."""
    bits = 8 * found.element_size()
    rest = found.flatten()
    # torch has no reduction by AND. Halving takes log2(n) vector operations instead of n steps.
    while len(rest) > 1:
        half = len(rest) // 2
        # The last word of an odd number takes part twice, which changes nothing.
        rest = rest[:half] & rest[half : 2 * half] if len(rest) % 2 == 0 else _odd(rest, half)
    return int(rest[0]) & ((1 << bits) - 1)


def _odd(rest: Tensor, half: int) -> Tensor:
    return rest[: half + 1] & rest[half:]


def _all(found: Iterable[int]) -> int:
    # All bits set, the neutral element of AND, at any width.
    word = -1
    for one in found:
        word &= one
    return word
