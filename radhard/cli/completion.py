"""Which names does a shell complete?"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from radhard.cli.docstrings import described

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["names_of"]

Completion = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def names_of(*families: str) -> Completion:
    """The completion of an option that takes components of some families."""

    def completed(_: click.Context, __: click.Parameter, begun: str) -> "list[CompletionItem]":
        # Only where it is used, as every command is made with the completions of its options.
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=part.summary)
            for family in families
            for name, part in described(family).items()
            if name.lower().startswith(begun.lower())
        ]

    return completed
