"""How are scores stored in a file?"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.files import make_folder, write_texts
from radhard.json_values import parse_json
from radhard.scores.agreement import Unit
from radhard.scores.trial_parts import Level, Values

__all__ = ["read", "write"]

_FORMAT = "radhard scores 1"


def write(path: str | Path, plain: Mapping[str, Any], arrays: Mapping[str, Values | None]) -> None:
    """Write plain values and arrays as JSON; values that are not finite become null.

    Raises:
        InputError: the file cannot be written.
    """
    content = {"format": _FORMAT, **{name: _finite(value) for name, value in plain.items()}}
    content |= {name: None if array is None else _plain(array) for name, array in arrays.items()}
    # NaN is no JSON, and other programs would refuse the file.
    text = json.dumps(content, allow_nan=False) + "\n"
    try:
        make_folder(Path(path).parent)
        write_texts({Path(path): text})
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{str(path)!r} cannot be written: {reason}") from error


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the plain values and the arrays that `write` wrote; nothing in the file is executed.

    Raises:
        InputError: the file does not exist, or does not contain scores.
    """
    try:
        content = parse_json(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r} contains no scores: {error}") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise InputError(f"{str(path)!r} contains no scores; radhard analyze -o writes such files")
    try:
        if content["level"] not in get_args(Level) or content["unit"] not in get_args(Unit):
            raise ValueError(f"{content['level']!r}, {content['unit']!r}")
        plain = {name: str(content[name]) for name in ("by", "level", "unit", "model")}
        facts = {
            "facts": dict(content["facts"]),
            "cost": {str(k): float(v) for k, v in content["cost"].items()},
            "names": dict(content.get("names", {})),
        }
        arrays = {name: _arrays(content[name]) for name in ("values", "low", "high")}
        return {**plain, **facts}, {**arrays, "values": arrays["values"] or {}}
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{str(path)!r} contains no scores: {error!r}") from error


def _finite(value: Any) -> Any:
    """The value with None in place of numbers that JSON cannot represent."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(values: Values) -> dict[str, Any]:
    return {
        name: {
            "shape": list(value.shape),
            "scores": [None if x != x else x for x in value.ravel().tolist()],
        }
        for name, value in values.items()
    }


def _arrays(plain: Any) -> dict[str, npt.NDArray[np.float64]] | None:
    if plain is None:
        return None
    return {
        str(name): np.array(tensor["scores"], dtype=np.float64).reshape(tensor["shape"])
        for name, tensor in plain.items()
    }
