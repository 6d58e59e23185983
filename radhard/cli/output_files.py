"""Can the output files of a command be written?"""

import os
from pathlib import Path

from radhard.errors import InputError
from radhard.files import check_writable
from radhard.report import check_page

__all__ = ["check_outputs"]


def check_outputs(
    *,
    report: Path | None = None,
    scores: Path | None = None,
    ranges: Path | None = None,
    junit: Path | None = None,
    folder: Path | None = None,
    force: bool = False,
) -> None:
    """Check the places of all that is to be written, before the work that comes first.

    Raises:
        InputError: a name with another ending than the kind of file has, or a place that cannot be
            written.
    """
    if report is not None:
        check_page(report)
    for option, path, suffix in (
        ("-o", scores, ".json"),
        ("--ranges", ranges, ".npz"),
        ("--junit", junit, ".xml"),
    ):
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            raise InputError(f"{option} {str(path)!r}: name a file that ends in {suffix}")
        _check_writable(option, path)
    if folder is not None:
        # Not by Path.exists: it raises where a name is too long.
        if os.path.exists(folder) and not folder.is_dir():  # noqa: PTH110
            raise InputError(f"-o {str(folder)!r} cannot be written: it is a file; name a folder")
        if not force and os.path.isdir(folder) and os.listdir(folder):  # noqa: PTH112, PTH208
            raise InputError(
                f"-o {str(folder)!r} exists already and is not empty; name another folder, or add "
                "--force to replace its model"
            )
        for name in ("model.safetensors", "recipe.json"):
            _check_writable("-o", folder / name)


def _check_writable(option: str, path: Path) -> None:
    try:
        check_writable(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{option} {str(path)!r} cannot be written: {reason}") from error
