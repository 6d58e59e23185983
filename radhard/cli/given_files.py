"""Which file was given where a model is expected, and which command takes it?"""

import shlex
from pathlib import Path

from radhard.errors import InputError

__all__ = ["check_model_file", "check_verify_arguments"]

_SQLITE = b"SQLite format 3\0"
_OWN = "give an included model, such as lenet5, your own as file.py:function, or a hardened folder"
_RECIPE = "recipe.json"
_PAGES = (".html", ".md", ".pdf", ".json", ".npz", ".xml", ".db")


def check_model_file(text: str, verb: str) -> None:
    """Check that the text of a model does not name a file of another kind.

    Raises:
        InputError: it names a run file, scores, a page, or a folder without a hardened model; the
            message names the command that takes it.
    """
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            # `hardened_files` says what is wrong with a folder that was being written.
            if any(path.glob(f"*{_RECIPE}*")) or any(path.parent.glob(f".{path.name}*")):
                return
            raise InputError(f"{text!r} is a folder without a hardened model; {_OWN}")
        is_run = path.suffix == ".db" or (path.is_file() and _starts(path) == _SQLITE)
        if not path.exists() and path.suffix in _PAGES:
            raise InputError(f"there is no file {text!r}, and it would be no model; {_OWN}")
    except OSError:  # a name that the file system does not take; it is reported when it is read
        return
    if is_run:
        raise InputError(f"{text!r} is a run file and no model; {_of_run(text, verb)}")
    if path.suffix in _PAGES and path.is_file():
        raise InputError(f"{text!r} is a {path.suffix} file and no model; {_OWN}")


def check_verify_arguments(run: Path, model: str | None) -> None:
    """Check that `radhard verify` has a run and a hardened model, in this order.

    Raises:
        InputError: it has not.
    """
    if run.is_dir():
        raise InputError(
            f"{str(run)!r} is a folder and no run file; the run comes first: radhard verify "
            f"runs/base.db --model {shlex.quote(str(run))}"
        )
    if model is None:
        raise InputError(
            f"no hardened model was given; for example: radhard verify {shlex.quote(str(run))} "
            "--model hard, where radhard harden -o hard wrote it"
        )


def _of_run(text: str, verb: str) -> str:
    """Which command is meant where a run file is given as the model of a verb."""
    file = shlex.quote(text)
    if verb == "run":
        return (
            f"to continue or repeat its campaign: radhard run --from {file} --store {file}; for "
            f"its report: radhard report {file}"
        )
    if verb == "analyze":
        return f"to compare with its campaign: radhard analyze --with 'MaxValue()' --against {file}"
    if verb == "verify":
        return (
            "the run comes first: radhard verify RUN --model HARDENED, where HARDENED is what "
            "radhard harden -o wrote"
        )
    return _OWN


def _starts(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE))
