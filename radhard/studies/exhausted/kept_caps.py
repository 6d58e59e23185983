"""Which caps do the faults of an exhausted table have, and how are they kept?"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radhard.caps import Caps, CapTable
from radhard.caps.cap_table import Audit
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.files import make_folder, write_table
from radhard.fingerprint import fingerprint
from radhard.studies.exhausted.exhausted_table import ExhaustedTable
from radhard.workload import Workload

__all__ = ["kept_caps"]

_VERSION = "radhard caps 1"
"""To be raised when a source finds other caps than before; kept ones are then found again."""


def kept_caps(
    source: Caps, table: ExhaustedTable, data: Data, folder: Path, seed: int
) -> tuple[CapTable, float]:
    """The caps of all faults on some data, with the processor time that it took to find them.

    They are kept in a Parquet file in the folder, as proofs about deep networks take long, and are
    found again if that is of another network, other data, another seed or an earlier version.

    Args:
        source: where the caps come from.
        table: the faults.
        data: the samples, all of the table or the first ones.
        folder: where the caps are kept.
        seed: of the audit.

    Raises:
        InputError: the source does not apply to the network, or the folder cannot be written.
    """
    identity = {
        "version": _VERSION,
        "by": repr(source),
        "model": fingerprint(table.model),
        "data": data.fingerprint(),
        "faults": len(table.space),
        "seed": seed,
    }
    kind = "".join(c if c.isalnum() else "-" for c in repr(source).lower()).strip("-")
    format = "".join(c if c.isalnum() else "-" for c in repr(table.format).lower()).strip("-")
    path = folder / f"caps-{format}-{len(data)}-{kind}.parquet"
    if path.is_file() and (found := _read(path, identity)) is not None:
        return found
    workload, start = Workload.of(table.model, data, seed=seed), time.process_time()
    with workload.open():
        caps = source.find(workload, table.space)
    seconds = time.process_time() - start
    assert isinstance(caps, CapTable)
    _write(path, caps, {**identity, "seconds": seconds})
    return caps, seconds


def _write(path: Path, caps: CapTable, facts: dict[str, Any]) -> None:
    frame = pd.DataFrame({"cap": caps.caps})
    attributes: dict[Any, Any] = {
        **facts,
        "shares": dict(caps.shares),
        "left out": dict(caps.left_out),
        "elapsed": caps.seconds,
        "audit": None if caps.audit is None else [caps.audit.faults, caps.audit.wrong],
    }
    frame.attrs = attributes
    try:
        make_folder(path.parent)
    except OSError as error:
        raise InputError(f"{str(path.parent)!r} cannot be written: {error}") from error
    write_table(frame, path)


def _read(path: Path, identity: dict[str, Any]) -> tuple[CapTable, float] | None:
    """The caps in a file; None if they are those of something else, or cannot be read."""
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError):
        return None
    facts = dict(frame.attrs)
    if any(facts.get(key) != value for key, value in identity.items()):
        return None
    caps = frame["cap"].to_numpy(np.float32)
    if len(caps) != identity["faults"]:
        return None
    audit = None if facts["audit"] is None else Audit(*facts["audit"])
    table = CapTable(
        str(facts["by"]), caps, facts["shares"], facts["left out"], facts["elapsed"], audit
    )
    return table, float(facts["seconds"])
