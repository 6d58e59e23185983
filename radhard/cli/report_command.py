"""The verb ``report``: a run, or an analysis, as a page."""

from pathlib import Path

import click

from radhard.cli.early import RUN_FILE, file_of
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.json_document import json_document
from radhard.cli.options import prints_results
from radhard.cli.parameter_types import Number
from radhard.escaping import printable

__all__ = ["report"]

_FILE = "there is no run file or file of scores '{}'"


@click.command(short_help="Write the report of a run or of scores.")
@click.argument(
    "files", nargs=-1, required=True, callback=file_of(_FILE), type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Page or table.  [first FILE with .html]",
)
@click.option(
    "--fit-per-bit",
    type=Number(0),
    help="Of a run: raw rate, failures per 1e9 h and bit.",
)
@click.option(
    "--against",
    callback=file_of(RUN_FILE),
    type=click.Path(path_type=Path),
    help="Of scores: campaign on the same model to compare with.",
)
@click.option(
    "--ranges",
    callback=file_of("there is no file of ranges '{}'"),
    type=click.Path(path_type=Path),
    help="Of scores: value ranges of DeepVigor.",
)
@click.option("--trust", is_flag=True, help="Allow components of other packages.")
@prints_results
def report(
    files: tuple[Path, ...],
    output: Path | None,
    fit_per_bit: float | None,
    against: Path | None,
    ranges: Path | None,
    trust: bool,
    detail: str | None,
) -> int:
    """Write the report of FILES: one HTML page that needs no network, and a Markdown twin.

    A FILE is a run file, also of an unfinished run, or scores written by `radhard analyze -o`.
    Scores of several analyses of one model share a page; so does a run with those of its hardened
    versions (radhard verify --store), as cost against resilience. Two other runs, such as those of
    two formats, are compared. With -o trials.csv (or .parquet), all trials of a run are written as
    a table, with the weights by which rates can be computed from it.

    \b
    Examples:
      radhard report runs/base.db
      radhard report runs/base.db -o base.html --fit-per-bit 1e-4
      radhard report runs/base.db -o trials.csv
      radhard report scores.json --against runs/base.db
      radhard report runs/float.db runs/fixed.db -o formats.html
      radhard report runs/base.db runs/ranger.db runs/duplicated.db -o ways.html
    """
    with imports_uncollected():
        from radhard.cli.actions.report_action import reported

    paths = reported(files, output, fit_per_bit, against, ranges, trust)
    if detail == "json":
        click.echo(json_document({"files": {"report": [str(path) for path in paths]}}))
    else:
        for path in paths:
            click.echo(printable(str(path)))
    return 0
