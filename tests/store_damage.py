"""How is a run file damaged, and is a figure ever another one without a word?

As a script: ``python -m tests.store_damage 2000`` damages finished and half-finished files so often
and counts what came of it.
"""

import collections
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

import numpy as np

from radhard.errors import InputError
from radhard.results import Results
from radhard.samplers import Exhaustive
from radhard.store import Store
from tests.small import campaign

__all__ = ["damaged", "half_finished", "opened", "tried"]

KINDS = ("one bit", "some bits", "truncation", "zeroed sector", "random sector", "zeroed page")


def half_finished(whole: Path, path: Path) -> None:
    """What a killed run leaves: some rows in the file, some in a log of several commits."""
    with sqlite3.connect(whole) as db:
        rows = db.execute("SELECT * FROM trials ORDER BY trial").fetchall()
    db.close()
    with Store(whole) as store:
        manifest = store.manifest()
    work = path.with_name("work.db")
    with Store(work, write=True) as store:
        store.begin(manifest, manifest["columns"])
        store.add(rows[:300])
        store.commit()
        reader = sqlite3.connect(work)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for at in range(300, 600, 60):
            store.add(rows[at : at + 60])
            store.commit()
        shutil.copy(work, path)
        shutil.copy(f"{work}-wal", f"{path}-wal")
        reader.close()


def damaged(content: bytes, kind: str, chance: np.random.Generator) -> bytes:
    """A file with one damage of a kind."""
    new = bytearray(content)
    if kind == "truncation":
        return bytes(new[: int(chance.integers(len(new)))])
    if kind in ("one bit", "some bits"):
        for _ in range(1 if kind == "one bit" else int(chance.integers(2, 20))):
            new[int(chance.integers(len(new)))] ^= 1 << int(chance.integers(8))
        return bytes(new)
    size = 4096 if kind == "zeroed page" else 512
    at = int(chance.integers(max(1, len(new) // size))) * size
    length = len(new[at : at + size])
    random = kind == "random sector"
    new[at : at + size] = chance.bytes(length) if random else bytes(length)
    return bytes(new)


def opened(path: Path) -> tuple[str, ...]:
    """All that a file says, to the last bit: trials, figures, and how many are done."""
    results = Results.open(path)
    # A weight is of all trials that are done, and another one where there are fewer.
    frame = results.to_frame().drop(columns="weight")
    figures = (repr(results.rate(c)) for c in results.columns)
    return (frame.to_csv(), *figures, repr(results.manifest))


def tried(times: int, seed: int = 0) -> collections.Counter[tuple[str, str, str]]:
    """What became of so many damaged files, by file, kind and outcome.

    Outcomes: "refused" in one line, "no effect" (every figure as before), "earlier" (the rows of
    an earlier commit, which a log that was cut off cannot be told from), or "UNNOTICED".
    """
    found: collections.Counter[tuple[str, str, str]] = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        whole, half = Path(folder, "whole.db"), Path(folder, "half.db")
        campaign(whole, sampler=Exhaustive())
        half_finished(whole, half)
        chance = np.random.default_rng(seed)
        targets = [("finished", whole, whole), ("half", half, half)]
        targets.append(("log", half, Path(f"{half}-wal")))
        before = {str(run): opened(_copied(run, Path(folder))) for _, run, _ in targets}
        rows = _rows_of(before[str(half)])
        for number in range(times):
            name, run, file = targets[number % len(targets)]
            kind = KINDS[number // len(targets) % len(KINDS)]
            victim = _copied(run, Path(folder))
            place = victim if file == run else Path(f"{victim}-wal")
            place.write_bytes(damaged(file.read_bytes(), kind, chance))
            try:
                now = opened(victim)
            except InputError as error:
                outcome = "refused" if "\n" not in str(error) else "MORE THAN ONE LINE"
            else:
                outcome = "no effect" if now == before[str(run)] else "UNNOTICED"
                if name == "log" and outcome == "UNNOTICED":
                    fewer = _rows_of(now)
                    earlier = len(fewer) < len(rows) and rows[: len(fewer)] == fewer
                    outcome = "earlier" if earlier and len(fewer) % 60 == 0 else outcome
            found[name, kind, outcome] += 1
    return found


def _rows_of(said: tuple[str, ...]) -> list[str]:
    return said[0].splitlines()[1:]


def _copied(run: Path, folder: Path) -> Path:
    victim = folder / "victim" / "run.db"
    shutil.rmtree(victim.parent, ignore_errors=True)
    victim.parent.mkdir()
    shutil.copy(run, victim)
    if Path(f"{run}-wal").exists():
        shutil.copy(f"{run}-wal", f"{victim}-wal")
    return victim


if __name__ == "__main__":
    for what, count in sorted(tried(int(sys.argv[1])).items()):
        print(*what, count)
