"""How many samples does each fault of a network harm, and how is that kept?"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, Engine, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.files import make_folder, write_table
from radhard.fingerprint import fingerprint
from radhard.formats import Format, stored_as
from radhard.metrics import Critical
from radhard.results import Results
from radhard.samplers import Exhaustive, Given
from radhard.space import FaultSpace
from radhard.studies.network_campaign import BATCH
from radhard.studies.study import Plan
from radhard.targets import Biases, Weights

__all__ = ["ExhaustedTable", "exhausted_table"]

_VERSION = "radhard ground truth 1"

_CHECKED = 1000
"""Faults, drawn from all, that `Serial` repeats: most verdicts of a table are inferred."""


@final
@dataclass(frozen=True, eq=False)
class ExhaustedTable:
    """All single bit flips of a network's weights and biases, with the samples that each harms."""

    network: str
    format: Format
    model: nn.Module
    """Stored in the format."""
    data: Data
    space: FaultSpace
    harmed: npt.NDArray[np.uint16]
    """By number of the fault: the samples with another prediction than without it."""
    seconds: float
    """Processor time that it took, with one process."""
    checked: int
    """Faults that were injected again by `Serial`."""
    differing: int
    """Those of them for which the number of harmed samples was another."""
    audit: Mapping[str, Any]
    """Where the engine audits what it infers: the rate with the interval of the audit, and the
    verdicts of each tensor, how many of them were inferred, executed as well, and wrong."""

    @property
    def harm(self) -> npt.NDArray[np.float64]:
        """The share of the samples that each fault harms."""
        return self.harmed / len(self.data)

    @property
    def rate(self) -> float:
        """The mean harm over all faults."""
        return float(self.harm.mean())

    @property
    def sha256(self) -> str:
        """Of the harmed samples of all faults in order, in two bytes each, the lower one first.

        Unlike one of the file, it does not depend on how that is compressed.
        """
        return _digest(self.harmed)

    @property
    def index(self) -> dict[str, Any]:
        """What identifies the table, as plain values."""
        return {
            "network": self.network,
            "format": repr(self.format),
            "samples": len(self.data),
            "faults": len(self.space),
            "rate": self.rate,
            "harmless": float((self.harmed == 0).mean()),
            "sha256": self.sha256,
            "seconds": self.seconds,
            "checked": self.checked,
            "differing": self.differing,
            **({"audit": self._audited()} if self.audit else {}),
        }

    def _audited(self) -> dict[str, Any]:
        """The audit, with the rate of every tensor."""
        starts, tensors = self.space.starts.tolist(), dict(self.audit["tensors"])
        for place in range(len(self.space.regions)):
            name = self.space.name(place)
            own = self.harmed[starts[place] : starts[place + 1]]
            rate = float(own.mean()) / len(self.data)
            tensors[name] = {**tensors[name], "faults": len(own), "rate": rate}
        return {**self.audit, "tensors": tensors}


def exhausted_table(
    name: str,
    model: nn.Module,
    data: Data,
    format: Format,
    path: Path,
    plan: Plan,
    engine: Engine | None = None,
) -> ExhaustedTable:
    """The table in a Parquet file, which is made by injecting every fault if there is none.

    If that is stopped, what was found is kept beside it in a run file, and continued.

    Args:
        name: of the network.
        model: the network; it stays as it is.
        data: the samples.
        format: in which weights and biases are stored.
        path: the file, ``.parquet``.
        plan: seed, number of processes and progress.
        engine: what injects the faults; by default `Bracket` without an audit.

    Raises:
        InputError: the file is of another network, other data or an earlier version; there is no
            pyarrow; or the folder cannot be written.
    """
    stored = stored_as(model, format)
    space = FaultSpace.of(stored, [Weights("*"), Biases("*")], BitFlip(), format)
    identity = {
        "version": _VERSION,
        "network": name,
        "format": repr(format),
        "samples": len(data),
        "faults": len(space),
        "model": fingerprint(stored),
        "data": data.fingerprint(),
    }
    if not path.exists():
        _make(path, identity, stored, data, space, plan, engine or Bracket(audit=0.0))
    frame = _read(path)
    facts = dict(frame.attrs)
    if wrong := [key for key, value in identity.items() if facts.get(key) != value]:
        raise InputError(
            f"{str(path)!r} is a table of another {wrong[0]}; name another folder with --store, or "
            "remove the file"
        )
    table = ExhaustedTable(
        name,
        format,
        stored,
        data,
        space,
        frame["harmed"].to_numpy(np.uint16),
        float(facts["seconds"]),
        int(facts["checked"]),
        int(facts["differing"]),
        dict(facts.get("audit") or {}),
    )
    if table.sha256 != facts["sha256"]:
        raise InputError(f"{str(path)!r} is damaged; remove the file to make it again")
    return table


