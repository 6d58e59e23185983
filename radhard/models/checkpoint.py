"""Where in a checkpoint are the weights of a model, and under which names?"""

import pickletools
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from radhard.errors import InputError

__all__ = ["state_dict_in", "unprefixed", "whole_model_in"]

USUAL = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights")
"""Common keys of the weights in a checkpoint; the first one present is used."""

_MOST_OPCODES = 10_000_000
_COMPILED = "_orig_mod."


def state_dict_in(found: Any, path: Path) -> tuple[dict[str, Tensor], str, list[str]]:
    """The weights in a checkpoint, their key or an empty text, and keys of other weights in it.

    Raises:
        InputError: there are none, or there are several and none is under a usual key.
    """
    if not isinstance(found, Mapping):
        raise InputError(
            f"{path} holds {type(found).__name__}, no state_dict; save model.state_dict()"
        )
    if found and all(isinstance(value, Tensor) for value in found.values()):
        return dict(found), "", []
    inside = [
        key
        for key, value in found.items()
        if isinstance(value, Mapping)
        and value
        and all(isinstance(part, Tensor) for part in value.values())
    ]
    usual = [key for key in USUAL if key in inside]
    if not usual and len(inside) != 1:
        there = ", ".join(map(str, inside or found)) or "nothing"
        raise InputError(
            f"{path} holds no state_dict, neither as it is nor under a usual key such as "
            f"'state_dict' or 'model_state_dict' (it has {there}); save model.state_dict()"
        )
    key = (usual or inside)[0]
    return dict(found[key]), str(key), [str(other) for other in inside if other != key]


def unprefixed(found: Mapping[str, Tensor], wanted: Iterable[str]) -> tuple[dict[str, Tensor], str]:
    """The weights with the names of the model, and the prefix that was removed.

    Training wrappers put ``module.``, ``model.`` or ``_orig_mod.`` in front of every name, or
    within it. Names are left as they are where that makes them no fitter.

    >>> import torch
    >>> weights = {"module.fc.weight": torch.zeros(1), "module.fc.bias": torch.zeros(1)}
    >>> unprefixed(weights, ["fc.weight", "fc.bias"])[1]
    'module.'
    """
    names = list(wanted)
    if not names or names[0] in found:
        return dict(found), ""
    # The mark of a compiled part may stand in the middle of a name, where only a part was compiled.
    plain = {name.replace(_COMPILED, ""): tensor for name, tensor in found.items()}
    compiled = _COMPILED if len(plain) == len(found) and plain.keys() != found.keys() else ""
    if not compiled:
        plain = dict(found)
    for name in plain:
        # The prefix is what one name has in front of the first name of the model, and then all have
        # to have it.
        prefix = name.removesuffix(names[0])
        whole = prefix != name and (not prefix or prefix.endswith("."))
        if whole and all(prefix + one in plain for one in names):
            return {key.removeprefix(prefix): t for key, t in plain.items()}, prefix + compiled
    return dict(found), ""


def whole_model_in(path: Path) -> str:
    """The class of a model pickled in a file or stored as TorchScript; empty if there is none.

    The names in the pickle are read and never looked up.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                if any(name.partition("/")[2] == "constants.pkl" for name in names):
                    return "TorchScript"
                pickled = next(name for name in names if name.partition("/")[2] == "data.pkl")
                return _model_among(_globals(archive.read(pickled)))
        return _model_among(_globals(path.read_bytes()))
    except (OSError, ValueError, LookupError, StopIteration, zipfile.BadZipFile):
        return ""


def _model_among(classes: list[str]) -> str:
    if any(name.startswith("torch.nn.modules.") for name in classes):
        own = [c for c in classes if not c.startswith(("torch.", "collections.", "builtins."))]
        return (own or [c for c in classes if c.startswith("torch.nn.modules.")])[0]
    return ""


def _globals(pickled: bytes) -> list[str]:
    """Names of what a pickle would look up, ``module.name``, in order."""
    found: list[str] = []
    for number, (name, argument) in enumerate(_opcodes(pickled)):
        if number > _MOST_OPCODES:
            break
        if name == "GLOBAL":
            found.append(str(argument).replace(" ", "."))
    return found


def _opcodes(pickled: bytes) -> Iterator[tuple[str, Any]]:
    # An old checkpoint consists of several pickles, the last of which is followed by other bytes.
    at = 0
    while at < len(pickled):
        end = at
        try:
            for opcode, argument, place in pickletools.genops(pickled[at:]):
                yield opcode.name, argument
                end = at + (place or 0) + 1
        except ValueError:
            return
        at = end
