"""How are weights loaded into a model without running code from their file?"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from radhard.arguments import path_of
from radhard.errors import InputError, RadhardWarning
from radhard.models.checkpoint import state_dict_in, unprefixed, whole_model_in
from radhard.module import module_of

__all__ = ["load_weights"]

_PLAIN = ("", "state_dict", "model_state_dict", "model")
"""Where weights are expected; of other places a warning tells, and of a choice among several."""


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load the weights of a file into a model in place; names, shapes and types must match.

    A ``.safetensors`` file, or a torch checkpoint that holds tensors only: a ``state_dict``, as it
    is or under ``"state_dict"``, ``"model"``, ``"model_state_dict"`` or the like. A prefix that a
    training wrapper put in front of every name (``module.``, ``model.``, ``_orig_mod.``) is taken
    off. A `RadhardWarning` says so, and where weights were found that are not in a usual place or
    are not the only ones. Nothing is unpickled beyond tensors.

    Raises:
        InputError: no such file, another kind of file, or keys that are missing, unexpected or of
            another shape; all are named, and the model is left as it was.
    """
    path = path_of(path, "weights").expanduser()
    try:
        there, folder = path.is_file(), path.is_dir()
    except OSError:  # a name that the file system does not take
        there = folder = False
    if not there:
        what = f"{path} is a folder" if folder else f"there is no file {path}"
        raise InputError(f"{what}; weights are in a .safetensors file or a torch checkpoint")
    model = module_of(model)
    found, key, others = (
        (_safetensors(path), "", []) if path.suffix == ".safetensors" else _checkpoint(path)
    )
    wanted = model.state_dict()
    found, prefix = unprefixed(found, wanted)
    wrong = _differences(wanted, found)
    if wrong:
        raise InputError(f"the weights in {path} do not fit the model: {'; '.join(wrong)}")
    with torch.no_grad():
        # All was compared before: a model that is half loaded would be worse than none.
        model.load_state_dict(found, strict=True)
    where = [f"taken from {key!r}"] if key not in _PLAIN or others else []
    if others:
        where[0] += f" (not from {', '.join(map(repr, others))})"
    where += [f"read without the prefix {prefix!r}"] if prefix else []
    if where:
        warnings.warn(
            f"the weights in {path} were {' and '.join(where)}", RadhardWarning, stacklevel=2
        )


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {_line(error)}") from None


def _checkpoint(path: Path) -> tuple[dict[str, Tensor], str, list[str]]:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken or hostile file can raise any exception
        if held := whole_model_in(path):
            raise InputError(
                f"{path} holds a whole model ({held}) and not its weights, and is not loaded, "
                "since it could run code; where it was made, save its weights: "
                "torch.save(model.state_dict(), ...), and name the model as file.py:factory"
            ) from None
        raise InputError(
            f"{path} cannot be read as a checkpoint of tensors only, and anything else is not "
            f"loaded, since it could run code; save model.state_dict() or safetensors"
            f"{_reason(error)}"
        ) from None
    return state_dict_in(found, path)


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Tensor]) -> list[str]:
    missing = [key for key in wanted if key not in found]
    unexpected = [str(key) for key in found if key not in wanted]
    shapes, dtypes = [], []
    for key in wanted.keys() & found.keys():
        given, place = found[key], wanted[key]
        if not isinstance(place, Tensor):
            continue  # extra state of a module, not weights
        if given.shape != place.shape:
            shapes.append(f"{key} is {tuple(given.shape)}, not {tuple(place.shape)}")
        # A wider type holds all values of a narrower one; the other way they would be rounded in
        # silence.
        elif torch.promote_types(given.dtype, place.dtype) != place.dtype:
            dtypes.append(f"{key} is {given.dtype}, which {place.dtype} cannot hold exactly")
    listed = [("missing ", missing), ("unexpected ", unexpected)]
    rows = [word + _shown(keys) for word, keys in listed if keys]
    return rows + [_shown(sorted(rest)) for rest in (shapes, dtypes) if rest]


def _shown(items: list[str]) -> str:
    more = f" and {len(items) - 10} more" if len(items) > 10 else ""
    return ", ".join(items[:10]) + more


def _reason(error: Exception) -> str:
    """The first sentence of what torch says, in brackets; nothing if that is a number only."""
    sentence, _, _ = _line(error).partition(". ")
    return f" ({sentence.rstrip('.')})" if any(map(str.isalpha, sentence)) else ""


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
