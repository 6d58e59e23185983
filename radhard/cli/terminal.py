"""How much does a command print, and in which form?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console, RenderableType

from radhard.cli.json_document import json_document
from radhard.escaping import printable
from radhard.stats import LimitCheck

__all__ = ["Terminal"]


class Terminal:
    """What a command prints on standard output.

    ``detail`` is None for one screen of results, ``"verbose"`` for all of them, ``"quiet"`` for the
    headline and missed limits only, ``"json"`` for one JSON object and nothing else.
    """

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail
        self.console = Console(quiet=detail == "json")
        self.facts: dict[str, Any] = {}

    @property
    def verbose(self) -> bool:
        """Whether everything is to be printed."""
        return self.detail == "verbose"

    @property
    def quiet(self) -> bool:
        """Whether only the headline and missed limits are to be printed."""
        return self.detail == "quiet"

    def say(self, text: str, style: str = "", *, always: bool = False) -> None:
        """Print text without markup, with control characters escaped; ``always``: if quiet too."""
        if always or not self.quiet:
            self.console.print(printable(text), style=style, highlight=False, markup=False)

    def say_whole(self, text: str, *, always: bool = False) -> None:
        """Print a line without wrapping, so that it can be copied."""
        if always or not self.quiet:
            self.console.print(printable(text), soft_wrap=True, highlight=False, markup=False)

    def show(self, renderable: RenderableType) -> None:
        """Print a table, after an empty line."""
        if not self.quiet:
            self.console.print()
            self.console.print(renderable, highlight=False)

    def note_files(self, kind: str, *paths: Any) -> None:
        """Name files that were written."""
        self.facts.setdefault("files", {})[kind] = [str(path) for path in paths]
        for path in paths:
            self.say_whole(f"{kind + ':':<9} {path}")

    def judge(self, checks: Sequence[LimitCheck]) -> int:
        """Print PASS or FAIL for every limit that was asked for; the exit code."""
        self.facts["limits"] = [
            {**asdict(check), "passed": check.passed, "name": check.name} for check in checks
        ]
        self.facts["passed"] = all(check.passed for check in checks) if checks else None
        for check in checks:
            style = "bold green" if check.passed else "bold red"
            self.console.print(
                printable(str(check)), style=style, soft_wrap=True, highlight=False, markup=False
            )
        return 0 if all(check.passed for check in checks) else 1

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Print the JSON object, if one was asked for."""
        if self.detail == "json":
            click.echo(json_document({**facts, **self.facts}))
