"""How are scores kept in a file?"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.files import write_texts
from radhard.json_values import parse_json
from radhard.scores.agreement import Level, Unit, Values

__all__ = ["read", "write"]

_FORMAT = "radhard scores 1"


def write(path: str | Path, plain: Mapping[str, Any], arrays: Mapping[str, Values | None]) -> None:
    """Write plain values and arrays as JSON; what is not finite becomes null.

    Raises:
        InputError: the file cannot be written.
    """
    plainly = {"format": _FORMAT, **{name: _finite(value) for name, value in plain.items()}}
    plainly |= {name: None if found is None else _plain(found) for name, found in arrays.items()}
    text = json.dumps(plainly, allow_nan=False) + "\n"
    try:
        write_texts({Path(path): text})
    except OSError as error:
        said = error.strerror or str(error)
        raise InputError(f"{str(path)!r} cannot be written: {said}") from error


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plain values and the arrays that `write` wrote; nothing in the file is executed.

    Raises:
        InputError: no such file, or it holds something else.
    """
    try:
        said = parse_json(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r} holds no scores: {error}") from error
    if not isinstance(said, dict) or said.get("format") != _FORMAT:
        raise InputError(f"{str(path)!r} holds no scores; radhard analyze -o writes such files")
    try:
        if said["level"] not in get_args(Level) or said["unit"] not in get_args(Unit):
            raise ValueError(f"{said['level']!r}, {said['unit']!r}")
        plain = {name: str(said[name]) for name in ("by", "level", "unit", "model")}
        facts = {
            "facts": dict(said["facts"]),
            "cost": {str(k): float(v) for k, v in said["cost"].items()},
            "names": dict(said.get("names", {})),
        }
        arrays = {name: _arrays(said[name]) for name in ("values", "low", "high")}
        return {**plain, **facts}, {**arrays, "values": arrays["values"] or {}}
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{str(path)!r} holds no scores: {error!r}") from error


def _finite(value: Any) -> Any:
    """The value with None for numbers that JSON has no words for."""
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
        str(name): np.array(found["scores"], dtype=np.float64).reshape(found["shape"])
        for name, found in plain.items()
    }
