"""What if bits that are constant in all weights are kept at their value?"""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.bit_scrubber import BitScrubber, format_of_words, words
from radhard.hardenings.scrubbing.stored_weights import begin, check_period, cover, weights
from radhard.spec import component

__all__ = ["WeightBitClip"]


@component
class WeightBitClip(Hardening):
    """Keeps bits that are equal in all weights at their value (Parchekani et al., DFT 2024).

    Applied before every n-th inference (``every``), in place, without additional memory.
    ``bits="top"``: the most significant bit of the exponent (bit 30 in float32), the most critical
    one; it is 0 if all weights are below 2 in magnitude, and keeping it 0 keeps them below 2.
    ``"constant"``: every bit that is constant in the weights; or the numbers of bits. ``per``:
    bits constant in all weights of the model, or bits of each tensor that are constant in it.

    An `InputError` if it would change a weight, that is, if a requested bit is not constant.
    Weights are the sites of ``Weights("*")``: biases are not checked.
    """

    bits: Literal["top", "constant"] | tuple[int, ...] = "top"
    per: Literal["model", "tensor"] = "model"
    every: int = 1

    def check(self) -> None:
        check_period(type(self).__name__, self.every)

    def harden(self, draft: Draft) -> None:
        scrubber = self._scrubber(draft.model, draft.by)
        cover(draft, scrubber.weights)
        begin(draft, "weight_bit_clip", scrubber, scrubber.turn)

    def scrubber(self, model: nn.Module) -> BitScrubber:
        """A scrubber that corrects this model on demand: ``scrubber.scrub(model)``.

        Raises:
            InputError: keeping the bits would change a weight; the message names the tensor.
        """
        return self._scrubber(model, repr(self))

    def _scrubber(self, model: nn.Module, by: str) -> BitScrubber:
        tensors = weights(model)
        # One word contains the bits that are 1 in all weights of a tensor, one those that are 0.
        ones = {name: _always(words(weight)) for name, weight in tensors.items()}
        zeros = {name: _always(~words(weight)) for name, weight in tensors.items()}
        if self.per == "model":
            self._check_one_format(tensors)
            ones = dict.fromkeys(tensors, _all(ones.values()))
            zeros = dict.fromkeys(tensors, _all(zeros.values()))
        masks = {}
        for name, weight in tensors.items():
            constant = ones[name] | zeros[name]
            masks[name] = self._held(name, weight, constant, tensors)
        if not any(masks.values()):
            raise InputError(f"{self!r}: no bit of the weights of {', '.join(tensors)} is constant")
        return BitScrubber(
            by,
            weights=tuple(tensors),
            ones=tuple(f"{ones[name] & masks[name]:#x}" for name in tensors),
            zeros=tuple(f"{zeros[name] & masks[name]:#x}" for name in tensors),
            every=self.every,
        )

    def _held(self, name: str, weight: Tensor, constant: int, tensors: dict[str, Tensor]) -> int:
        """A word with the bits of a tensor that are kept at their value."""
        format = format_of_words(name, weight)
        if self.bits == "constant":
            return constant
        # Below the sign, the first bit of the exponent.
        requested = (format.bits - 2,) if self.bits == "top" else self.bits
        for bit in requested:
            if not 0 <= bit < format.bits:
                raise InputError(f"{self!r}: {name!r} has bits 0 to {format.bits - 1}, not {bit}")
            if not constant >> bit & 1:
                raise InputError(
                    self._lossy(bit, tensors if self.per == "model" else {name: weight})
                )
        return sum(1 << bit for bit in set(requested))

    def _lossy(self, bit: int, tensors: dict[str, Tensor]) -> str:
        """Why a bit cannot be kept: the tensor in which it differs."""
        for name, weight in tensors.items():
            if not (_always(words(weight)) | _always(~words(weight))) >> bit & 1:
                largest = float(weight.detach().abs().max())
                return (
                    f"{self!r}: bit {bit} is not the same in all weights of {name!r}, the largest "
                    f"of which is {largest:.3g}: holding it would change them; use "
                    "bits='constant', or WeightRangeCheck()"
                )
        # Constant in each, but not the same in all.
        return (
            f"{self!r}: bit {bit} is constant in each of {', '.join(tensors)}, but not with "
            "the same value in all; use per='tensor'"
        )

    def _check_one_format(self, tensors: dict[str, Tensor]) -> None:
        formats = {name: format_of_words(name, weight) for name, weight in tensors.items()}
        if len(set(formats.values())) > 1:
            raise InputError(
                f"{self!r}: weights of several formats have no bits in common "
                f"({', '.join(f'{n}: {f!r}' for n, f in formats.items())}); use per='tensor'"
            )


def _always(stored: Tensor) -> int:
    """A word with the bits that are 1 in all words."""
    bits = 8 * stored.element_size()
    rest = stored.flatten()
    # torch has no reduction by AND. Halving takes log2(n) vector operations instead of n steps.
    while len(rest) > 1:
        half = len(rest) // 2
        # If the number is odd, the middle word is used twice, which does not change the result.
        rest = rest[:half] & rest[half : 2 * half] if len(rest) % 2 == 0 else _odd(rest, half)
    # As an unsigned number, for hexadecimal text.
    return int(rest[0]) & ((1 << bits) - 1)


def _odd(rest: Tensor, half: int) -> Tensor:
    return rest[: half + 1] & rest[half:]


def _all(masks: Iterable[int]) -> int:
    # All bits set, the neutral element of AND, at any width.
    word = -1
    for mask in masks:
        word &= mask
    return word
