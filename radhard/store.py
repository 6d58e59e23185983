"""How does a run outlive the process that makes it?"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from radhard.errors import InputError
from radhard.json_values import parse_json

__all__ = ["Store"]

_APPLICATION = 0x72616468  # "radh", in the header of every run file
_LAYOUT = 1
_A_FOLDER = "{!r} is a folder; name a file, such as runs/base.db"


class Store:
    """One SQLite file a run: what was asked (the manifest) and what came out, trial by trial.

    Rows are written in chunks; a process killed at any moment loses the open chunk only. Opened
    for reading, a file may still be growing. ``path=None`` keeps the run in memory.

    Raises:
        InputError: the file is not a run, is damaged, cannot be written, is being written by
            another process, or the disk is full; what was written stays.
    """

    def __init__(self, path: str | Path | None, *, write: bool = False) -> None:
        self.path = None if path is None else Path(path)
        self._growing = False
        with ExitStack() as held, self._speaking():
            if write and self.path is not None:
                held.enter_context(_alone(self.path))
            self._db = self._connect(write)
            held.callback(self._db.close)
            if write:
                self._prepare()
            self._demand_ours()
            self._held = held.pop_all()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        with self._held:
            self.commit()
            if self._growing:
                # A finished run is one plain file. While somebody reads, or the disk is full, the
                # log stays beside it, and the next writer goes on from there.
                with suppress(sqlite3.OperationalError):
                    self._db.execute("PRAGMA busy_timeout = 0")
                    self._db.execute("PRAGMA journal_mode = DELETE")

    # -- the manifest ------------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        """Whether nothing has been recorded yet."""
        return not self._has_table("manifest")

    def manifest(self) -> dict[str, Any]:
        """What was asked, under which circumstances."""
        with self._speaking():
            rows = self._db.execute("SELECT key, value FROM manifest").fetchall()
        try:
            return {key: parse_json(value) for key, value in rows}
        except (ValueError, TypeError) as error:
            raise InputError(
                f"run file {str(self.path)!r}: its manifest is damaged ({error}); "
                "it is left as it is"
            ) from error

    def begin(self, manifest: dict[str, Any], columns: Sequence[str]) -> None:
        """Record the manifest of a new run and the names of its figures."""
        figures = "".join(f", {_quoted(name)} REAL" for name in columns)
        with self._at_once():
            self._db.execute("CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
            self._db.execute(
                "CREATE TABLE trials (trial INTEGER PRIMARY KEY, fault INTEGER, faults INTEGER"
                f"{figures})"
            )
            self._db.executemany(
                "INSERT INTO manifest VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in manifest.items()],
            )

    def note(self, key: str, value: Any) -> None:
        """Set one entry of the manifest."""
        with self._speaking():
            self._db.execute(
                "INSERT OR REPLACE INTO manifest VALUES (?, ?)", (key, json.dumps(value))
            )
            self._db.commit()

    # -- the trials --------------------------------------------------------------------------

    def done(self) -> np.ndarray:
        """Numbers of the trials that are recorded, ascending."""
        with self._speaking():
            rows = self._db.execute("SELECT trial FROM trials ORDER BY trial").fetchall()
        try:
            return np.array([row[0] for row in rows], dtype=np.int64)
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(
                f"run file {str(self.path)!r}: its trials are damaged ({error}); "
                "it is left as it is"
            ) from error

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows of trial, fault (None where a trial has many), number of faults, figures."""
        if rows:
            if not self._growing:
                self._grow()
            marks = ", ".join("?" * len(rows[0]))
            with self._speaking():
                self._db.executemany(f"INSERT INTO trials VALUES ({marks})", rows)  # noqa: S608

    def commit(self) -> None:
        """Make everything added so far outlive this process."""
        with self._speaking():
            self._db.commit()

    def frame(self) -> pd.DataFrame:
        """Every recorded trial, in order of its number."""
        with self._speaking():
            return pd.read_sql_query("SELECT * FROM trials ORDER BY trial", self._db)

    # -- inside ------------------------------------------------------------------------------

    def _connect(self, write: bool) -> sqlite3.Connection:
        if self.path is None:
            return sqlite3.connect(":memory:")
        if write:
            return sqlite3.connect(self.path)
        if self.path.is_dir():
            raise InputError(_A_FOLDER.format(str(self.path)))
        if not self.path.is_file():
            raise InputError(f"there is no run file {str(self.path)!r}")
        return self._reader(self.path)

    def _reader(self, path: Path) -> sqlite3.Connection:
        uri = f"{path.resolve().as_uri()}?mode=ro"
        db = sqlite3.connect(uri, uri=True)
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            # In a folder that cannot be written SQLite cannot read a file with a write-ahead log,
            # unless it is told that nobody writes; then it would overlook what is in such a log.
            db.close()
            log = path.with_name(path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise InputError(
                    f"run file {str(path)!r}: its last trials are in {log.name!r}, which cannot be "
                    "read where the folder cannot be written; copy both to another folder"
                ) from None
            db = sqlite3.connect(f"{uri}&immutable=1", uri=True)
        return db

    def _prepare(self) -> None:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        blank = not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if blank and application == 0:
            with self._at_once():
                self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {_LAYOUT}")
        self._demand_ours()
        if self.path is not None:
            # A file that cannot be written is told of now, not after the first trials.
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(f"PRAGMA user_version = {_LAYOUT}")
            self._db.rollback()

    def _grow(self) -> None:
        """From now on chunks are appended to a log, so that others can read meanwhile."""
        with self._speaking():
            if self.path is not None:
                self._db.commit()
                self._db.execute("PRAGMA journal_mode = WAL")
                # A killed process loses nothing that is committed; a lost power supply may lose
                # the last chunks, never the file.
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._growing = True

    def _demand_ours(self) -> None:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        layout = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application != _APPLICATION:
            raise InputError(f"{str(self.path)!r} is not a radhard run file; it is left as it is")
        if layout != _LAYOUT:
            raise InputError(
                f"{str(self.path)!r} was written by another version of radhard "
                f"(layout {layout}, this one reads {_LAYOUT})"
            )

    def _has_table(self, name: str) -> bool:
        with self._speaking():
            query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
            return bool(self._db.execute(query, (name,)).fetchone()[0])

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """All of it or nothing, also where the process is killed in between."""
        with self._speaking(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """What SQLite and the operating system complain of, as one clear line."""
        where = f"run file {str(self.path)!r}"
        try:
            yield
        except (sqlite3.Error, pd.errors.DatabaseError) as error:
            raise InputError(f"{where}: {_hint(str(error))}") from error
        except OSError as error:
            raise InputError(f"{where}: {error.strerror or error}; choose another place") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other process may write the file while open."""
    if path.is_dir():
        raise InputError(_A_FOLDER.format(str(path)))
    path.parent.mkdir(parents=True, exist_ok=True)
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
        # While it is still held: after the release it may be the lock of somebody else.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _hint(text: str) -> str:
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
    if "not a database" in text or "malformed" in text:
        return f"it is damaged or not a run file ({text}); it is left as it is"
    return text


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
