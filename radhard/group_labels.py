"""How are the groups of faults named?"""

from radhard.errors import InputError
from radhard.injection import DIRECTIONS
from radhard.space import FaultSpace, Region
from radhard.spec import near
from radhard.targets import register_of
from radhard.word_sections import FaultKinds

__all__ = ["GROUPINGS", "grouping_names", "labels"]

GROUPINGS = (
    "tensor",
    "layer",
    "kind",
    "role",
    "format",
    "plane",
    "fault",
    "exposure",
    "channel",
    "gate",
    "step",
    "head",
    "position",
    "register",
    "row",
    "column",
    "cycle",
    "direction",
    "bit",
    "field",
    "rate",
    "errors",
)
"""The groupings of rates. The words of one tensor may have different channels (of a layer's
output), gates (of a weight of a recurrent layer), steps (of a hidden state), heads and positions
(of attention and key-value caches), rows, columns or cycles (of a register), and faults in them
different directions; other groupings are by tensor or by variant."""


def grouping_names(by: str | None) -> list[str]:
    """The names of no, one or several comma-separated groupings."""
    return [] if by is None else [name.strip() for name in by.split(",")]


def labels(space: FaultSpace, by: str | None) -> list[str]:
    """The group of every kind of faults, for no, one or several comma-separated groupings.

    Kinds are every variant of every region, or of every section of a region if a grouping divides
    its words; by "direction", each of these in every direction (`DIRECTIONS`).

    A bit belongs to a word of a format: if the words of a space have several formats, the names of
    groups of bits or fields include the format, ``"Int(8) 7"``.

    Raises:
        InputError: an unknown grouping.
    """
    names = _known(by)
    several = len({region.bits_of for region in space.regions}) > 1
    of_words: dict[tuple[str, str], list[dict[str, str]]] = {}
    table = []
    sections = FaultKinds.of(space, names)
    directions = DIRECTIONS if "direction" in names else ("",)
    for place, region in enumerate(space.regions):
        of_region, key = _of_region(region), (repr(region.fault), region.bits_of)
        # Once for many tensors, as the text of bits depends only on the fault model and the format.
        if key not in of_words:
            of_words[key] = _of_words(region, f"{region.bits_of} " if several else "")
        for of_section in sections.texts(place):
            for of_word in of_words[key]:
                for direction in directions:
                    texts = {**of_region, **of_section, **of_word, "direction": direction}
                    table.append(", ".join(texts[name] for name in names))
    return table


def _known(by: object) -> list[str]:
    """The names of groupings, checked."""
    if by is not None and not isinstance(by, str):
        known = ", ".join(GROUPINGS)
        raise InputError(f"by={by!r}: give one of {known}, or several as 'layer, bit'")
    names = grouping_names(by)
    for name in names:
        if name not in GROUPINGS:
            known = ", ".join(GROUPINGS)
            raise InputError(f"by={by!r}: {near(name, list(GROUPINGS))}one of {known}")
        if name in ("rate", "errors"):
            drawn_by = "Cumulative or FaultCount" if name == "errors" else "ErrorRate"
            raise InputError(f"by={name!r} is for trials of many faults, as of {drawn_by}")
    return names


def _of_region(region: Region) -> dict[str, str]:
    """What all faults of a region have in common."""
    return {
        "tensor": region.site.name,
        "layer": region.site.layer or "(model)",
        "kind": region.site.kind,
        "role": region.site.role,
        "format": repr(region.format),
        "plane": region.plane,
        "fault": repr(region.fault),
        "exposure": repr(region.exposure),
        "register": register_of(region.site) if region.site.role == "register" else "(none)",
    }


def _of_words(region: Region, word: str) -> list[dict[str, str]]:
    """The bits and fields of each variant; ``word``: the format and a space, if they are named."""
    return [
        {"bit": word + region.bit_text(variant), "field": word + region.field_text(variant)}
        for variant in range(region.variants)
    ]
