"""How does a recorded run differ from the one that is requested?"""

from typing import Any

from torch import Tensor

from radhard.engines.excerpt import like_excerpt
from radhard.space import current, recorded_scale

__all__ = ["difference"]


def difference(found: dict[str, Any], asked: dict[str, Any], golden: Tensor | None = None) -> str:
    """The first difference between a recorded run and the requested one, or an empty text.

    ``golden``: the fault-free outputs, if they are expected to be reproducible.
    """
    for key, value in asked.items():
        # Outputs are compared before the columns, which depend on them.
        if (
            key == "columns"
            and golden is not None
            and not like_excerpt(golden, found.get("golden"))
        ):
            return "the fault-free outputs are not the same (is call= the same?)"
        if key == "space" and isinstance(found.get(key), dict):
            if space_differs := _space_difference(current(found[key]), value):
                return space_differs
            continue
        if found.get(key) == value:
            continue
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            return difference(found[key], value)
        if key.endswith("fingerprint"):
            return f"the {key.removesuffix(' fingerprint')} is not the same"
        return f"{key} is {found.get(key)!r} there, {value!r} here"
    return ""


_TOLD = {"faults": "fault model", "formats": "format", "targets": "target", "planes": "plane"}
"""Names of the entries of a space in messages."""


def _space_difference(found: dict[str, Any], asked: dict[str, Any]) -> str:
    """The first difference between a recorded space and another, or an empty text."""
    mine, other = found.get("terms"), asked["terms"]
    if not isinstance(mine, list) or not all(isinstance(term, dict) for term in mine):
        return "the fault space cannot be read"
    if len(mine) != len(other):
        return f"the fault space is a sum of {len(mine)} there, of {len(other)} here"
    for term, wanted in zip(mine, other, strict=True):
        if masks_differ := _mask_difference(term.get("words"), wanted.get("words")):
            return masks_differ
        for key, value in wanted.items():
            held = term.get(key)
            if key == "scales" and isinstance(held, list):
                # Files of earlier versions have all numbers.
                held = [recorded_scale(scale) for scale in held]
            if held == value:
                continue
            if key not in _TOLD:
                return "the tensors are not the same"
            one, two = (_listed(entry) for entry in (held, value))
            return f"the {_TOLD[key]} is {one} there, {two} here"
    return ""


def _mask_difference(mine: Any, other: dict[str, str] | None) -> str:
    """The first difference between masks of words by tensor, None without; or an empty text."""
    if mine is None or other is None:
        kinds = ["all words" if one is None else "those of a mask" for one in (mine, other)]
        return "" if mine == other else f"the faults are in {kinds[0]} there, {kinds[1]} here"
    if not isinstance(mine, dict):
        return "the masks of words cannot be read"
    for name in {**other, **mine}:
        if mine.get(name) != other.get(name):
            return f"the mask of words of {name!r} is not the same"
    return ""


def _listed(entry: Any) -> str:
    """Specs as text; formats with their patterns, if there are several."""
    if not isinstance(entry, list) or not entry:
        return "not recorded"
    pairs = [one for one in entry if isinstance(one, list) and len(one) == 2]
    if len(pairs) == len(entry) == 1 and pairs[0][0] == "*":
        return str(pairs[0][1])
    return ", ".join(f"{one[0]}={one[1]}" if one in pairs else str(one) for one in entry)
