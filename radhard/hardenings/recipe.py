"""What does the recipe of a hardened model contain, and is it valid?"""

import functools
import importlib
import inspect
import typing
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from radhard.errors import InputError, RadhardWarning
from radhard.files import earlier_contents
from radhard.hardenings.folder_checksums import check_files, recipe_checksums
from radhard.hardenings.part import Part
from radhard.hardenings.record import Record
from radhard.hints import fits, in_words
from radhard.json_values import parse_json

__all__ = ["FORMAT", "RECIPE", "PartRecipe", "Recipe", "read_recipe"]

FORMAT = "radhard hardened model 2"
_WITHOUT_CHECKSUMS = "radhard hardened model 1"
RECIPE = "recipe.json"
_LARGEST = 2**24
"""Limit of the bytes of a recipe and of integers in it, to reject malicious files."""


@dataclass(frozen=True)
class PartRecipe:
    """A part as described in a recipe."""

    path: str
    kind: str
    by: str
    settings: Mapping[str, Any]

    def made(self, tensors: Mapping[str, Tensor]) -> Part:
        """Create the part, still empty; ``tensors`` are the stored ones, by qualified name.

        Raises:
            InputError: the kind is unknown, or the settings or the shapes do not match.
        """
        kinds = _part_kinds()
        if self.kind not in kinds:
            raise InputError(
                f"the recipe contains the unknown part {self.kind!r}, perhaps of a later version "
                f"of radhard; known are {', '.join(kinds)}"
            )
        part_class = kinds[self.kind]
        settings = {key: _taken(value) for key, value in self.settings.items()}
        _check_settings(part_class, settings, self.path)
        # On the meta device first, so that a recipe cannot allocate more memory than the tensors in
        # the file take.
        with torch.device("meta"):
            self._check_shapes(part_class(self.by, **settings), tensors)
        part = part_class(self.by, **settings)
        assert isinstance(part, Part)
        return part

    def _check_shapes(self, part: Part, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in part.state_dict().items():
            stored = tensors.get(f"{self.path}.{name}")
            if stored is None or stored.shape != tensor.shape:
                shape = "missing" if stored is None else tuple(stored.shape)
                raise InputError(
                    f"tensor {f'{self.path}.{name}'!r} is {shape}, but the recipe requires "
                    f"{tuple(tensor.shape)}"
                )


@dataclass(frozen=True)
class Recipe:
    """How a hardened model is restored."""

    base: str
    """How the original model is built."""
    parts: tuple[PartRecipe, ...]
    facts: Mapping[str, Any]
    records: tuple[Record, ...] = ()
    """What each hardening protects, and on which data it was profiled."""
    checksums: Mapping[str, str] | None = None
    """Checksums of the files beside it, by name; None in recipes of earlier versions."""

    def check_files(self, folder: Path, names: Iterable[str]) -> None:
        """Verify that the files beside the recipe are unchanged.

        A recipe without checksums results in a `RadhardWarning`.

        Raises:
            InputError: a file was changed or cannot be read.
        """
        if self.checksums is not None:
            check_files(self.checksums, folder, names)
            return
        warnings.warn(
            f"{str(folder)!r} was saved by an earlier version and has no checksums, so that damage "
            "to its files cannot be noticed; harden and save the model again to have them",
            RadhardWarning,
            stacklevel=3,
        )


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a folder; no code that it names is executed.

    Raises:
        InputError: there is no valid recipe.
    """
    path = folder / RECIPE
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{str(path)!r} is too large for a recipe")
        content = parse_json(path.read_bytes())
    except OSError as error:
        if (earlier := earlier_contents(folder, RECIPE)) is not None:
            raise InputError(
                f"{str(folder)!r}: saving over this hardened model was interrupted; the earlier "
                f"model is in {str(earlier)!r}: use that, or harden and save again"
            ) from error
        raise InputError(f"{str(folder)!r} contains no hardened model: {error.strerror}") from error
    # An InputError is a ValueError too, and says enough.
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error
    if not isinstance(content, dict) or content.get("format") not in (FORMAT, _WITHOUT_CHECKSUMS):
        raise InputError(f"{str(path)!r} is not a recipe of radhard")
    checksums = None if content["format"] == _WITHOUT_CHECKSUMS else recipe_checksums(content, path)
    base, parts, facts = (content.get(key) for key in ("base", "parts", "facts"))
    records = content.get("records", [])
    if not isinstance(base, str) or not isinstance(parts, list) or not isinstance(facts, dict):
        raise InputError(
            f"{str(path)!r} cannot be read: base, parts or facts are not of the type that radhard "
            "writes"
        )
    if not isinstance(records, list):
        raise InputError(
            f"{str(path)!r} cannot be read: records are not of the type that radhard writes"
        )
    planned = tuple(_part_recipe(part, path) for part in parts)
    return Recipe(base, planned, facts, tuple(map(Record.from_dict, records)), checksums)


@functools.cache
def _part_kinds() -> dict[str, type[Part]]:
    """The public parts of `radhard.hardenings`, by name; a recipe must not name any other class.

    A file can thus not have arbitrary classes imported and called.
    """
    room = importlib.import_module("radhard.hardenings")
    listed = {name: vars(room)[name] for name in room.__all__}
    return {
        name: kind
        for name, kind in listed.items()
        if isinstance(kind, type) and issubclass(kind, Part) and kind is not Part
    }


def _part_recipe(entry: Any, path: Path) -> PartRecipe:
    kinds_of = {"path": str, "kind": str, "by": str, "settings": dict}
    if not isinstance(entry, dict) or entry.keys() != kinds_of.keys():
        raise InputError(
            f"{str(path)!r} cannot be read: each part must have the entries {', '.join(kinds_of)} "
            "and no others"
        )
    for key, kind in kinds_of.items():
        if not isinstance(entry[key], kind):
            raise InputError(f"{str(path)!r} cannot be read: a part has {key}={entry[key]!r}")
    _check_small(entry["settings"], path)
    return PartRecipe(**entry)


def _check_small(value: Any, path: Path) -> None:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_small(item, path)
    # A short file could otherwise ask for any number of elements.
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise InputError(f"{str(path)!r} cannot be read: {value} is not the size of a layer")


def _taken(value: Any) -> Any:
    """Convert lists back to tuples, because JSON stores tuples as lists."""
    if isinstance(value, dict):
        return {key: _taken(item) for key, item in value.items()}
    return tuple(_taken(item) for item in value) if isinstance(value, list) else value


def _check_settings(kind: type, settings: Mapping[str, Any], path: str) -> None:
    parameters = inspect.signature(kind).parameters
    names = [name for name in parameters if name != "by"]
    needed = {name for name in names if parameters[name].default is inspect.Parameter.empty}
    if not needed <= settings.keys() <= set(names):
        raise InputError(f"{path!r}: {kind.__name__} has the settings {', '.join(names)}")
    # The file chooses the arguments of a constructor, so each must be of the type of its parameter.
    hints = typing.get_type_hints(kind.__init__)  # type: ignore[misc]
    for name, value in settings.items():
        hint = hints[name]
        origin = typing.get_origin(hint)
        right = isinstance(value, dict) if origin is dict else _fits(value, hint)
        if not right:
            allowed = "names and values" if origin is dict else in_words(hint)
            raise InputError(f"{path!r}: {name}={value!r} is not {allowed}")


def _fits(value: Any, hint: Any) -> bool:
    # Unlike numbers on the command line, a bound may be infinite.
    return fits(value, hint) or (hint is float and type(value) is float)
