"""The verb ``analyze``: which parts of a model are vulnerable?"""

from pathlib import Path
from typing import Any

import click

from radhard.cli.completion import names_of
from radhard.cli.early import RUN_FILE, file_of, spec_of
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.options import names_a_model, prints_results
from radhard.cli.parameter_types import WholeNumber

__all__ = ["analyze"]


@click.command(short_help="Predict which parts of a model are vulnerable.")
@names_a_model
@prints_results
@click.option(
    "--with",
    "analyses",
    multiple=True,
    callback=spec_of("analyses", "analysis"),
    shell_complete=names_of("analyses"),
    help="An analysis; may be repeated.",
)
@click.option(
    "--against",
    callback=file_of(RUN_FILE),
    type=click.Path(path_type=Path),
    help="Campaign on the same model to compare with.",
)
@click.option("--compare", is_flag=True, help="Only the comparison of analyses, without rankings.")
@click.option("--top", type=WholeNumber(1), default=10, show_default=True, help="Parts to print.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the scores here (JSON); one file per analysis.",
)
@click.option(
    "--ranges",
    type=click.Path(path_type=Path),
    help="Write the value ranges of DeepVigor here (.npz).",
)
@click.option("--report", type=click.Path(path_type=Path), help="Write the report here (HTML).")
def analyze(**options: Any) -> int:
    """Predict which layers, channels, neurons or bits of MODEL are vulnerable.

    A prediction takes minutes where a campaign takes days, and may be wrong: --against says how
    well a campaign on the same model confirms it. Options for MODEL, its data, format and weights
    that are not given are then those of the campaign. `radhard list analyses` shows what
    --with may name.

    \b
    Examples:
      radhard analyze lenet5 --data mnist --n 100 --with "MaxValue()"
      radhard analyze --with "MaxValue()" --against runs/base.db -o scores.json --report blame.html
      radhard analyze net.py:build --data net.py:test_set --with "mine:Scores(k=2)" \\
          --with "MaxValue()" --against runs/net.db --compare

    Several analyses are compared in a table: rank correlation with the campaign, overlap of the
    worst tenths, error and cost.
    """
    with imports_uncollected():
        from radhard.cli.actions.analyze_action import AnalyzeAction

    return AnalyzeAction(**options).carry_out()
