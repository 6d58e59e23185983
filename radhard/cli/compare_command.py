"""The verb ``compare``: is one run better than another?"""

from pathlib import Path

import click

from radhard.cli.early import RUN_FILE, file_of
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.options import prints_results

__all__ = ["compare"]


@click.command(short_help="Compare two runs.")
@click.argument("before", callback=file_of(RUN_FILE), type=click.Path(path_type=Path))
@click.argument("after", callback=file_of(RUN_FILE), type=click.Path(path_type=Path))
@click.option("--figure", help="Which figure, such as critical or accuracy.  [critical]")
@click.option(
    "--by",
    help="Split by tensor, layer, kind, role, format, plane, fault, exposure, gate, step, head, "
    "position, bit, field or rate.",
)
@click.option("--trust", is_flag=True, help="Allow components of other packages.")
@prints_results
def compare(
    before: Path, after: Path, figure: str | None, by: str | None, trust: bool, detail: str | None
) -> int:
    """Compare AFTER with BEFORE: both rates, their difference, each with its 95 % interval.

    Runs of the same faults are compared trial by trial, which gives much narrower intervals.

    \b
    Examples:
      radhard compare runs/base.db runs/hard.db
      radhard compare runs/float32.db runs/fixed.db --by layer
    """
    with imports_uncollected():
        from radhard.cli.actions.compare_action import compared

    return compared(before, after, figure, by, trust, detail)
