"""How are the intact trials of a damaged run file saved?"""

import shutil
from pathlib import Path

from radhard.store.damage import Damage, DamagedError
from radhard.store.failures import in_one_line
from radhard.store.log import log_damage, log_of
from radhard.store.opening import alone, check_header
from radhard.store.store import Store

__all__ = ["repair"]


def repair(path: str | Path) -> str:
    """Leave only trials that can be trusted in a run file; what was done, or "" if it is whole.

    The damaged file is kept beside it, with ``.damaged`` behind its name. Where nothing can be
    trusted, nothing is left at ``path``, and the run begins anew.

    Raises:
        InputError: the file is no run file, or the folder cannot be written.
    """
    path = Path(path)
    if not path.is_file() or not path.stat().st_size:
        return ""
    with in_one_line(path), alone(path):
        with path.open("rb") as file:
            check_header(path, file.read(100))
        # Before the file is opened for writing: SQLite would take over the intact part of the
        # log and delete the rest, and with it the evidence.
        damaged_log = log_damage(path)
        try:
            saved, manifest = _saved(path)
        except DamagedError:
            saved, manifest = None, {}
        if saved is not None and not saved and not damaged_log:
            return ""
        # Copied first, so that an interruption loses nothing.
        aside = path.with_name(path.name + ".damaged")
        shutil.copy2(path, aside)
        if log_of(path).exists():
            shutil.copy2(log_of(path), log_of(aside))
        fresh = path.with_name(path.name + ".repaired")
        fresh.unlink(missing_ok=True)
        if saved is not None:
            _write(fresh, saved, manifest)
        # A log that stays would be replayed into the new file, which it does not belong to.
        for old in (log_of(path), path.with_name(path.name + "-shm")):
            old.unlink(missing_ok=True)
        if saved is None:
            path.unlink()
        else:
            fresh.replace(path)
    kept = f"the damaged file is kept as {aside.name!r}"
    if saved is None:
        return f"The run file was damaged as a whole and all trials were executed again; {kept}."
    if saved.blocks:
        return f"The run file was damaged: {saved.trials} were executed again; {kept}."
    if damaged_log:
        return f"The log of the run file was damaged: trials missing in it were executed; {kept}."
    return f"The run file was damaged ({saved.structure}) and was copied, all trials whole; {kept}."


def _saved(path: Path) -> tuple[Damage, dict[str, object]]:
    # For reading first: a log is then not taken over into the file before it is copied.
    with Store(path, whole_log=False) as store:
        return (Damage((), store.frame(), None), {}) if store.empty else _inspected(store)


def _inspected(store: Store) -> tuple[Damage, dict[str, object]]:
    return store.inspect(), store.manifest()


def _write(path: Path, saved: Damage, manifest: dict[str, object]) -> None:
    figures = [str(name) for name in saved.trusted.columns[3:]]
    with Store(path, write=True) as store:
        store.begin(manifest, figures)
        frame = saved.trusted.astype(object).where(saved.trusted.notna(), None)
        store.add(list(frame.itertuples(index=False, name=None)))
