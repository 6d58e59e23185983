"""What if bits that are constant in all weights are kept at their value?"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.bit_scrubber import BitScrubber, format_of_words
from radhard.hardenings.scrubbing.constant_bit_sets import BitSet, critical_masks
from radhard.hardenings.scrubbing.stored_weights import begin, check_period, cover, weights
from radhard.hardenings.scrubbing.weight_sets import PerSet, set_numbers
from radhard.spec import component

__all__ = ["WeightBitClip"]


@component
class WeightBitClip(Hardening):
    """Keeps bits that are equal in all weights at their value (Parchekani et al., DFT 2024).

    Applied before every n-th inference (``every``), in place, without additional memory. ``bits``:

    - ``"top"``: the most significant bit of the exponent (bit 30 in float32), the most critical
      one; it is 0 if all weights are below 2 in magnitude, and keeping it 0 keeps them below 2.
    - ``"constant"``: every bit that is constant in the weights.
    - ``"critical"``: of these, the critical ones: if the bit is flipped in all words of the set at
      once, the prediction of at least a share ``critical`` of the samples changes, or their output
      is NaN. One pass over the data for each constant bit.
    - the numbers of bits.

    ``per``: bits constant in all weights of the ``"model"``; in every ``"set"``, the weights of one
    purpose in a recurrent layer (input, recurrent, projection) or any other tensor; or in every
    ``"tensor"``. An `InputError` if it would change a weight, that is, if a requested bit is not
    constant. Weights are the sites of ``Weights("*")``: biases are not checked.

    Cost: No memory; one read of all weights.
    """

    bits: Literal["top", "constant", "critical"] | tuple[int, ...] = "top"
    per: PerSet = "model"
    every: int = 1
    critical: float = 0.01

    def check(self) -> None:
        check_period(type(self).__name__, self.every)
        if not 0 < self.critical <= 1:
            raise InputError(
                f"WeightBitClip: critical={self.critical} is not allowed; give a share of the "
                "samples above 0, up to 1"
            )

    def harden(self, draft: Draft) -> None:
        sets = self._sets(draft.model)
        if self.bits == "critical" and any(one.constant for one in sets):
            masks, finding = critical_masks(draft.workload, sets, least=self.critical)
            draft.findings.append(finding)
            if not any(masks):
                raise InputError(
                    f"{draft.by}: no constant bit is critical ({finding}); use bits='constant'"
                )
        else:
            masks = [self._mask(one) for one in sets]
        scrubber = self._part(draft.by, sets, masks)
        held = {name: mask for one, mask in zip(sets, masks, strict=True) for name in one.members}
        none = "no bit of its set is constant" + " and critical" * (self.bits == "critical")
        left_out = {name: none for name, mask in held.items() if not mask}
        cover(draft, [name for name in held if name not in left_out], left_out)
        begin(draft, "weight_bit_clip", scrubber, scrubber.turn)

    def scrubber(self, model: nn.Module) -> BitScrubber:
        """A scrubber that corrects this model on demand: ``scrubber.scrub(model)``.

        Raises:
            InputError: keeping the bits would change a weight; the message names the tensor. Or
                data are needed to find out which bits are critical.
        """
        if self.bits == "critical":
            raise InputError(
                f"{self!r}: which bits are critical follows from data; harden the model, as with "
                "WeightBitClip(bits='critical')(model, data)"
            )
        sets = self._sets(model)
        return self._part(repr(self), sets, [self._mask(one) for one in sets])

    def _sets(self, model: nn.Module) -> list[BitSet]:
        tensors = weights(model)
        found: dict[int, dict[str, Tensor]] = {}
        for number, name in zip(set_numbers(model, tuple(tensors), self.per), tensors, strict=True):
            found.setdefault(number, {})[name] = tensors[name]
        sets = []
        for members in found.values():
            formats = {name: format_of_words(name, weight) for name, weight in members.items()}
            if len(set(formats.values())) > 1:
                raise InputError(
                    f"{self!r}: weights of several formats have no bits in common "
                    f"({', '.join(f'{n}: {f!r}' for n, f in formats.items())}); use per='tensor'"
                )
            sets.append(BitSet.of(members))
        return sets

    def _part(self, by: str, sets: Sequence[BitSet], masks: Sequence[int]) -> BitScrubber:
        if not any(masks):
            names = ", ".join(name for one in sets for name in one.members)
            raise InputError(f"{self!r}: no bit of the weights of {names} is constant")
        held = {
            name: (one.ones & mask, one.zeros & mask)
            for one, mask in zip(sets, masks, strict=True)
            for name in one.members
        }
        return BitScrubber(
            by,
            weights=tuple(held),
            ones=tuple(f"{ones:#x}" for ones, _ in held.values()),
            zeros=tuple(f"{zeros:#x}" for _, zeros in held.values()),
            every=self.every,
        )

    def _mask(self, one: BitSet) -> int:
        """A word with the bits of a set that are kept at their value."""
        if self.bits in ("constant", "critical"):
            return one.constant
        assert self.bits == "top" or not isinstance(self.bits, str)
        # Below the sign, the first bit of the exponent.
        requested = (one.format.bits - 2,) if self.bits == "top" else self.bits
        for bit in requested:
            if not 0 <= bit < one.format.bits:
                name = next(iter(one.members))
                raise InputError(
                    f"{self!r}: {name!r} has bits 0 to {one.format.bits - 1}, not {bit}"
                )
            if not one.constant >> bit & 1:
                raise InputError(self._lossy(bit, one))
        return sum(1 << bit for bit in set(requested))

    def _lossy(self, bit: int, one: BitSet) -> str:
        """Why a bit cannot be kept: the tensor in which it differs."""
        for name, weight in one.members.items():
            if not BitSet.of({name: weight}).constant >> bit & 1:
                largest = float(weight.detach().abs().max())
                return (
                    f"{self!r}: bit {bit} is not the same in all weights of {name!r}, the largest "
                    f"of which is {largest:.3g}: holding it would change them; use "
                    "bits='constant', or WeightRangeCheck()"
                )
        # Constant in each, but not the same in all.
        return (
            f"{self!r}: bit {bit} is constant in each of {', '.join(one.members)}, but not with "
            "the same value in all; use per='tensor'"
        )
