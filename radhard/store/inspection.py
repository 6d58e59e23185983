"""Do the rows of a run file match their checksums?"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from radhard.store.checksums import BLOCK, Sum, frame_sums, text_digest
from radhard.store.damage import Damage, DamagedError, beyond_trust, differing
from radhard.store.failures import in_one_line, named

__all__ = ["check_digest", "inspected", "recorded_sums", "tables"]

_TOGETHER = 2**15
"""Number of rows that are read at a time."""


def inspected(db: sqlite3.Connection, path: Path | None, *, structure: bool) -> Damage:
    """The blocks of trials with wrong checksums, and the rows of all others.

    ``structure``: have SQLite look at the file itself too, as is due before it is written to.
    """
    sums, planned = recorded_sums(db), _planned(db)
    try:
        with in_one_line(path):
            frame = _rows(db, "")
    except DamagedError:
        frame = _readable(db, path, sums)
    bad = differing(sums, frame_sums(frame))
    if bad:
        frame = frame[~(frame["trial"] // BLOCK).isin(bad)]
    wrong = "" if bad or not structure else _structure(db)
    return Damage(bad, frame.sort_values("trial", ignore_index=True), planned, wrong)


def recorded_sums(db: sqlite3.Connection) -> dict[int, Sum]:
    """The recorded checksums of all blocks of trials."""
    query = "SELECT block, rows, digest FROM checksums WHERE part = 'trials'"
    return {block: (rows, digest) for block, rows, digest in db.execute(query)}


def tables(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """Name and definition of every table."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
    return [(str(name), str(sql)) for name, sql in db.execute(query)]


def check_digest(
    db: sqlite3.Connection, path: Path | None, part: str, texts: Sequence[tuple[str, str]]
) -> None:
    """Check the rows of a part against its checksum.

    Raises:
        DamagedError: they are not as they were written.
    """
    query = "SELECT rows, digest FROM checksums WHERE part = ?"
    if db.execute(query, (part,)).fetchall() != [(len(texts), text_digest(texts))]:
        raise beyond_trust(named(path), f"its {part} is not as it was written")


def _rows(db: sqlite3.Connection, where: str, *bounds: int) -> pd.DataFrame:
    query = f"SELECT * FROM trials {where} ORDER BY trial"  # noqa: S608
    # In chunks, as the rows of a million trials take a third of a gigabyte as Python objects.
    chunks = list(pd.read_sql_query(query, db, params=bounds or None, chunksize=_TOGETHER))
    return pd.concat(chunks, ignore_index=True) if len(chunks) > 1 else chunks[0]


def _readable(db: sqlite3.Connection, path: Path | None, sums: dict[int, Sum]) -> pd.DataFrame:
    """The rows of all readable blocks, if not all rows are readable."""
    found = []
    for block in sorted(sums):
        bounds = block * BLOCK, (block + 1) * BLOCK - 1
        with suppress(DamagedError), in_one_line(path):
            found.append(_rows(db, "WHERE trial BETWEEN ? AND ?", *bounds))
    names = [row[1] for row in db.execute("PRAGMA table_info(trials)")]
    return pd.concat(found) if found else pd.DataFrame(columns=names, dtype=np.int64)


def _planned(db: sqlite3.Connection) -> int | None:
    row = db.execute("SELECT value FROM manifest WHERE key = 'planned'").fetchone()
    return int(row[0]) if row is not None and str(row[0]).isdecimal() else None


def _structure(db: sqlite3.Connection) -> str:
    found = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if found == "ok" else " ".join(found.split())
