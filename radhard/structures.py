"""How many failures in time does an accelerator have, structure by structure?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from torch import nn

from radhard.accelerators import STRUCTURES, Accelerator, Residency, Structure, residencies
from radhard.errors import InputError
from radhard.fingerprint import fingerprint
from radhard.forward import Forward, plain
from radhard.reliability import fit, total_fit
from radhard.results import Results
from radhard.spec import near
from radhard.stats import Estimate
from radhard.targets import Registers, Role, array_layers
from radhard.targets.array_layers import ArrayLayers
from radhard.workload import Workload

__all__ = ["AcceleratorFit", "StructureFit", "accelerator_fit"]


_BUFFERS: Mapping[str, tuple[Role, ...]] = {
    "weight buffer": ("weight",),
    "input buffer": ("activation", "input"),
}
"""The roles of the tensors whose words a buffer holds."""

_CAMPAIGNS = ("weight buffer", "input buffer", "registers")
"""What the rates of structures come from."""

_SUMS: tuple[Structure, Structure] = ("accumulators", "sum registers")


@dataclass(frozen=True)
class StructureFit:
    """A structure of an accelerator, such as a buffer or a class of registers, and its FIT.

    ``fit`` is the raw FIT of a bit, times ``bits``, times ``avf`` (Li et al., SC 2017).
    """

    structure: Structure
    bits: int
    residency: float
    """The mean share of the time for which a bit of the structure is live."""
    avf: Estimate
    """The share of faults in it, at any time, that cause a failure."""
    fit: Estimate
    by_layer: bool
    """Whether each layer counts with its own rate, rather than with that of the campaign."""


class AcceleratorFit(Mapping[str, StructureFit]):
    """The failures in time of an accelerator, by structure, and what they leave out.

    A mapping: ``found["weight buffer"].avf``; ``found.total`` is the sum. ``print(found)`` shows
    all.
    """

    def __init__(
        self,
        structures: Mapping[str, StructureFit],
        residencies: tuple[Residency, ...],
        left_out: Mapping[str, str],
    ) -> None:
        self._structures = dict(structures)
        self.residencies = residencies
        """Of every structure in every layer."""
        self.left_out = dict(left_out)
        """Structures without a campaign, and layers that the array does not compute, with why."""

    @property
    def total(self) -> Estimate:
        """The failures in time of all structures that have a campaign."""
        return total_fit([structure.fit for structure in self._structures.values()])

    def __getitem__(self, key: str) -> StructureFit:
        return self._structures[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._structures)

    def __len__(self) -> int:
        return len(self._structures)

    def __repr__(self) -> str:
        lines = [
            f"{one.structure:<16} {one.bits:>10,} bits, live for {one.residency:6.1%}: "
            f"AVF {one.avf}, {one.fit}"
            for one in self.values()
        ]
        lines.append(f"{'total':<16} {self.total}")
        lines += [f"without {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """One row per structure: bits, residency, and AVF and FIT with their intervals."""
        rows = [
            (s.structure, s.bits, s.residency, s.avf.value, s.avf.low, s.avf.high, s.fit.value,
             s.fit.low, s.fit.high)
            for s in self.values()
        ]  # fmt: skip
        names = ("avf", "avf low", "avf high", "fit", "fit low", "fit high")
        return pd.DataFrame(rows, columns=["structure", "bits", "residency", *names])


def accelerator_fit(
    model: Any,
    data: Any,
    array: Accelerator,
    campaigns: Mapping[str, Results],
    *,
    fit_per_bit: float | Mapping[str, float],
    name: str | None = None,
    call: Forward = plain,
) -> AcceleratorFit:
    """The failures in 1e9 hours of an accelerator that computes a model all the time.

    ``FIT = sum over structures of raw FIT of a bit * bits * AVF`` (Li et al., SC 2017). The AVF of
    a buffer is the share of the time for which a word is live, which follows from how the array
    computes the layers, times the rate of faults in live words, which a campaign gives: a fault in
    a live word counts as if it had been there from the first time that the word is read. Where a
    campaign in weights has rates of all layers, each counts for the time in which it is computed;
    inputs, which are values of the layers before, count with the rate of their whole campaign
    (from which outputs that no layer reads are best left out).
    The AVF of registers is the rate of a campaign in `Registers`, whose faults are in all cycles,
    live or not. That of accumulators is the rate of live sums in the array, for the time in which
    accumulators are live. A buffer is as large as the largest layer needs.

    Args:
        model: a quantized model, whose layers the array computes.
        data: as for `run`; one sample is enough to know the shapes of layers.
        array: the accelerator.
        campaigns: results by structure: ``"weight buffer"``, of faults in `Weights`; ``"input
            buffer"``, in `Activations` or `Inputs`; ``"registers"``, in `Registers` of this array.
        fit_per_bit: raw rate of a bit in FIT, of all structures or by structure.
        name: the figure, as for `Results.rate`; by default critical silent data corruption.
        call: how the model is called.

    Raises:
        InputError: an unknown structure, a campaign of another model, target, array or width of
            words, a structure without a raw rate, or a model of which the array computes no layer.
    """
    _check_names(campaigns)
    workload = Workload.of(model, data, call=call)
    layers = array_layers(workload, array)
    left_out: dict[str, str] = {f"layer {key}": why for key, why in layers.left_out.items()}
    if not layers.computed:
        why = "; ".join(f"{key}: {reason}" for key, reason in left_out.items())
        raise InputError(f"{array!r} computes no layer of this model: {why}")
    _check_model(workload.model, campaigns)
    found = _residencies(array, layers)
    cycles = sum(part.cycles for part in next(iter(found.values())))
    result: dict[str, StructureFit] = {}
    for structure in (one for one in STRUCTURES if one in found):
        parts = found[structure]
        source = structure if structure in _CAMPAIGNS else "registers"
        if source not in campaigns:
            left_out[structure] = f"there is no campaign for {source!r}"
            continue
        bits = max(part.words * part.bits for part in parts)
        raw = _raw(fit_per_bit, structure)
        share = _residency(parts, cycles)
        by_layer = False
        if source == "registers":
            _check_registers(campaigns[source], array, list(layers.computed))
            rate = _of_registers(campaigns[source], structure, found, cycles, name)
            if rate is None:
                left_out[structure] = "the campaign has no trials in it"
                continue
            avf = rate
        else:
            _check_buffer(campaigns[source], structure, array)
            avf, by_layer = _of_buffer(campaigns[source], structure, parts, bits * cycles, name)
        result[structure] = StructureFit(structure, bits, share, avf, fit(raw, bits, avf), by_layer)
    return AcceleratorFit(result, tuple(part for of in found.values() for part in of), left_out)


def _check_names(campaigns: Mapping[str, Results]) -> None:
    for key in campaigns:
        if key not in _CAMPAIGNS:
            known = near(key, list(_CAMPAIGNS))
            raise InputError(f"campaigns: {known}one of {', '.join(_CAMPAIGNS)}")
    if not campaigns:
        raise InputError(f"there is no campaign; give results for one of {', '.join(_CAMPAIGNS)}")


def _residencies(array: Accelerator, layers: ArrayLayers) -> dict[Structure, list[Residency]]:
    """For each structure of an array, how long words are live in it, layer by layer."""
    found: dict[Structure, list[Residency]] = {}
    for layer, whole in layers.computed.items():
        own = residencies(array, whole.layer, layers.shapes[layer], layer)
        for structure, residency in own.items():
            found.setdefault(structure, []).append(residency)
    return found


def _raw(fit_per_bit: float | Mapping[str, float], structure: str) -> float:
    if not isinstance(fit_per_bit, Mapping):
        return fit_per_bit
    if structure not in fit_per_bit:
        raise InputError(
            f"fit_per_bit has no raw rate of {structure!r}; it has {', '.join(fit_per_bit)}"
        )
    return fit_per_bit[structure]


def _check_model(model: nn.Module, campaigns: Mapping[str, Results]) -> None:
    own = fingerprint(model)
    for key, results in campaigns.items():
        # Runs of earlier versions do not say.
        if results.manifest.get("model fingerprint", own) != own:
            raise InputError(
                f"campaigns[{key!r}] is of another model: structure or values differ; run it on "
                "this model, in the format of its words"
            )


def _check_buffer(results: Results, buffer: Structure, array: Accelerator) -> None:
    bits = array.format_of("input").bits
    for region in results.space.regions:
        if region.word.bits != bits:
            raise InputError(
                f"campaigns[{buffer!r}] has faults in {region.word!r}, and the array holds words "
                f"of {bits} bits; take faults in words of this width"
            )
        if region.site.role not in _BUFFERS[buffer]:
            targets = "Weights" if buffer == "weight buffer" else "Activations or Inputs"
            raise InputError(
                f"campaigns[{buffer!r}] has faults in {region.target!r}; take faults in {targets}"
            )


def _of_buffer(
    results: Results, buffer: Structure, parts: list[Residency], bit_cycles: int, name: str | None
) -> tuple[Estimate, bool]:
    """The AVF of a buffer, and whether it was computed layer by layer."""
    shares = [part.live * part.bits / bit_cycles for part in parts]
    by_layer: Mapping[str, Estimate] = results.rate(name, by="layer")
    # The layer of an activation is the one that produced it, not the one that reads the buffer.
    if buffer == "input buffer" or not all(part.layer in by_layer for part in parts):
        overall: Estimate = results.rate(name)
        return overall.map(lambda rate: rate * sum(shares), "share"), False
    rates = [by_layer[part.layer] for part in parts]
    # Layers are sampled independently of each other, and add like components in series.
    total = total_fit([fit(1.0, share, rate) for share, rate in zip(shares, rates, strict=True)])
    return total.map(lambda x: min(max(x, 0.0), 1.0), "share"), True


def _check_registers(results: Results, array: Accelerator, layers: list[str]) -> None:
    for target in dict.fromkeys(region.target for region in results.space.regions):
        if not isinstance(target, Registers) or target.duration != "transient":
            raise InputError(
                f"campaigns['registers'] has faults in {target!r}; take transient faults in "
                f"{Registers(array)!r}"
            )
        if target.array != array:
            raise InputError(
                f"campaigns['registers'] is of {target.array!r}, and the array is {array!r}"
            )
    covered = dict.fromkeys(site.layer for site in results.space.sites)
    if set(covered) != set(layers):
        raise InputError(
            f"campaigns['registers'] has faults in the layers {', '.join(covered)}, and the array "
            f"computes {', '.join(layers)}; the rates must be those of all cycles"
        )


def _of_registers(
    results: Results,
    structure: Structure,
    found: Mapping[Structure, list[Residency]],
    cycles: int,
    name: str | None,
) -> Estimate | None:
    """The AVF of registers or of accumulators; None if there are no trials in them."""
    rates: Mapping[str, Estimate] = results.rate(name, by="register")
    register = "sum" if structure == "accumulators" else structure.removesuffix(" registers")
    if register not in rates:
        return None
    if structure != "accumulators":
        return rates[register]
    waiting, moving = (_residency(found[of], cycles) for of in _SUMS)
    return rates["sum"].map(lambda rate: min(1.0, rate * waiting / moving), "share")


def _residency(parts: Sequence[Residency], cycles: int) -> float:
    """The share of all cycles for which a word of a structure is live."""
    return sum(part.live for part in parts) / (max(part.words for part in parts) * cycles)
