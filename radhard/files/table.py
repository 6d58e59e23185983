"""How is a table written as a file?"""

from pathlib import Path

import pandas as pd

from radhard.errors import InputError
from radhard.escaping import printable
from radhard.files.atomic import replaced
from radhard.files.folders import make_folder

__all__ = ["write_table"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a cell of text for a formula, or for another cell."""


def write_table(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a table as ``.csv``, or as ``.parquet`` where pyarrow is installed.

    In a ``.csv`` text that a spreadsheet would take for a formula has a quote in front of it:
    names of layers are anybody's. Control characters are marked. Numbers stay numbers.

    Raises:
        InputError: another kind of file, no pyarrow, or a place that cannot be written.
    """
    path = Path(path)
    try:
        make_folder(path.parent)
        if path.suffix == ".csv":
            safe = frame.map(_as_text).rename(columns=_as_text)
            with replaced(path) as beside:
                safe.to_csv(beside, index=False)
        elif path.suffix == ".parquet":
            with replaced(path) as beside:
                frame.to_parquet(beside, index=False)
        else:
            raise InputError(f"{str(path)!r}: name a .csv or a .parquet file")
    except ImportError:
        raise InputError(
            "parquet files need pyarrow: pip install 'radhard[parquet]'; or export to .csv"
        ) from None
    except OSError as error:
        raise InputError(f"{str(path)!r}: {error.strerror or error}") from error
    return path


def _as_text(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    return ("'" if cell.startswith(_FORMULA) else "") + printable(cell)
