"""How are regions and faults called in messages and tables?"""

from collections.abc import Sequence

import numpy as np

from radhard.space.region import Region

__all__ = ["coordinates", "describe", "region_name"]


def region_name(region: Region, others: Sequence[Region]) -> str:
    """The name of a tensor and what distinguishes the region from ``others`` of the tensor."""
    parts = [region.site.name]
    if any(other.site.rows != region.site.rows for other in others):
        parts[0] += region.site.section
    if any(other.plane != region.plane for other in others):
        parts.append(region.plane)
    alike = [other for other in others if other.plane == region.plane]
    if any(repr(other.format) != repr(region.format) for other in alike):
        parts.append(repr(region.format))
    if any(repr(other.fault) != repr(region.fault) for other in alike):
        parts.append(repr(region.fault))
    if any(other.exposure != region.exposure for other in alike):
        parts.append(repr(region.exposure))
    return " ".join(parts)


def coordinates(region: Region, word: int) -> tuple[tuple[int, ...], int | None]:
    """The index of a word in its plane, and its sample (None: stored, or every sample)."""
    samples = region.site.samples
    shape = region.shape if samples is None else (samples, *region.shape)
    # The scale of a whole tensor is one word, without an index.
    where = tuple(int(i) for i in np.unravel_index(word, shape)) if shape else ()
    return (where, None) if samples is None else (where[1:], where[0])


def describe(region: Region, others: Sequence[Region], word: int, variant: int) -> str:
    """A fault in words; ``others`` are the other regions of the tensor."""
    where, sample = coordinates(region, word)
    name = region.site.name + ("" if region.plane == "codes" else f" {region.plane}")
    index = "" if region.plane != "codes" and not where else f"{list(where)}"
    if region.fault.span > 1:
        last = word + int(region.affected_words(np.array([word]))[0]) - 1
        end, _ = coordinates(region, last)
        index += f" to {list(end)}"
    if region.fault.by_bit:
        bits, fields = region.bit_text(variant), region.field_text(variant)
        text = f"{name}{index} bit {bits} ({fields})"
        if repr(region.fault) in region_name(region, others):
            text += f" {region.fault!r}"
    else:
        which = "" if region.variants == 1 else f" variant {variant}"
        text = f"{name}{index} {region.fault!r}{which}"
    return text if sample is None else f"{text} of sample {sample}"
