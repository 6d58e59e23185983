"""How are several files of a folder replaced, all or none?"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from radhard.files.atomic import usual_rights
from radhard.files.folders import make_folder

__all__ = ["contents_replaced", "earlier_contents"]

_EARLIER = ".earlier"
"""The folder, inside the one that is written, that holds its files of before meanwhile."""


@contextmanager
def contents_replaced(folder: str | Path, names: Sequence[str]) -> Iterator[Path]:
    """A temporary folder to write the files ``names`` to, which become those of ``folder``.

    Where ``folder`` does not exist, the temporary one lies beside it and gets its name in a single
    step. Where it does, it may hold files of others, or be a mount point, which cannot change
    names: then a full copy of its files of before is kept inside (`earlier_contents`) while they
    are replaced, the last of ``names`` removed first and written last. A process that is killed
    leaves the files of before, the new ones, or the copy without the last of ``names``.

    Raises:
        OSError: the folder cannot be written; what it held is as it was.
    """
    folder = Path(os.path.realpath(folder))
    exists = folder.is_dir()
    make_folder(folder if exists else folder.parent)
    beside = Path(tempfile.mkdtemp(dir=folder if exists else folder.parent, prefix="."))
    try:
        yield beside
        for name in names:
            _flush(beside / name)
        if exists:
            _replace(folder, beside, names)
        else:
            beside.chmod(usual_rights(0o777))
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def earlier_contents(folder: str | Path, last: str) -> Path | None:
    """The folder of the previous files, if the process that replaced them was interrupted.

    ``last`` is the last of the names that `contents_replaced` was given.
    """
    earlier = Path(folder) / _EARLIER
    try:
        stopped = not (Path(folder) / last).is_file() and (earlier / last).is_file()
    except OSError:  # a name that the file system does not take
        return None
    return earlier if stopped else None


def _replace(folder: Path, beside: Path, names: Sequence[str]) -> None:
    earlier, last = folder / _EARLIER, folder / names[-1]
    if earlier_contents(folder, names[-1]) is None:
        shutil.rmtree(earlier, ignore_errors=True)
        if last.is_file():
            copy = beside / _EARLIER
            copy.mkdir()
            for name in names:
                if (folder / name).is_file():
                    _link(folder / name, copy / name)
            copy.chmod(usual_rights(0o777))
            # Complete before it has its name: a copy in the making is never taken for one.
            copy.rename(earlier)
    try:
        # Who finds no last file knows that the folder is being written, and takes the copy.
        last.unlink(missing_ok=True)
        for name in names:
            (beside / name).replace(folder / name)
    except BaseException:
        # The last one is written last: until then the copy is valid.
        for name in names:
            if (earlier / name).is_file():
                with suppress(OSError):
                    (earlier / name).replace(folder / name)
        raise
    finally:
        if last.is_file():
            shutil.rmtree(earlier, ignore_errors=True)


def _link(path: Path, to: Path) -> None:
    """A hard link to the file, or a copy if the file system does not support links."""
    try:
        os.link(path, to)
    except OSError:
        shutil.copy2(path, to)
        _flush(to)


def _flush(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())
