"""Are the files of a hardened model unchanged since they were written?"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from radhard.errors import InputError

__all__ = ["check_files", "recipe_checksums", "with_checksums"]

_OWN, _FILES = "checksum", "checksums"


def with_checksums(recipe: Mapping[str, Any], files: Iterable[Path]) -> dict[str, Any]:
    """A recipe with the SHA-256 of each file beside it, and of its own contents."""
    complete = {**recipe, _FILES: {path.name: _of_file(path) for path in files}}
    return {**complete, _OWN: _of_recipe(complete)}


def recipe_checksums(recipe: Mapping[str, Any], path: Path) -> Mapping[str, str]:
    """The checksums of the files beside a recipe, after verifying its own.

    Raises:
        InputError: its own checksum differs or is missing.
    """
    files = recipe.get(_FILES)
    if recipe.get(_OWN) != _of_recipe(recipe) or not isinstance(files, dict):
        raise _damaged(path)
    return files


def check_files(checksums: Mapping[str, str], folder: Path, names: Iterable[str]) -> None:
    """Verify that the files in a folder have these checksums.

    Raises:
        InputError: a checksum differs, or a file cannot be read.
    """
    for name in names:
        path = folder / name
        try:
            checksum = _of_file(path)
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be read: {error.strerror}") from error
        if checksums.get(name) != checksum:
            raise _damaged(path)


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _of_recipe(recipe: Mapping[str, Any]) -> str:
    content = {key: value for key, value in recipe.items() if key != _OWN}
    # Converted to JSON and back first, so that keys are text and are sorted as text, as they will
    # be when the file is read.
    text = json.dumps(json.loads(json.dumps(content)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _damaged(path: Path) -> InputError:
    return InputError(
        f"{str(path)!r} is damaged or was changed: its checksum is not the one recorded when the "
        "hardened model was saved; restore the folder from a copy, or harden the model again"
    )
