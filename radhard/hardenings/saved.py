"""How does a hardened model outlive the process that made it?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings import kinds
from radhard.hardenings.part import Part, attach, parts
from radhard.models import load as load_model

__all__ = ["is_hardened", "load", "save"]

_FORMAT = "radhard hardened model 1"
_RECIPE, _TENSORS = "recipe.json", "model.safetensors"


def save(
    model: nn.Module, folder: str | Path, *, base: str, facts: dict[str, Any] | None = None
) -> None:
    """Write a hardened model as ``recipe.json`` and ``model.safetensors``; nothing is pickled.

    Args:
        model: as a hardening gave it.
        folder: made if it is not there.
        base: how to build the model it was made from: ``"lenet5"`` or ``"file.py:factory"``.
        facts: plain values to keep beside it.

    Raises:
        InputError: the folder cannot be written.
    """
    recipe = {
        "format": _FORMAT,
        "base": base,
        "parts": [
            {"path": path, "kind": type(part).__name__, "by": part.by, "settings": part.settings}
            for path, part in parts(model)
        ],
        "facts": facts or {},
    }
    folder = Path(folder)
    tensors = {
        name: t.detach().cpu().contiguous().clone() for name, t in model.state_dict().items()
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / _TENSORS)
        text = json.dumps(recipe, indent=1) + "\n"
        (folder / _RECIPE).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be written: {error.strerror}") from error


def is_hardened(path: str | Path) -> bool:
    """Whether ``path`` is a folder that `save` wrote."""
    return (Path(path) / _RECIPE).is_file()


def load(
    folder: str | Path,
    *,
    model: nn.Module | None = None,
    build: Callable[[str], nn.Module] = load_model,
) -> nn.Module:
    """The hardened model that `save` wrote, to the last bit.

    Args:
        folder: what `save` wrote.
        model: the model that it was made from, or one of the same structure; it is changed and
            returned. By default built as the recipe says.
        build: what builds it from the recipe's text; the text may name code of one's own, which is
            then run.

    Raises:
        InputError: no such files, or they do not belong together.
    """
    folder = Path(folder)
    try:
        recipe = json.loads((folder / _RECIPE).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{str(folder)!r} holds no hardened model: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(folder / _RECIPE)!r} cannot be read: {error}") from error
    if not isinstance(recipe, dict) or recipe.get("format") != _FORMAT:
        raise InputError(f"{str(folder / _RECIPE)!r} is no recipe of radhard's")
    tensors = _tensors(folder / _TENSORS)
    try:
        model = build(str(recipe["base"])) if model is None else model
        for said in recipe["parts"]:
            part = _blank(str(said["kind"]), str(said["by"]), dict(said["settings"]))
            attach(model, str(said["path"]), part)
        _resize(model, tensors)
        model.load_state_dict(tensors)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0]
        raise InputError(
            f"{str(folder)!r}: recipe, tensors and model do not fit: {first}"
        ) from error
    return model.eval()


def _blank(kind: str, by: str, settings: dict[str, Any]) -> Part:
    """An empty part; only radhard's own kinds are known."""
    found = getattr(kinds, kind) if kind in kinds.__all__ else None
    if found is None:
        raise InputError(f"unknown part {kind!r}; one of {', '.join(kinds.__all__)}")
    lists = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
    part = found(by, **lists)
    assert isinstance(part, Part)
    return part


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error


def _resize(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give tensors that pruning cut the shape that is stored."""
    for name, module in model.named_modules():
        for own, tensor in (
            *module.named_parameters(recurse=False),
            *module.named_buffers(recurse=False),
        ):
            stored = tensors.get(f"{name}.{own}" if name else own)
            if stored is None or stored.shape == tensor.shape:
                continue
            blank = torch.empty(stored.shape, dtype=tensor.dtype, device=tensor.device)
            if own in module._parameters:
                module._parameters[own] = nn.Parameter(blank, requires_grad=tensor.requires_grad)
            else:
                module._buffers[own] = blank
