"""The verb ``compare``: is one run better than another?"""

from pathlib import Path

import click

from radhard.cli.early import RUN_FILE, file_of

__all__ = ["compare"]


@click.command(short_help="Compare two runs.")
@click.argument("before", callback=file_of(RUN_FILE), type=click.Path(path_type=Path))
@click.argument("after", callback=file_of(RUN_FILE), type=click.Path(path_type=Path))
@click.option("--figure", help="Which figure, such as critical or accuracy.  [critical]")
@click.option(
    "--by",
    help="Split by tensor, layer, kind, role, format, plane, fault, exposure, gate, step, bit, "
    "field or rate.",
)
@click.option("--trust", is_flag=True, help="Allow components of other packages.")
def compare(before: Path, after: Path, figure: str | None, by: str | None, trust: bool) -> int:
    """Compare AFTER with BEFORE: both rates, their difference, each with its 95 % interval.

    Runs of the same faults are compared trial by trial, which is far sharper.

    \b
    Examples:
      radhard compare runs/base.db runs/hard.db
      radhard compare runs/float32.db runs/fixed.db --by layer
    """
    from radhard.comparison import compare as compared
    from radhard.results import Results

    old, new = (Results.open(path, foreign=trust) for path in (before, after))
    click.echo(repr(compared(old, new, figure, by=by)))
    return 0
