"""The verb ``report``: a run as a page to read and to print."""

from pathlib import Path

import click

__all__ = ["report"]


@click.command(short_help="Write a run as a page to read and to print.")
@click.argument("run_file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="[RUN_FILE with .html]")
@click.option(
    "--fit-per-bit", type=click.FloatRange(0), help="Raw rate: failures per 1e9 h and bit."
)
@click.option("--trust", is_flag=True, help="Import components of other packages the file names.")
def report(run_file: Path, output: Path | None, fit_per_bit: float | None, trust: bool) -> int:
    """Write the report of RUN_FILE: one HTML page that needs no network, and a Markdown twin.

    A run that is unfinished, or still going on, is reported as far as it is.

    \b
    Examples:
      radhard report runs/base.db
      radhard report runs/base.db -o base.html --fit-per-bit 1e-4
    """
    from radhard.report import write
    from radhard.results import Results

    results = Results.open(run_file, foreign=trust)
    output = run_file.with_suffix(".html") if output is None else output
    for path in write(results, output, store=run_file, fit_per_bit=fit_per_bit):
        click.echo(path)
    return 0
