"""The verb ``advise``: which commands answer my question?"""

from typing import Any

import click

from radhard.cli.completion import names_of
from radhard.cli.early import NO_WEIGHTS, file_of, known_data, known_function, known_model, spec_of
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.parameter_types import Number, Share, WholeNumber

__all__ = ["advise"]


@click.command(short_help="Say which commands answer a question.")
@click.argument("model", required=False, callback=known_model, shell_complete=names_of("models"))
@click.option(
    "--data",
    callback=known_data,
    shell_complete=names_of("datasets"),
    help="mnist, digits, FromFolder('path') or file.py:factory.",
)
@click.option("--train", callback=known_data, help="Data on which protections are profiled.")
@click.option("--n", "samples", type=WholeNumber(1), help="Use the first N samples only.")
@click.option(
    "--weights",
    callback=file_of(NO_WEIGHTS),
    help="Weights for the model: .safetensors or a torch checkpoint.",
)
@click.option(
    "--call",
    callback=known_function,
    help="file.py:function of model and batch that returns the logits.",
)
@click.option(
    "--memory",
    help="What is hit: dram, dram-ecc, sram, sram-ecc, low-voltage, buffers or registers.",
)
@click.option(
    "--format",
    "format_",
    callback=spec_of("formats", "format"),
    shell_complete=names_of("formats"),
    help="Number format of the device, such as 'Int(8)'.",
)
@click.option("--goal", help="What is asked: rate, limit, fit, harden or paper.")
@click.option(
    "--margin",
    type=Share(0, 1, min_open=True),
    default=0.005,
    show_default=True,
    help="Half the width of the interval (0.5% or 0.005).",
)
@click.option(
    "--max-rate",
    type=Share(0, 1, min_open=True),
    default=0.01,
    show_default=True,
    help="For --goal limit: the limit of the rate.",
)
@click.option(
    "--max-fit",
    type=Number(0, min_open=True),
    default=10.0,
    show_default=True,
    help="For --goal fit: failures in 1e9 h.",
)
@click.option(
    "--fit-per-bit",
    type=Number(0, min_open=True),
    default=1e-4,
    show_default=True,
    help="For --goal fit: raw rate of one bit in FIT.",
)
@click.option("--folder", help="Where the commands put files.  [a new one under runs/]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def advise(as_json: bool, format_: str | None, **options: Any) -> int:
    """Print the commands that answer a question about MODEL, each with its reason.

    On a terminal, asks for what is not given: which memory or logic is hit, the number format of
    the device, and the goal. The output is a script: redirect it into a file, change what you
    like, and run it. Its files go into a new folder; with --folder, campaigns whose run files are
    there are continued.

    \b
    Examples:
      radhard advise
      radhard advise lenet5 --data mnist --memory sram --format "Int(8)" --goal limit --max-rate 1%
      radhard advise net.py:build --data net.py:test_set --train net.py:train_set \\
          --memory dram-ecc --format "BFloat16()" --goal harden > steps.sh
    """
    with imports_uncollected():
        from radhard.cli.actions.advise_action import AdviseAction

    return AdviseAction(options={**options, "format": format_}, as_json=as_json).carry_out()
