"""The verb ``list``: which components are there, and what is one of them?"""

from textwrap import fill

import click

from radhard.cli.completion import names_of
from radhard.cli.docstrings import described
from radhard.cli.early import FAMILIES
from radhard.cli.explanation import explained
from radhard.errors import InputError
from radhard.spec import near

__all__ = ["listing"]

_FAMILIES = ("models", "datasets", "targets", *(f for f in FAMILIES if f != "targets"))
_WIDEST = 100


@click.command("list", short_help="List the components, or explain one.")
@click.argument("name", required=False, shell_complete=names_of(*_FAMILIES))
def listing(name: str | None) -> int:
    """List every component that an option may name, each with its one-line meaning.

    NAME is a family, "studies", or a component: its arguments with their defaults, an example,
    what it costs, the publication that it comes from, and the file that defines it.

    \b
    Examples:
      radhard list
      radhard list samplers
      radhard list PerTensor
    """
    if name == "studies":
        return _list_studies()
    import shutil  # only where it is used, as all commands are imported for any of them

    width = shutil.get_terminal_size().columns
    if name is None or name in _FAMILIES:
        for family in _FAMILIES if name is None else (name,):
            for line in _lines(family, width):
                click.echo(line)
        if name is None:
            click.echo("studies: radhard list studies")
        return 0
    found = [(family, described(family)[name]) for family in _FAMILIES if name in described(family)]
    if not found:
        names = [*_FAMILIES, *(part for family in _FAMILIES for part in described(family))]
        raise InputError(
            f"there is no family and no component {name!r}: {near(name, names)}the families are "
            f"{', '.join(_FAMILIES)}, studies"
        )
    for family, part in found:
        for line in explained(family, part, min(width, _WIDEST)):
            click.echo(line)
    return 0


def _list_studies() -> int:
    # Of these the source alone does not say enough, and importing them takes seconds.
    from radhard.studies import STUDIES

    for study in STUDIES.values():
        click.echo(f"{study.name}: {study.title} ({study.source})")
    return 0


def _lines(family: str, width: int) -> list[str]:
    """The components of a family in two columns."""

    parts = described(family).values()
    longest = max(len(part.name) for part in parts)
    lines = [click.style(family, bold=True)]
    for part in parts:
        label = f"{part.name:<{longest}}  "
        text = fill(
            label + part.summary.replace("`", ""), width, subsequent_indent=" " * len(label)
        )
        lines.append(text.replace(label, click.style(label, fg="cyan"), 1))
    return [*lines, ""]
