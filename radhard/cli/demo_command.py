"""The verb ``demo``: a campaign and its report in about a minute."""

from pathlib import Path

import click

from radhard.cli.options import prints_results
from radhard.cli.parameter_types import WholeNumber
from radhard.cli.run_command import run

__all__ = ["demo"]


@click.command(short_help="A campaign and its report in about a minute.")
@click.option("--folder", type=click.Path(path_type=Path), default="runs", show_default=True)
@click.option(
    "--n",
    "trials",
    type=WholeNumber(1),
    default=40,
    show_default=True,
    help="Trials per bit and tensor.",
)
@prints_results
def demo(folder: Path, trials: int, detail: str | None) -> int:
    """Flip bits in the weights of a trained LeNet-5, evaluate 100 digits, write a report.

    Every bit position of every weight tensor gets the same number of trials. An interrupted run
    is continued.

    \b
    Example:
      radhard demo --folder runs
    """
    outcome: int = run.main(
        [
            *("lenet5", "--data", "mnist", "--n", "100"),
            *("--sampler", f"PerBit({trials})", "--seed", "1"),
            *("--store", str(folder / "demo.db"), "--report", str(folder / "demo.html")),
            *(() if detail is None else (f"--{detail}",)),
        ],
        prog_name="radhard demo",
        standalone_mode=False,
    )
    return outcome
