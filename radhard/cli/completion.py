"""Which names does a shell complete?"""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

from radhard.cli.docstrings import described

__all__ = ["names_of"]

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def names_of(*families: str) -> Completion:
    """The completion of an option that takes components of some families."""

    def completed(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        return [
            CompletionItem(name, help=part.summary)
            for family in families
            for name, part in described(family).items()
            if name.lower().startswith(begun.lower())
        ]

    return completed
