"""How is a run file opened for reading, or for exclusive writing?"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from radhard.errors import InputError
from radhard.files import check_writable, make_folder
from radhard.store.damage import DamagedError
from radhard.store.failures import named
from radhard.store.log import log_damage, log_of

__all__ = ["alone", "check_database", "check_header", "connected"]

_A_FOLDER = "{!r} is a folder; name a file, such as runs/base.db"
_SQLITE = b"SQLite format 3\0"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Exclude other processes from writing the file within this context.

    Raises:
        InputError: another process is writing the file, or it is a folder.
        OSError: the place cannot be written.
    """
    if path.is_dir():
        raise InputError(_A_FOLDER.format(str(path)))
    # Checked first: if no file can be created, taking the lock fails as if it were held.
    check_writable(path)
    make_folder(path.parent)
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"another process is writing {str(path)!r}; wait for it, or choose another file"
        ) from None
    try:
        yield
    finally:
        # Removed before the release: afterwards it may be the lock of another process.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def connected(path: Path | None, *, write: bool, whole_log: bool = True) -> sqlite3.Connection:
    """A connection to the file; to write it, `alone` has to be held.

    ``whole_log=False`` opens it also where its log is damaged.

    Raises:
        InputError: there is no such file, or its log cannot be read.
        DamagedError: trials that were committed are missing in its log.
    """
    if path is None:
        # A run without a file has the same store, so that there is one way to record trials.
        return sqlite3.connect(":memory:")
    if path.is_dir():
        raise InputError(_A_FOLDER.format(str(path)))
    if (path.exists() or not write) and not path.is_file():
        kind = "is no file; choose another place" if path.exists() else ""
        raise InputError(f"{str(path)!r} {kind}" if kind else f"there is no run file {str(path)!r}")
    if path.exists():
        check_database(path)
    unwatched = whole_log and (write or not _being_written(path))
    if unwatched and (why := log_damage(path)):
        raise DamagedError(
            f"{named(path)}: {why}; run the same with radhard run --repair (in Python "
            "repair=True) to run what is missing again"
        )
    return sqlite3.connect(path) if write else _reader(path)


def _being_written(path: Path) -> bool:
    """Whether another process is writing the file, in which case its log may be incomplete."""
    if not log_of(path).exists() or not Path(f"{path}.lock").exists():
        return False
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError:
        # The lock cannot be taken, as in a folder that is read-only, where no writer can be either.
        return False
    lock.release()
    return False


def _reader(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # In a folder that cannot be written SQLite cannot read a file with a write-ahead log,
        # unless it is told that nobody writes; then it would overlook what is in such a log.
        db.close()
        log = log_of(path)
        if log.exists() and log.stat().st_size:
            raise InputError(
                f"run file {str(path)!r}: its last trials are in {log.name!r}, which cannot be "
                "read where the folder cannot be written; copy both to another folder"
            ) from None
        db = sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return db


def check_header(path: Path, header: bytes) -> None:
    """Check the first 100 bytes of a file, also of one that SQLite cannot open.

    One that is damaged in up to half of its first words is still known by the others and the mark
    behind them.

    Raises:
        InputError: they are not those of a run file.
    """
    same = sum(one == other for one, other in zip(header, _SQLITE, strict=False))
    if same < len(_SQLITE) // 2 or header[68:72] != b"radh":
        raise InputError(f"{str(path)!r} is not a radhard run file; it is left as it is")


def check_database(path: Path) -> None:
    """Check that a file is one of SQLite's, or a damaged run file; an empty one may become one.

    Raises:
        InputError: it is something else, such as a text.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if header and not header.startswith(_SQLITE):
        check_header(path, header)
