"""What is the rate of each tensor, of its channels, and of the bits of these?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from radhard.errors import InputError
from radhard.group_labels import labels
from radhard.groups import Groups, Parts
from radhard.report.blocks import Section, Text
from radhard.report.few_trials import FEW
from radhard.report.main_figure import MainFigure
from radhard.report.part_tree import Branch, PartTree, siblings
from radhard.report.run_wording import enumeration
from radhard.report.sections.bit_groups import bit_name
from radhard.results import Results
from radhard.stats import Estimate
from radhard.word_sections import FaultKinds

__all__ = ["drill_down"]

_TENSORS = 16
_CHANNELS = 8
_BITS = 8
"""Parts that are listed of each kind: all of a large network would be a page of megabytes."""

_KINDS = 500_000
"""Bits of channels up to which they are told apart, which takes a second."""


def drill_down(results: Results, harm: MainFigure) -> Section | None:
    """Tensors, the channels of each and the bits of both, each to be unfolded.

    None where tensors have neither channels nor bits that trials are in.
    """
    title = "From tensors to bits"
    if results.untried:
        text = f"Not shown: caps left {results.untried:,} of {len(results.space):,} faults untried."
        return Section("parts", title, (Text(text),))
    levels, why = _levels(results)
    if not levels:
        return None
    found = {by: _Parts.of(results, harm.column, by) for by in levels}
    rates: Mapping[str, Estimate] = results.rate(harm.column, by="tensor")
    ranked = sorted(rates, key=lambda name: -rates[name].value)
    listed = {name: rates[name] for name in ranked[:_TENSORS]}
    branches = siblings("tensor", listed, lambda name: _parts_of(name, found))
    shown = [level for level in ("tensor", "channel", "bit") if any(level in by for by in levels)]
    texts = [_explained(harm, shown)]
    if len(ranked) > _TENSORS:
        left = len(ranked) - _TENSORS
        texts.append(f"The {left:,} other tensors, with lower rates, are in the table of tensors.")
    texts += why
    tree = PartTree(f"{harm.Rate} of parts of the model", tuple(shown), branches)
    return Section("parts", title, (Text(" ".join(texts)), tree))


def _explained(harm: MainFigure, shown: Sequence[str]) -> str:
    parts = "its bits" if "channel" not in shown else "its channels and bits"
    return (
        f"Unfold a tensor to see the {harm.rate} of {parts}, most harm first. Strips run from 0 to "
        "100 %, stretched where rates are small. Each interval is that of its own row: of many "
        "parts, the ones listed first have the highest rates by chance as well. Rows with fewer "
        f"than {FEW} trials are marked as few; they say where to look, not how often harm occurs."
    )


def _levels(results: Results) -> tuple[list[str], list[str]]:
    """By what the trials can be told apart, and why not by more."""
    space, why = results.space, []
    sections = FaultKinds.of(space, ("channel",))
    channels = max(sections.counts, default=1) > 1
    if channels and int(sections.starts[-1]) > _KINDS:
        why.append(
            f"Channels are left out, as they have {int(sections.starts[-1]):,} bits together; in "
            'Python, results.rate(by="tensor, channel") has their rates.'
        )
        channels = False
    if channels:
        try:
            # Tried, as what forbids a grouping depends on the sampler.
            results.means.groups("tensor, channel").split()
        except InputError as error:
            why.append(f"Channels are left out: {error}.")
            channels = False
    # Bits of words of several formats have no common names, and whole words have none.
    formats = {region.bits_of for region in space.regions}
    bits = all(fault.by_bit for fault in space.faults) and len(formats) == 1
    bits = bits and int(space.variants.max(initial=1)) > 1
    levels = ["tensor, bit"] * bits + ["tensor, channel"] * channels
    return levels + ["tensor, channel, bit"] * (bits and channels), why


@dataclass(frozen=True)
class _Parts:
    """The parts of a level by the name of what they belong to, with the harm seen in each."""

    results: Results
    column: str
    groups: Groups
    by_owner: Mapping[str, Mapping[str, tuple[float, Parts]]]
    sizes: Mapping[str, int]
    """How many parts each has, also without trials."""

    @classmethod
    def of(cls, results: Results, column: str, by: str) -> "_Parts":
        groups = results.means.groups(by)
        values = results.values(column)
        by_owner: dict[str, dict[str, tuple[float, Parts]]] = {}
        for key, parts in groups.split():
            owner, _, name = key.rpartition(", ")
            rows = np.concatenate([rows for rows, _ in parts])
            by_owner.setdefault(owner, {})[name] = float(values[rows].sum()), parts
        # From the space and not from the trials, which may have missed some parts.
        every = dict.fromkeys(labels(results.space, by))
        sizes = Counter(key.rpartition(", ")[0] for key in every)
        return cls(results, column, groups, by_owner, sizes)

    def worst(self, owner: str, most: int) -> tuple[list[str], str]:
        """The parts with the most harm, and a sentence on the others."""
        own = self.by_owner.get(owner, {})
        # By the harm that was seen and not by the rate, whose interval takes long to compute: only
        # of parts that are listed it is.
        harmful = sorted((n for n in own if own[n][0] > 0), key=lambda n: -own[n][0])
        silent = [name for name in own if own[name][0] <= 0]
        texts = []
        if len(harmful) > most:
            texts.append(f"{len(harmful) - most:,} more with harm")
        if silent:
            trials = sum(len(rows) for name in silent for rows, _ in own[name][1])
            which = "trial" if trials == 1 else f"{trials:,} trials"
            texts.append(f"{len(silent):,} without harm in their {which}")
        if len(own) < self.sizes.get(owner, 0):
            texts.append(f"{self.sizes[owner] - len(own):,} without trials")
        return harmful[:most], enumeration(texts)

    def rate(self, owner: str, name: str) -> Estimate:
        """The rate of a part."""
        parts = self.by_owner[owner][name][1]
        return self.results.means.estimate(self.groups, parts, self.column)


def _parts_of(
    tensor: str, found: Mapping[str, _Parts]
) -> tuple[tuple[Branch, ...], tuple[str, ...]]:
    """The bits and channels of a tensor with the most harm, and sentences on the others."""
    bits, rest = _bits(tensor, found.get("tensor, bit"))
    of_tensor = found.get("tensor, channel")
    if of_tensor is None or "(none)" in of_tensor.by_owner.get(tensor, {}):
        return bits, rest
    worst, left = of_tensor.worst(tensor, _CHANNELS)
    of_channel = found.get("tensor, channel, bit")
    channels = siblings(
        "channel",
        {channel: of_tensor.rate(tensor, channel) for channel in worst},
        lambda channel: _bits(f"{tensor}, {channel}", of_channel),
    )
    return (*bits, *channels), rest + ((f"Channels not listed: {left}.",) if left else ())


def _bits(owner: str, parts: "_Parts | None") -> tuple[tuple[Branch, ...], tuple[str, ...]]:
    """The bits of a tensor or channel with the most harm, and a sentence on the others."""
    if parts is None:
        return (), ()
    worst, left = parts.worst(owner, _BITS)
    found = siblings("bit", {bit_name(name): parts.rate(owner, name) for name in worst})
    return found, (f"Bits not listed: {left}.",) if left else ()
