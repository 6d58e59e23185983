"""How do the texts of a study become files?"""

from collections.abc import Mapping
from pathlib import Path

from radhard.errors import InputError

__all__ = ["write_texts"]


def write_texts(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write each text to the file of its name; returns the files.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{str(folder)!r} cannot be written: {error.strerror}") from error
    return [folder / file for file in texts]
