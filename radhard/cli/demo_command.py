"""The verb ``demo``: the whole way in about a minute."""

from pathlib import Path

import click

from radhard.cli.run_command import run

__all__ = ["demo"]


@click.command(short_help="A campaign and its report in about a minute.")
@click.option("--folder", type=click.Path(path_type=Path), default="runs", show_default=True)
@click.option(
    "--n",
    "trials",
    type=click.IntRange(1),
    default=40,
    show_default=True,
    help="Trials a bit and tensor.",
)
def demo(folder: Path, trials: int) -> int:
    """Flip bits in the weights of a trained LeNet-5, look at 100 real digits, write a report.

    Every bit position of every weight tensor is sampled alike. Run it again and it continues.

    \b
    Example:
      radhard demo --folder runs
    """
    outcome: int = run.main(
        [
            *("lenet5", "--data", "mnist", "--n", "100"),
            *("--sampler", f"PerBit({trials})", "--seed", "1"),
            *("--store", str(folder / "demo.db"), "--report", str(folder / "demo.html")),
        ],
        standalone_mode=False,
    )
    return outcome
