"""How do weights get from a file into a model, without running what the file brings along?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from radhard.errors import InputError

__all__ = ["load_weights"]

INSIDE = ("state_dict", "model")


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Put the weights of a file into a model in place; names, shapes and types have to agree.

    A ``.safetensors`` file, or a torch checkpoint that holds tensors only: a ``state_dict``, as it
    is or under ``"state_dict"`` or ``"model"``. Nothing is unpickled beyond tensors.

    Raises:
        InputError: no such file, another kind of file, or keys that are missing, unexpected or of
            another shape; all are named, and the model is left as it was.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"there is no file {path} to take weights from")
    found = _safetensors(path) if path.suffix == ".safetensors" else _checkpoint(path)
    wanted = model.state_dict()
    wrong = _differences(wanted, found)
    if wrong:
        raise InputError(f"the weights in {path} do not fit the model: {'; '.join(wrong)}")
    with torch.no_grad():
        model.load_state_dict(found, strict=True)


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read as safetensors: {_line(error)}") from None


def _checkpoint(path: Path) -> dict[str, Tensor]:
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken or hostile file fails in any way it likes
        raise InputError(
            f"{path} cannot be read as a checkpoint of tensors only, and anything else is not "
            f"loaded, since it could run code; save model.state_dict() or safetensors "
            f"({_line(error)})"
        ) from None
    for key in INSIDE:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise InputError(
            f"{path} holds no state_dict, neither as it is nor under "
            f"{' or '.join(repr(key) for key in INSIDE)}; save model.state_dict()"
        )
    return dict(found)


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Tensor]) -> list[str]:
    missing = [key for key in wanted if key not in found]
    unexpected = [str(key) for key in found if key not in wanted]
    shapes, dtypes = [], []
    for key in wanted.keys() & found.keys():
        given, place = found[key], wanted[key]
        if not isinstance(place, Tensor):
            continue  # extra state of a module: its own business
        if given.shape != place.shape:
            shapes.append(f"{key} is {tuple(given.shape)}, not {tuple(place.shape)}")
        elif torch.promote_types(given.dtype, place.dtype) != place.dtype:
            dtypes.append(f"{key} is {given.dtype}, which {place.dtype} cannot hold exactly")
    listed = [("missing ", missing), ("unexpected ", unexpected)]
    rows = [word + _shown(keys) for word, keys in listed if keys]
    return rows + [_shown(sorted(rest)) for rest in (shapes, dtypes) if rest]


def _shown(items: list[str]) -> str:
    more = f" and {len(items) - 10} more" if len(items) > 10 else ""
    return ", ".join(items[:10]) + more


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
