"""How is a file replaced atomically?"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from radhard.files.folders import missing_folders

__all__ = ["check_writable", "replaced", "usual_rights", "write_texts"]


@contextmanager
def replaced(path: str | Path) -> Iterator[Path]:
    """A temporary file next to ``path``, which replaces it at the end.

    Where anything goes wrong on the way, a full disk or Ctrl-C too, what was at ``path`` stays as
    it was, and nothing else is left.

    Raises:
        OSError: the file cannot be written, or it is a folder, a device or the like.
    """
    # The target of a link, so that the link remains a link.
    path = Path(os.path.realpath(path))
    # With the rights of root, a file would take the place of /dev/null.
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no file")
    # In the same folder, as only within one file system a file replaces another in a single step.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        # The permissions of the previous file, or those of a new file.
        beside.chmod(path.stat().st_mode & 0o777 if path.exists() else usual_rights(0o666))
        with beside.open("rb") as written:
            # Without it, a crash of the machine might leave the new name with no content.
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write several texts atomically; no file is replaced before all texts are written.

    Raises:
        OSError: one of them cannot be written; then none has changed.
    """
    with ExitStack() as stack:
        for path, text in texts.items():
            stack.enter_context(replaced(path)).write_text(text, encoding="utf-8", newline="\n")


def check_writable(path: str | Path) -> None:
    """Check that a file can be written, before the work whose result it is to hold.

    Raises:
        OSError: it is a folder or no file, or its folder cannot be made or written to.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder")
    if path.exists() and not path.is_file():
        raise OSError(0, "it is no file")
    # Writing the file also follows a link whose target does not exist yet.
    path = Path(os.path.realpath(path))
    missing = missing_folders(path.parent)
    folder = missing[0].parent if missing else path.parent
    if missing and os.path.lexists(missing[0]):
        raise NotADirectoryError(0, f"{missing[0].name!r} is no folder")
    for part in (*(one.name for one in missing), path.name):
        with suppress(FileNotFoundError):
            os.lstat(folder / part)  # a name that the file system does not accept
    try:
        # Tried out: what rights say does not hold for root, nor in a read-only file system.
        handle, name = tempfile.mkstemp(dir=folder, prefix=".")
        os.close(handle)
        Path(name).unlink()
    except (PermissionError, FileNotFoundError) as error:
        # A file system that takes no new files says that there is none, which misleads.
        why = f": {error.strerror}" if isinstance(error, PermissionError) else ""
        raise PermissionError(0, f"the folder {str(folder)!r} cannot be written to{why}") from error


def usual_rights(most: int) -> int:
    """The permissions of new files: ``most`` without the bits of the umask."""
    # The only way to read it is to set it.
    mask = os.umask(0)
    os.umask(mask)
    return most & ~mask
