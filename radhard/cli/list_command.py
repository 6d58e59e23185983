"""The verb ``list``: which components are there?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["listing"]


@click.command("list", short_help="List every component that an option may name.")
@click.argument("family", required=False)
def listing(family: str | None) -> int:
    """List every component that an option may name, each with its one-line meaning.

    \b
    Examples:
      radhard list
      radhard list samplers
    """
    from rich.console import Console

    from radhard.errors import InputError
    from radhard.spec import near

    families = _families()
    if family is not None and family not in families:
        raise InputError(
            f"there is no family {family!r}: {near(family, list(families))}one of "
            f"{', '.join(families)}"
        )
    console = Console()
    for name, rows in families.items():
        if family in (None, name):
            console.print(_table(name, rows), highlight=False)
            console.print()
    return 0


def _families() -> dict[str, list[tuple[str, str]]]:
    """The components of each family, with their meanings."""
    from radhard import datasets, models
    from radhard.accelerators import ACCELERATORS
    from radhard.analyses import ANALYSES
    from radhard.engines import ENGINES
    from radhard.executors import EXECUTORS
    from radhard.faults import FAULTS
    from radhard.formats import FORMATS
    from radhard.hardenings import HARDENINGS
    from radhard.metrics import METRICS
    from radhard.samplers import SAMPLERS
    from radhard.targets import TARGETS

    return {
        "models": models.listed(),
        "datasets": datasets.listed(),
        "targets": TARGETS.listed(),
        "accelerators": ACCELERATORS.listed(),
        "faults": FAULTS.listed(),
        "formats": FORMATS.listed(),
        "samplers": SAMPLERS.listed(),
        "engines": ENGINES.listed(),
        "executors": EXECUTORS.listed(),
        "metrics": METRICS.listed(),
        "analyses": ANALYSES.listed(),
        "hardenings": HARDENINGS.listed(),
    }


def _table(name: str, rows: Sequence[tuple[str, str]]) -> "Table":
    from rich.table import Table

    table = Table(
        box=None,
        title=name,
        title_justify="left",
        title_style="bold",
        show_header=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table
