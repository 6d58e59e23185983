"""How are rows of a page written as comma-separated values?"""

import csv
import io
from collections.abc import Iterable, Sequence

from radhard.escaping import visible

__all__ = ["csv_text"]


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    r"""Rows as comma-separated values, in characters that can be encoded.

    >>> csv_text([("tensor", "rate"), ("fc1", "2 %"), ("=1+1", "0 %")])
    "tensor,rate\nfc1,2 %\n'=1+1,0 %\n"
    """
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([_harmless(c) for c in r] for r in rows)
    return file.getvalue()


def _harmless(cell: str) -> str:
    """A cell whose text no spreadsheet takes for a formula."""
    text = visible(cell)
    return f"'{text}" if text[:1] in ("=", "@", "+") else text
