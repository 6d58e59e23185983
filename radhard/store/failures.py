"""How are errors of SQLite and the operating system reported in one line?"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from radhard.errors import InputError
from radhard.store.damage import beyond_trust

__all__ = ["in_one_line", "named"]

_OF_DAMAGE = (
    "malformed",
    "not a database",
    "decode",
    "too big",
    "no such",
    "corrupt",
    "unsupported",
)


def named(path: Path | None) -> str:
    """The name of the run file in messages."""
    return "the run in memory" if path is None else f"run file {str(path)!r}"


@contextmanager
def in_one_line(path: Path | None) -> Iterator[None]:
    """Convert errors within this context to errors with one clear line.

    Raises:
        DamagedError: the file is not as it was written.
        InputError: anything else that SQLite or the operating system reports.
    """
    where = named(path)
    try:
        yield
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        text = " ".join(str(error).split())
        if any(word in text for word in _OF_DAMAGE):
            raise beyond_trust(where, f"damaged or not a run file: {text}") from error
        raise InputError(f"{where}: {_way_out(text)}") from error
    except (UnicodeError, OverflowError, SystemError) as error:
        # Names or numbers that Python cannot convert.
        raise beyond_trust(where, str(error)) from error
    except OSError as error:
        said = error.strerror or str(error)
        raise InputError(f"{_short(where)}: {said}; choose another place") from error


def _way_out(text: str) -> str:
    if "full" in text:
        return "the disk is full; make room and run the same command again to continue"
    if "disk I/O" in text:
        return (
            f"it cannot be read or written ({text}); make room or choose another place, and run "
            "the same command again to continue"
        )
    if "readonly" in text or "unable to open" in text:
        return f"it cannot be written or opened ({text}); choose another place"
    if "locked" in text:
        return "another process is using it; wait for it, or choose another file"
    return text


def _short(where: str) -> str:
    """A path shortened for a message."""
    return where if len(where) <= 300 else f"{where[:100]}...{where[-60:]}"
