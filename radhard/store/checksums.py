"""How are the checksums of recorded trials computed?"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from radhard.stats import mixed

__all__ = ["BLOCK", "Sum", "block_sums", "frame_sums", "merged", "text_digest"]

BLOCK = 256
"""Number of consecutive trials in a block, which share a checksum."""

Sum = tuple[int, int]
"""The number of rows of a block, and the sum of their digests modulo 2**64, as a signed integer."""

Words = npt.NDArray[np.uint64]

_ABSENT = np.uint64(0x7FF8_DEAD_BEEF_0001)
"""Represents NULL, to which SQLite converts NaN."""


def block_sums(rows: Sequence[tuple[Any, ...]]) -> dict[int, Sum]:
    """Number of rows and sum of digests by block, of rows as they are written.

    The sum does not depend on the order of the rows, so rows can be added to blocks in any order.
    """
    if not rows:
        return {}
    # Column by column, because zip(*rows) would hold an iterator for every row.
    trial, fault, faults, *figures = ([row[at] for row in rows] for at in range(len(rows[0])))
    whole = [_whole(_integers(column)) for column in (trial, fault, faults)]
    real = [_real(np.array(column, dtype=np.float64)) for column in figures]
    return _sums(np.array(trial, dtype=np.int64), [*whole, *real])


def frame_sums(frame: pd.DataFrame) -> dict[int, Sum]:
    """The same for a table read from a file; values of the wrong type count as NULL."""
    if frame.empty:
        return {}
    whole = [_whole(_column(frame, at)) for at in range(3)]
    real = [_real(_column(frame, at)) for at in range(3, frame.shape[1])]
    return _sums(frame.iloc[:, 0].to_numpy(dtype=np.int64), [*whole, *real])


def merged(one: Mapping[int, Sum], two: Mapping[int, Sum]) -> dict[int, Sum]:
    """The sums of the blocks in ``two``, each added to the sum of the block in ``one``."""
    found = {}
    for block, (rows, digest) in two.items():
        before = one.get(block, (0, 0))
        found[block] = (rows + before[0], _signed((digest + before[1]) % 2**64))
    return found


def text_digest(texts: Iterable[Sequence[str | None]]) -> int:
    """A 64-bit digest of rows of text, independent of their order, as a signed integer."""
    digest = hashlib.blake2b(digest_size=8)
    for row in sorted(repr(tuple(row)) for row in texts):
        digest.update(row.encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return int.from_bytes(digest.digest(), "little", signed=True)


def _sums(trial: npt.NDArray[np.int64], columns: Sequence[Words]) -> dict[int, Sum]:
    digests = np.full(len(trial), 0x9E37_79B9_7F4A_7C15, dtype=np.uint64)
    for at, column in enumerate(columns):
        # The position of the column is mixed in, so that values which change places are noticed.
        digests = mixed(digests ^ mixed(column + np.uint64(at + 1)))
    blocks, rows = np.unique(trial // BLOCK, return_inverse=True)
    totals = np.zeros(len(blocks), dtype=np.uint64)
    # Sums wrap around modulo 2**64, as unsigned integers of numpy do. A sum, unlike XOR, also
    # notices a row that is there twice.
    np.add.at(totals, rows, digests)
    counts = np.bincount(rows, minlength=len(blocks))
    return {
        block: (count, _signed(total))
        for block, count, total in zip(
            blocks.tolist(), counts.tolist(), totals.tolist(), strict=True
        )
    }


def _integers(column: Sequence[Any]) -> npt.NDArray[Any]:
    """A column of integers, as objects where one is missing or too large."""
    found = np.array(column)
    return found if found.dtype == np.int64 else np.array(column, dtype=object)


def _column(frame: pd.DataFrame, at: int) -> npt.NDArray[Any]:
    return frame.iloc[:, at].to_numpy()


def _whole(values: npt.NDArray[Any]) -> Words:
    if values.dtype == np.int64:
        return values.view(np.uint64)
    found = np.full(len(values), _ABSENT)
    for at, value in enumerate(values.tolist()):
        if isinstance(value, int) and -(2**63) <= value < 2**63:
            found[at] = value % 2**64
    return found


def _real(values: npt.NDArray[Any]) -> Words:
    if values.dtype != np.float64:
        plain = [x if isinstance(x, int | float) else None for x in values.tolist()]
        values = np.array(plain, dtype=np.float64)
    # SQLite stores integral floats as integers, which have no negative zero.
    values = values + 0.0
    return np.where(np.isnan(values), _ABSENT, values.view(np.uint64))


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word
