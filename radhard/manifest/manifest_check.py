"""Is the manifest of a run file sound, and are its trials those that were drawn?"""

import math
from typing import Any

import numpy as np
import pandas as pd

from radhard.errors import InputError
from radhard.hints import fits, in_words
from radhard.samplers import Trials
from radhard.space import current
from radhard.targets import Role

__all__ = ["check_manifest", "check_trials"]

_MOST_WORDS = 2**43
"""Limit of the number of words, so that a fault number fits 64 bits with a million variants."""

_KEYS: dict[str, Any] = {
    "space": dict,
    "sampler": str,
    "seed": int,
    "metrics": tuple[str, ...],
    "columns": tuple[str, ...],
    "ranges": tuple[list, ...],  # type: ignore[type-arg]
    "planned": int,
}
_TERM: dict[str, Any] = {
    "targets": tuple[str, ...],
    "faults": tuple[str, ...],
    "formats": tuple[list, ...],  # type: ignore[type-arg]
    "planes": tuple[str, ...],
    "sites": tuple[dict, ...],  # type: ignore[type-arg]
    "scales": tuple[Any, ...],
}
_SITE: dict[str, Any] = {
    "name": str,
    "shape": tuple[int, ...],
    "role": Role,
    "layer": str,
    "kind": str,
    "dtype": str,
    "aliases": tuple[str, ...],
    "samples": int | None,
    "axis": int | None,
    "call": int,
    "calls": int,
}


def check_manifest(manifest: dict[str, Any]) -> None:
    """Verify that a file from an untrusted source has all entries of `identity`, of valid types.

    Raises:
        InputError: an entry is missing or invalid; the message names it.
    """
    if "schedule" in manifest:
        raise InputError(
            "the file contains trainings with faults, not a campaign; open it with "
            "radhard.training.TrainingResults.open"
        )
    if refused := manifest.get("refused"):
        raise InputError(f"the run's trials cannot be trusted: {refused}")
    _check_entries(manifest, _KEYS, "")
    space = current(manifest["space"])
    _check_entries(space, {"terms": tuple[dict, ...]}, "space ")  # type: ignore[type-arg]
    columns, ranges = manifest["columns"], manifest["ranges"]
    words = sum(map(_words, space["terms"]))
    if len(set(columns)) != len(columns) or {"trial", "fault", "faults"} & set(columns):
        raise _unsound("two columns have one name")
    if len(ranges) != len(columns) or not all(map(_is_range, ranges)):
        raise _unsound("ranges are not one pair (least, greatest) a column")
    if words >= _MOST_WORDS:
        raise _unsound(f"{words:.3g} words are more than can be")


def check_trials(trials: Trials, planned: int, recorded: pd.DataFrame) -> None:
    """Verify that the recorded trials are among those that the sampler draws.

    ``recorded`` has the columns "trial" and "fault". No figures must be computed from a file that
    was manipulated or has undetected damage.

    Raises:
        InputError: some recorded trial is not.
    """
    if len(trials) != planned:
        raise InputError(
            f"the run file cannot be read: {planned:,} trials were planned, but its sampler draws "
            f"{len(trials):,}"
        )
    numbers = recorded["trial"].to_numpy(dtype=np.int64)
    in_order = bool((np.diff(numbers) > 0).all())
    if numbers.size and not (in_order and numbers[0] >= 0 and numbers[-1] < planned):
        raise InputError("the run file cannot be read: it holds trials that were not planned")
    # Compared without conversion, so that missing values and fractions are rejected too.
    if trials.single and not np.array_equal(recorded["fault"].to_numpy(), trials.at(numbers)):
        raise InputError(
            "the run file cannot be read: its faults are not those that its sampler draws"
        )


def _words(term: dict[str, Any]) -> int:
    """The number of words of a term of a space, after verifying the term."""
    _check_entries(term, _TERM, "space ")
    sites = term["sites"]
    for site in sites:
        _check_entries(site, _SITE, "site ")
        # A tensor may have no words, but not a negative number.
        if min([*site["shape"], site["samples"] or 0]) < 0:
            raise _unsound(f"site {site['name']!r} has a negative size")
        if site["samples"] is not None and site["samples"] < 1:
            raise _unsound(f"site {site['name']!r} has no samples")
        if not _has_rows(site["shape"], site.get("rows")):
            raise _unsound(f"site {site['name']!r} does not have the rows that are selected")
    names = [name for site in sites for name in (site["name"], *site["aliases"])]
    if len(set(names)) != len(names):
        raise _unsound("two sites have one name")
    if len(term["scales"]) != len(sites):
        raise _unsound("scales are not one a site")
    if not all(fits(tuple(pair), tuple[str, str]) for pair in term["formats"]):
        raise _unsound("formats are not pairs of a pattern and a format")
    return sum(math.prod(site["shape"]) * (site["samples"] or 1) for site in sites)


def _check_entries(found: dict[str, Any], kinds: dict[str, Any], where: str) -> None:
    for key, kind in kinds.items():
        if key not in found:
            raise _unsound(f"{where}{key!r} is missing")
        value = tuple(found[key]) if isinstance(found[key], list) else found[key]
        if not fits(value, kind):
            raise _unsound(f"{where}{key!r} is not {in_words(kind)}")


def _has_rows(shape: list[int], rows: Any) -> bool:
    """Whether a tensor has the rows that are selected: start, stop and step."""
    if rows is None:
        return True
    if not (isinstance(rows, list | tuple) and fits(tuple(rows), tuple[int, ...])):
        return False
    return len(rows) == 3 and bool(shape) and 0 <= rows[0] < rows[1] <= shape[0] and rows[2] > 0


def _is_range(pair: list[Any]) -> bool:
    # Infinite bounds are valid; NaN fails the comparison.
    return len(pair) == 2 and all(type(x) in (int, float) for x in pair) and pair[0] < pair[1]


def _unsound(what: str) -> InputError:
    return InputError(f"the run file's manifest cannot be read: {what}")
