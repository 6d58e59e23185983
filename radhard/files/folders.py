"""How is the folder of a file made?"""

import os
from pathlib import Path

__all__ = ["make_folder"]

_MOST_MISSING = 50
"""Folders of a path that are made; a path with more is a mistake."""

_LONGEST = 1000
"""Bytes of a path; SQLite and other libraries open no file with a much longer one."""


def make_folder(folder: str | Path) -> None:
    """Make a folder, and the folders that it lies in, where they are missing.

    Raises:
        OSError: it cannot be made, or its path is longer than libraries can open.
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
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
