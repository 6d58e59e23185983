"""How is a hardened model saved and loaded?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from radhard.arguments import path_of
from radhard.errors import InputError
from radhard.factory import named
from radhard.files import contents_replaced, earlier_contents
from radhard.hardenings.folder_checksums import with_checksums
from radhard.hardenings.part import attach, parts
from radhard.hardenings.pruning.pruned_channels import take_sizes
from radhard.hardenings.recipe import FORMAT, RECIPE, read_recipe
from radhard.hardenings.record import put_records, records
from radhard.models import load as load_model

__all__ = ["base_of", "is_hardened", "load", "save"]

_TENSORS = "model.safetensors"


def save(
    model: nn.Module, folder: str | Path, *, base: str, facts: dict[str, Any] | None = None
) -> None:
    """Write a hardened model as ``recipe.json`` and ``model.safetensors``; nothing is pickled.

    The recipe contains checksums of itself and of the tensors. If the process is stopped, the
    folder contains the earlier model or the new one, or `load` reports where the earlier files are.

    Args:
        model: the result of a hardening.
        folder: created if it does not exist.
        base: how to build the original model: ``"lenet5"`` or ``"file.py:factory"``.
        facts: plain values to store in the recipe.

    Raises:
        InputError: the folder cannot be written.
    """
    recipe = {
        "format": FORMAT,
        "base": base,
        "parts": [
            {"path": path, "kind": type(part).__name__, "by": part.by, "settings": part.settings}
            for path, part in parts(model)
        ],
        "facts": facts or {},
        "records": [record.to_dict() for record in records(model)],
    }
    folder = path_of(folder, "folder")
    # Cloned, as safetensors refuses tensors that share memory, such as tied weights.
    tensors = {
        name: t.detach().cpu().contiguous().clone() for name, t in model.state_dict().items()
    }
    try:
        with contents_replaced(folder, (_TENSORS, RECIPE)) as beside:
            save_file(tensors, beside / _TENSORS)
            text = json.dumps(with_checksums(recipe, [beside / _TENSORS]), indent=1) + "\n"
            (beside / RECIPE).write_text(text, encoding="utf-8")
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{str(folder)!r} cannot be written: {reason}") from error


def is_hardened(path: str | Path) -> bool:
    """Whether ``path`` is a folder that `save` wrote, or was replacing when it was stopped."""
    return (Path(path) / RECIPE).is_file() or earlier_contents(path, RECIPE) is not None


def load(
    folder: str | Path,
    *,
    model: nn.Module | None = None,
    build: Callable[[str], nn.Module] | None = None,
    foreign: bool = False,
) -> nn.Module:
    """The hardened model that `save` wrote, bitwise identical.

    A folder of an earlier version without checksums cannot be verified: a `RadhardWarning`.

    Args:
        folder: the folder that `save` wrote.
        model: the original model, or one of the same structure; it is modified and returned. By
            default it is built according to the recipe.
        build: a function that builds it from the recipe's text.
        foreign: execute code outside radhard if the recipe names it, as ``file.py:build``. Give
            it only for folders that you trust.

    Raises:
        InputError: files are missing, were changed, or do not belong together; or the recipe
            names code outside radhard.
    """
    folder = path_of(folder, "folder")
    recipe = read_recipe(folder)
    recipe.check_files(folder, [_TENSORS])
    tensors = _tensors(folder / _TENSORS)
    if model is None and build is None:
        build = load_model
        if not foreign and (recipe.base.endswith(".pt2") or named(recipe.base)[0] is not None):
            raise InputError(
                f"{str(folder)!r}: the recipe builds the model by {recipe.base!r}, code outside "
                "radhard; give model=..., or foreign=True if you trust the folder"
            )
    try:
        if model is None:
            assert build is not None
            model = build(recipe.base)
        # Layers that were pruned get their stored sizes before parts are attached, whose shapes
        # must match as they are. Dtypes are set before the values are loaded, since load_state_dict
        # would convert the values to the dtypes of the model.
        _fit(model, tensors)
        for planned in recipe.parts:
            attach(model, planned.path, planned.made(tensors))
        _take_dtypes(model, tensors)
        model.load_state_dict(tensors)
        put_records(model, recipe.records)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, MemoryError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{str(folder)!r}: recipe, tensors and model do not match: {first}"
        ) from error
    return model.eval()


def base_of(folder: str | Path) -> str:
    """The text from which the recipe builds the original model; nothing is built here.

    Raises:
        InputError: there is no recipe.
    """
    return read_recipe(Path(folder)).base


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error


def _fit(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Resize the tensors of pruned layers to the stored shapes.

    Raises:
        InputError: a stored tensor is larger than that of the model.
    """

    def resized(name: str, tensor: Tensor, stored: Tensor) -> Tensor | None:
        if stored.shape == tensor.shape:
            return None
        smaller = stored.ndim == tensor.ndim and all(
            kept <= size for kept, size in zip(stored.shape, tensor.shape, strict=True)
        )
        if not smaller or not stored.numel():
            raise InputError(
                f"tensor {name!r} has shape {tuple(stored.shape)} in the file, "
                f"{tuple(tensor.shape)} in the model"
            )
        # Values follow from the file; only the shape matters here.
        return torch.empty(stored.shape, dtype=tensor.dtype, device=tensor.device)

    _replace(model, tensors, resized)
    for module in model.modules():
        take_sizes(module)


def _take_dtypes(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Convert every tensor to its stored dtype, so that a half-precision model is restored."""

    def converted(name: str, tensor: Tensor, stored: Tensor) -> Tensor | None:
        if stored.dtype == tensor.dtype:
            return None
        if stored.is_floating_point() != tensor.is_floating_point():
            raise InputError(
                f"tensor {name!r} has type {stored.dtype} in the file, {tensor.dtype} in the model"
            )
        return tensor.detach().to(stored.dtype)

    _replace(model, tensors, converted)


def _replace(
    model: nn.Module,
    tensors: dict[str, Tensor],
    replacement: Callable[[str, Tensor, Tensor], Tensor | None],
) -> None:
    """Replace tensors of a model, given their name, themselves and the stored ones; or None.

    Tensors that several modules share, such as tied weights, have one replacement.
    """
    made: dict[tuple[int, torch.Size, torch.dtype], Tensor] = {}
    # The list keeps the old tensors alive, so that each has an identity of its own.
    for module, attribute, name, tensor in _owned(model):
        stored = tensors.get(name)
        new = None if stored is None else replacement(name, tensor, stored)
        if new is None:
            continue
        if isinstance(tensor, nn.Parameter):
            new = nn.Parameter(new, requires_grad=tensor.requires_grad)
        new = made.setdefault((id(tensor), new.shape, new.dtype), new)
        setattr(module, attribute, new)


def _owned(model: nn.Module) -> list[tuple[nn.Module, str, str, Tensor]]:
    """All tensors, with the module that contains them, their name there and qualified name."""
    return [
        (module, attribute, f"{path}.{attribute}" if path else attribute, tensor)
        for path, module in model.named_modules()
        for attribute, tensor in (
            *module.named_parameters(recurse=False, remove_duplicate=False),
            *module.named_buffers(recurse=False, remove_duplicate=False),
        )
    ]
