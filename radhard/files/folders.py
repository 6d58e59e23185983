"""How is the folder of a file created?"""

import os
from pathlib import Path

__all__ = ["make_folder", "missing_folders"]

_MOST_MISSING = 50
"""Folders of a path that are made; a path with more is a mistake."""

_LONGEST = 1000
"""Bytes of a path; SQLite and other libraries open no file with a much longer one."""


def make_folder(folder: str | Path) -> None:
    """Create a folder and its missing parents.

    Raises:
        OSError: it cannot be made, or its path is longer than libraries can open.
    """
    for one in missing_folders(folder):
        # Another process may make the same folder at the same time.
        one.mkdir(exist_ok=True)


def missing_folders(folder: str | Path) -> list[Path]:
    """Which folders have to be made for a folder to be there, in this order.

    Raises:
        OSError: too many, or its path is longer than libraries can open.
    """
    folder = Path(folder)
    if (length := len(os.fsencode(Path.cwd() / folder))) > _LONGEST:
        raise OSError(0, f"the path is {length:,} bytes long; at most {_LONGEST:,} can be opened")
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        if len(missing) > _MOST_MISSING:
            raise OSError(0, f"more than {_MOST_MISSING} folders of the path do not exist")
        if folder.parent == folder:
            break
        folder = folder.parent
    return missing[::-1]
