"""The verb ``fit``: how many failures in time has an accelerator?"""

from pathlib import Path
from typing import Any

import click

from radhard.cli.completion import names_of
from radhard.cli.early import RUN_FILE, file_of, known_data, known_function, known_model, spec_of
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.options import prints_results

__all__ = ["fit"]


def _run_file(help_: str) -> dict[str, Any]:
    return {
        "type": click.Path(path_type=Path),
        "callback": file_of(RUN_FILE),
        "help": f"Run of faults in {help_}.",
    }


@click.command(short_help="Add up the failures in time of an accelerator.")
@click.option("--registers", **_run_file("Registers(array)"))
@click.option("--weight-buffer", **_run_file("Weights"))
@click.option("--input-buffer", **_run_file("Activations or Inputs"))
@click.option(
    "--fit-per-bit",
    multiple=True,
    required=True,
    metavar="NUMBER",
    help="Raw rate of a bit in FIT; by structure as 'weight buffer=1e-4'.",
)
@click.option(
    "--array",
    callback=spec_of("accelerators", "accelerator"),
    shell_complete=names_of("accelerators"),
    help="The accelerator.  [that of --registers]",
)
@click.option("--model", callback=known_model, help="The quantized model.  [that of the runs]")
@click.option("--data", callback=known_data, help="Its data.  [those of the runs]")
@click.option("--call", callback=known_function, help="How it is called.  [as in the runs]")
@click.option("--trust", is_flag=True, help="Allow code outside radhard named in a run file.")
@prints_results
def fit(**options: Any) -> int:
    """Add up the failures in 1e9 hours (FIT) of an accelerator that runs a model all the time.

    For every structure (buffers of weights and inputs, accumulators, registers) its bits, the share
    of the time for which they hold what is still needed, the share of faults that cause a failure
    (AVF), and FIT = raw FIT of a bit * bits * AVF, with intervals. Rates are those of runs of one
    quantized model; structures without a run are named, and not in the total.

    \b
    Examples:
      radhard fit --registers runs/registers.db --fit-per-bit 1e-4
      radhard fit --registers runs/registers.db --weight-buffer runs/weights.db \\
          --input-buffer runs/inputs.db --fit-per-bit 1e-4 --json
      radhard fit --weight-buffer runs/weights.db --array "Systolic(16, 16)" --fit-per-bit 1e-4
    """
    with imports_uncollected():
        from radhard.cli.actions.fit_action import FitAction

    return FitAction(**options).carry_out()
