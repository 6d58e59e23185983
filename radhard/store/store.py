"""What does a run file contain, and how is it read and written?"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radhard.errors import InputError
from radhard.json_values import parse_json
from radhard.store.checksums import Sum, block_sums, merged, text_digest
from radhard.store.damage import Damage, beyond_trust
from radhard.store.failures import in_one_line, named
from radhard.store.inspection import check_digest, inspected, recorded_sums, tables
from radhard.store.opening import alone, connected

__all__ = ["Store"]

_APPLICATION = 0x72616468  # "radh", in the header of every run file
_LAYOUT, _WITHOUT_CHECKSUMS = 2, 1
_TABLES = {1: {"manifest", "trials"}, 2: {"manifest", "trials", "checksums"}}
_TOGETHER = 2048
"""Maximum number of rows per INSERT."""
_NO_CHECKSUMS = (
    "The run file was begun by an earlier version and holds no checksums: damage to it cannot be "
    "noticed."
)


class Store:
    """One SQLite file a run: what was asked (the manifest) and what came out, trial by trial.

    Rows are written in chunks; a process killed at any moment loses the open chunk only. Opened
    for reading, a file may still be growing. ``path=None`` keeps the run in memory. Manifest,
    schema and trials have checksums, which are verified whenever they are read.

    ``whole_log=False`` reads also a file whose log is damaged, to save what is left.

    Raises:
        DamagedError: what is read is not as it was written.
        InputError: the file is not a run, cannot be written, is being written by another process,
            or the disk is full; what was written stays.
    """

    def __init__(
        self, path: str | Path | None, *, write: bool = False, whole_log: bool = True
    ) -> None:
        self.path = None if path is None else Path(path)
        self._growing, self._writes = False, write
        self._pending: list[tuple[Any, ...]] = []
        self._sums: dict[int, Sum] | None = None
        """The sums of the blocks to be committed; None if they are those of the file."""
        self._frame: pd.DataFrame | None = None
        """All trials, if they were read from memory, where nobody else can write."""
        with ExitStack() as held, in_one_line(self.path):
            if write and self.path is not None:
                held.enter_context(alone(self.path))
            self._db = connected(self.path, write=write, whole_log=whole_log)
            held.callback(self._db.close)
            if write:
                self._prepare()
            self._layout = self._check_layout()
            self._held = held.pop_all()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write pending rows and close the file."""
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
        with in_one_line(self.path):
            names = {name for name, _ in tables(self._db)}
        if names and names != _TABLES[self._layout]:
            raise beyond_trust(named(self.path), "its tables are not those of a run")
        return not names

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the file for readers of the run."""
        return (_NO_CHECKSUMS,) if self._layout == _WITHOUT_CHECKSUMS else ()

    def manifest(self) -> dict[str, Any]:
        """What was asked, under which circumstances."""
        return self._manifest(None)

    def entry(self, key: str) -> Any:
        """One entry of the manifest; None if there is none. The others are not parsed."""
        return self.entries(key).get(key)

    def entries(self, *keys: str) -> dict[str, Any]:
        """The entries of the manifest with these keys that there are."""
        return self._manifest(keys)

    def _manifest(self, only: Collection[str] | None) -> dict[str, Any]:
        with self._snapshot():
            rows = self._db.execute("SELECT key, value FROM manifest").fetchall()
            if self._layout != _WITHOUT_CHECKSUMS:
                check_digest(self._db, self.path, "manifest", rows)
                check_digest(self._db, self.path, "schema", tables(self._db))
        try:
            return {key: parse_json(value) for key, value in rows if only is None or key in only}
        except (ValueError, TypeError) as error:
            raise beyond_trust(named(self.path), f"its manifest: {error}") from error

    def begin(self, manifest: dict[str, Any], columns: Sequence[str]) -> None:
        """Record the manifest of a new run and the names of its figures."""
        figures = "".join(f", {_quoted(name)} REAL" for name in columns)
        with self._at_once():
            self._db.execute("CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
            self._db.execute(
                "CREATE TABLE trials (trial INTEGER PRIMARY KEY, fault INTEGER, faults INTEGER"
                f"{figures})"
            )
            self._db.execute(
                "CREATE TABLE checksums (part TEXT NOT NULL, block INTEGER NOT NULL, "
                "rows INTEGER NOT NULL, digest INTEGER NOT NULL, PRIMARY KEY (part, block)) "
                "WITHOUT ROWID"
            )
            self._db.executemany(
                "INSERT INTO manifest VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in manifest.items()],
            )
            self._put_digest("manifest", self._db.execute("SELECT key, value FROM manifest"))
            self._put_digest("schema", tables(self._db))

    def note(self, key: str, value: Any) -> None:
        """Set an entry of the manifest, in one transaction with all trials added before."""
        self._flush()
        with self._at_once():
            self._db.execute(
                "INSERT OR REPLACE INTO manifest VALUES (?, ?)", (key, json.dumps(value))
            )
            if self._layout != _WITHOUT_CHECKSUMS:
                self._put_digest("manifest", self._db.execute("SELECT key, value FROM manifest"))

    # -- the trials --------------------------------------------------------------------------

    def done(self) -> np.ndarray:
        """Numbers of the recorded trials, ascending."""
        return self.frame()["trial"].to_numpy(dtype=np.int64)

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows of trial, fault (None where a trial has many), number of faults, figures."""
        self._pending.extend(rows)
        if len(self._pending) >= _TOGETHER:
            self._flush()

    def commit(self) -> None:
        """Commit everything added so far."""
        self._flush()
        with in_one_line(self.path):
            open_chunk = self._db.in_transaction
            self._db.commit()
        if open_chunk and self._growing:
            # So that all there is lies in the file itself, and the log beside it is empty. A reader
            # that is at work may keep it from that; then the next commit does it.
            with suppress(sqlite3.OperationalError):
                self._db.execute("PRAGMA busy_timeout = 0")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._db.execute("PRAGMA busy_timeout = 5000")

    def frame(self) -> pd.DataFrame:
        """All recorded trials, ordered by number."""
        self._flush()
        if self._frame is None or self.path is not None:
            with self._snapshot():
                damage = self._inspect()
            damage.check_none(named(self.path))
            self._frame = damage.trusted if self.path is None else None
            return damage.trusted
        return self._frame

    def inspect(self) -> Damage:
        """The damaged trials, and the rows of intact ones."""
        with self._snapshot():
            return self._inspect()

    # -- inside ------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Hand pending rows and the checksums of their blocks to SQLite; it does not commit."""
        if not self._pending:
            return
        self._frame = None
        if not self._growing:
            self._grow()
        rows = self._pending
        with in_one_line(self.path):
            try:
                marks = ", ".join("?" * len(rows[0]))
                self._db.executemany(f"INSERT INTO trials VALUES ({marks})", rows)  # noqa: S608
                if self._layout != _WITHOUT_CHECKSUMS:
                    self._add_sums(block_sums(rows))
                self._pending = []
            except BaseException:
                # Rows and checksums together or not at all; on failure the open chunk is lost.
                self._pending, self._sums = [], None
                self._db.rollback()
                raise

    def _add_sums(self, fresh: dict[int, Sum]) -> None:
        if self._sums is None:
            self._sums = recorded_sums(self._db)
        changed = merged(self._sums, fresh)
        self._db.executemany(
            "INSERT OR REPLACE INTO checksums VALUES ('trials', ?, ?, ?)",
            [(block, *found) for block, found in changed.items()],
        )
        self._sums.update(changed)

    def _recorded_sums(self) -> dict[int, Sum]:
        query = "SELECT block, rows, digest FROM checksums WHERE part = 'trials'"
        return {block: (rows, digest) for block, rows, digest in self._db.execute(query)}

    def _inspect(self) -> Damage:
        if self._layout == _WITHOUT_CHECKSUMS:
            query = "SELECT * FROM trials ORDER BY trial"
            return Damage((), pd.read_sql_query(query, self._db), None)
        check_digest(self._db, self.path, "schema", tables(self._db))
        return inspected(self._db, self.path, structure=self._writes)

    def _put_digest(self, part: str, texts: Iterator[Any] | Sequence[Any]) -> None:
        found = list(texts)
        self._db.execute(
            "INSERT OR REPLACE INTO checksums VALUES (?, 0, ?, ?)",
            (part, len(found), text_digest(found)),
        )

    def _prepare(self) -> None:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        blank = not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if blank and application == 0:
            with self._at_once():
                self._db.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {_LAYOUT}")
        layout = self._check_layout()
        if self.path is not None:
            # Report a file that cannot be written now, not after the first trials.
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(f"PRAGMA user_version = {layout}")
            self._db.rollback()

    def _grow(self) -> None:
        """Append chunks to a write-ahead log, so that other processes can read at the same time."""
        with in_one_line(self.path):
            if self.path is not None:
                self._db.commit()
                self._db.execute("PRAGMA journal_mode = WAL")
                # A killed process loses nothing that is committed; a lost power supply may lose
                # the last chunks, never the file.
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._growing = True

    def _check_layout(self) -> int:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        layout = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if application != _APPLICATION:
            raise InputError(f"{str(self.path)!r} is not a radhard run file; it is left as it is")
        if layout not in _TABLES:
            raise InputError(
                f"{str(self.path)!r} was written by another version of radhard "
                f"(layout {layout}, this one reads {' and '.join(map(str, _TABLES))})"
            )
        return layout

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """All reads within this context see the same state, even if another process is writing."""
        with in_one_line(self.path):
            ours = not self._db.in_transaction
            if ours:
                self._db.execute("BEGIN")
            try:
                yield
            finally:
                if ours:
                    self._db.rollback()

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        """A transaction: all of it or nothing, even if the process is killed."""
        with in_one_line(self.path), self._db:
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            yield


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