def _make(
    path: Path,
    identity: dict[str, Any],
    model: nn.Module,
    data: Data,
    space: FaultSpace,
    plan: Plan,
    engine: Engine,
) -> None:
    """Inject every fault, and write the table."""
    plan.report(f"{identity['network']}, {identity['format']}: all {len(space):,} flips")
    try:
        make_folder(path.parent)
    except OSError as error:
        raise InputError(f"{str(path.parent)!r} cannot be written: {error}") from error
    begun = path.with_suffix(".db")
    # A run that is continued has only the time of what is left; the earlier parts are added up.
    before = begun.with_suffix(".seconds")
    spent = float(before.read_text(encoding="utf-8")) if before.is_file() else 0.0
    start = time.process_time()
    try:
        results = _run(model, data, space, engine, plan, begun)
    finally:
        seconds = spent + time.process_time() - start
        before.write_text(repr(seconds), encoding="utf-8")
    # Counts of samples, from means that floats have rounded.
    values = results.values()
    harmed = np.round(values * len(data)).astype(np.uint16)
    checked, differing = _repeated(model, data, space, plan, harmed)
    frame = _frame(space, harmed)
    facts: dict[Any, Any] = {
        **identity,
        "sha256": _digest(harmed),
        "rate": float(values.mean()),
        "seconds": seconds,
        "checked": checked,
        "differing": differing,
        "engine": repr(engine),
        "audit": _audit(results, space, len(data)),
    }
    frame.attrs = facts
    write_table(frame, path)
    for file in (begun, before):
        file.unlink(missing_ok=True)


def _digest(harmed: npt.NDArray[np.uint16]) -> str:
    return hashlib.sha256(harmed.astype("<u2").tobytes()).hexdigest()


def _repeated(
    model: nn.Module,
    data: Data,
    space: FaultSpace,
    plan: Plan,
    harmed: npt.NDArray[np.uint16],
) -> tuple[int, int]:
    """How many faults `Serial` repeats, and with how many of them it finds another number."""
    rng = np.random.default_rng(plan.seed)
    again = np.sort(rng.choice(len(space), min(_CHECKED, len(space)), replace=False))
    sampler = Given(tuple(again.tolist()))
    values = _run(model, data, space, Serial(), plan, None, sampler).values()
    return len(again), int((np.round(values * len(data)) != harmed[again]).sum())


def _frame(space: FaultSpace, harmed: npt.NDArray[np.uint16]) -> pd.DataFrame:
    """A row for each fault of the space, in its order."""
    places, words, variants = space.locate(np.arange(len(space)))
    names = [space.name(place) for place in range(len(space.regions))]
    return pd.DataFrame(
        {
            "tensor": pd.Categorical.from_codes(places, categories=pd.Index(names)),
            "word": words.astype(np.int32),
            "bit": variants.astype(np.uint8),
            "harmed": harmed,
        }
    )


def _run(
    model: nn.Module,
    data: Data,
    space: FaultSpace,
    engine: Engine,
    plan: Plan,
    store: Path | None,
    sampler: Exhaustive | Given | None = None,
) -> Results:
    """All faults injected, or those of the sampler."""
    return run(
        model,
        data,
        space,
        Exhaustive() if sampler is None else sampler,
        metrics=[Critical()],
        engine=engine,
        seed=plan.seed,
        store=store,
        batch=BATCH,
        audit=0.0,
        progress=plan.progress,
        workers=1 if plan.workers is None else plan.workers,
    )


def _audit(results: Results, space: FaultSpace, samples: int) -> dict[str, Any]:
    """What is known of the inferred verdicts; nothing if none of them was executed."""
    tensors: dict[str, dict[str, int]] = {}
    for record in results.inferences:
        if record.kind != "pairs":
            continue
        one = tensors.setdefault(record.tensor, {"inferred": 0, "executed": 0, "wrong": 0})
        for tally in (record.harmless, record.harmful):
            one["inferred"] += tally.inferred
            one["executed"] += tally.tried
            one["wrong"] += tally.wrong
    if not any(one["executed"] for one in tensors.values()):
        return {}
    starts = space.starts.tolist()
    for place in range(len(space.regions)):
        name = space.name(place)
        one = tensors.setdefault(name, {"inferred": 0, "executed": 0, "wrong": 0})
        one["verdicts"] = (starts[place + 1] - starts[place]) * samples
    rate = results.rate()
    return {"rate": [rate.value, rate.low, rate.high], "tensors": tensors}


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ImportError:
        raise InputError("tables need pyarrow: pip install 'radhard[parquet]'") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read ({error}); remove it") from None
