"""Which run is this, and in which environment was it executed?"""

import hashlib
import json
import math
import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from radhard.engines import Campaign, Serial
from radhard.engines.excerpt import like_excerpt
from radhard.errors import InputError
from radhard.hints import fits, in_words
from radhard.internals import is_traceable_wrapper_subclass
from radhard.samplers import Sampler, Trials
from radhard.space import current, recorded_scale
from radhard.targets import Role

__all__ = [
    "audit_is_due",
    "check_manifest",
    "check_trials",
    "difference",
    "engines_of",
    "environment",
    "fingerprint",
    "identity",
    "recorded",
]

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


def identity(campaign: Campaign, sampler: Sampler, seed: int) -> dict[str, Any]:
    """All that the results depend on: two runs with equal identities are the same run."""
    # Causes precede their consequences, so that a difference is reported by its cause.
    asked = {
        "space": campaign.space.to_dict(),
        "samples": len(campaign.workload.data),
        "model fingerprint": fingerprint(campaign.workload.model),
        "data fingerprint": campaign.workload.data.fingerprint(),
        "sampler": repr(sampler),
        "seed": seed,
        "batch": campaign.workload.batch,
        "metrics": [repr(metric) for metric in campaign.panel.metrics],
        "columns": list(campaign.panel.columns),
        "ranges": [list(bounds) for bounds in campaign.panel.ranges],
        "planned": len(campaign.trials),
    }
    # As it will be read from the file, with lists instead of tuples.
    read: dict[str, Any] = json.loads(json.dumps(asked))
    return read


def fingerprint(model: nn.Module) -> str:
    """SHA-256 over the structure of a model and every byte of its tensors."""
    digest = hashlib.sha256(repr(model).encode())
    tensors = (*model.named_parameters(), *model.named_buffers())
    for name, tensor in sorted(tensors, key=lambda pair: pair[0]):
        for part in _parts(tensor.detach()):
            raw = part.cpu().contiguous()
            digest.update(f"{name} {raw.dtype} {tuple(raw.shape)}".encode())
            digest.update(raw.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _parts(tensor: Tensor) -> Iterator[Tensor]:
    """The plain tensors of which a tensor consists; the tensor itself if it is plain."""
    if is_traceable_wrapper_subclass(tensor):
        for name in tensor.__tensor_flatten__()[0]:
            yield from _parts(getattr(tensor, name))
    elif tensor.layout == torch.sparse_coo:
        yield from (tensor._indices(), tensor._values())
    elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        yield from (tensor.crow_indices(), tensor.col_indices(), tensor.values())
    elif tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        yield from (tensor.ccol_indices(), tensor.row_indices(), tensor.values())
    elif tensor.layout == torch.strided:
        yield tensor.int_repr() if tensor.is_quantized else tensor
    else:
        yield tensor.to_dense()


def environment(device: torch.device | None) -> dict[str, str]:
    """Versions and machine, for the report; not part of the identity of a run."""
    name = torch.cuda.get_device_name(device) if device and device.type == "cuda" else "CPU"
    return {
        "radhard": version("radhard"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "machine": platform.machine(),
        "device": name,
        "threads": str(torch.get_num_threads()),
    }


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


def audit_is_due(manifest: dict[str, Any]) -> bool:
    """Whether an engine other than the reference was used, and there was no audit yet."""
    return set(engines_of(manifest)) != {repr(Serial())} and manifest.get("audit") is None


def engines_of(manifest: dict[str, Any]) -> list[str]:
    """The engine with which a run was begun, and those with which it was continued."""
    others = manifest.get("continued")
    return [str(manifest.get("engine")), *map(str, others if isinstance(others, list) else ())]


def recorded(manifest: dict[str, Any], key: str) -> dict[str, Any]:
    """An entry to which engines add during the run; empty if there is none."""
    found = manifest.get(key)
    return found if isinstance(found, dict) else {}


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
