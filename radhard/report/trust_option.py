"""Do the commands on a page need ``--trust``, since the files that they read name code?"""

import re
from collections.abc import Iterator
from pathlib import Path

from radhard.errors import InputError
from radhard.factory import named
from radhard.results import Results

__all__ = ["trust_to_execute", "trust_to_open"]

_FOREIGN = re.compile(r"\s*[A-Za-z_][\w.]*:[A-Za-z_]\w*\s*(\(|$)")
"""A component of another package, such as ``package.module:Mine(n=2)``."""


def trust_to_execute(*runs: Results) -> str:
    """The option `` --trust`` for a command that executes trials of these runs again.

    It is needed if they, or the folder of a hardened model in them, name code of the user's own;
    otherwise the text is empty.
    """
    return " --trust" if any(map(_names_code, runs)) else ""


def trust_to_open(run: Results) -> str:
    """The option `` --trust`` for a command that only reads a run; empty if it is not needed."""
    return " --trust" if any(map(_FOREIGN.match, _specs(run))) else ""


def _names_code(run: Results) -> bool:
    texts = [run.manifest.get(name) for name in ("model", "data", "call")]
    if any(_is_code(text) for text in texts if isinstance(text, str)):
        return True
    return bool(trust_to_open(run))


def _is_code(text: str) -> bool:
    """Whether the text of a model, data or call names a file or module of the user's own."""
    if (Path(text) / "recipe.json").is_file():
        # Here, as the page of a run needs no code of hardenings.
        from radhard.hardenings.hardened_files import base_of

        try:
            return _is_code(base_of(text))
        except InputError:  # its command will say so
            return False
    try:
        return text.strip().endswith(".pt2") or named(text)[0] is not None
    except InputError:
        return False


def _specs(run: Results) -> Iterator[str]:
    space = run.space
    for part in (*space.targets, *space.faults, *space.formats, run.sampler):
        yield repr(part)
    metrics = run.manifest.get("metrics")
    yield from map(str, metrics if isinstance(metrics, list | tuple) else ())
