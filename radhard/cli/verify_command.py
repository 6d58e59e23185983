"""The verb ``verify``: did the hardening work?"""

from pathlib import Path
from typing import Any

import click

from radhard.cli.early import RUN_FILE, file_of, known_data, known_function, known_model
from radhard.cli.given_files import check_verify_arguments
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.options import prints_results
from radhard.cli.parameter_types import PROCESSES, THREADS, Number, RateLimit, Share, WholeNumber

__all__ = ["verify"]


@click.command(short_help="Try the faults of a run on a hardened model.")
@click.argument("run", callback=file_of(RUN_FILE), type=click.Path(path_type=Path))
@click.option("--model", callback=known_model, help="The hardened model, such as hard/.")
@click.option("--data", callback=known_data, help="Data of the run, if its file names none.")
@click.option("--n", "samples", type=WholeNumber(1), help="Its first N samples only.")
@click.option(
    "--call",
    callback=known_function,
    help="file.py:function of model and batch that returns the logits.",
)
@click.option(
    "--weights",
    callback=file_of("there is no file {} to take weights from"),
    help="Weights of the unprotected model, if the run file names none.",
)
@click.option("--store", type=click.Path(path_type=Path), help="Run file of the hardened model.")
@click.option(
    "--max-rate",
    type=RateLimit(0, 1),
    help="Exit 1 unless the upper 95 % limit of the critical rate is at most this (1% or 0.01).",
)
@click.option(
    "--max-drop",
    type=Share(-1, 1),
    help="Exit 1 unless the upper 95 % limit of the accuracy loss is at most this (1% or 0.01).",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path),
    help="Write PASS or FAIL of every limit here (JUnit XML).",
)
@click.option(
    "--added",
    type=WholeNumber(0),
    default=400,
    show_default=True,
    help="Faults to try in what the hardening added.",
)
@click.option("--fit-per-bit", type=Number(0), help="Raw rate: failures per 1e9 h and bit.")
@click.option(
    "--by", help="Split the comparison by tensor, layer, kind, format, fault, bit or the like."
)
@click.option("--report", type=click.Path(path_type=Path), help="Write the report here (HTML).")
@click.option(
    "--no-time", "timed", flag_value=False, default=True, type=bool, help="Do not measure the time."
)
@click.option("--workers", type=PROCESSES, default=1, show_default=True, help="Processes.")
@click.option(
    "--worker-timeout",
    type=Number(0, min_open=True),
    help="Seconds without a result until a worker is replaced.  [by measured time]",
)
@click.option("--threads", type=THREADS, default=1, show_default=True, help="CPU threads.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--allow-nondeterministic", is_flag=True, help="Accept a nondeterministic model.")
@click.option("--repair", is_flag=True, help="Repeat damaged trials of the run file.")
@click.option("--trust", is_flag=True, help="Allow code outside radhard named in RUN or MODEL.")
@prints_results
def verify(**options: Any) -> int:
    """Repeat the faults of RUN on a hardened model, and compare both fault by fault.

    The output includes the cost of the protection, and the effect of its additional bits: faults
    in what the hardening added are tried as well, and the expected numbers of harmful faults are
    compared. --max-rate and --max-drop compare with the upper limit of the 95 % interval, which
    must not be above them. The drop is the accuracy of the unprotected model without faults minus
    that of the hardened model with faults.

    The unprotected model is the one that RUN names, or the recipe of the hardened one. If RUN was
    made in Python with weights of one's own, --weights gives them: a model other than that of RUN
    is refused, by its SHA-256.

    \b
    Examples:
      radhard verify runs/base.db --model hard/
      radhard verify runs/base.db --model hard/ --store runs/hard.db --report hard.html
      radhard verify runs/base.db --model hard/ --max-rate 0.01 --max-drop 0.01

    Exit codes: 0 within the limits, 1 a limit was missed, 2 the input cannot be used.
    """
    check_verify_arguments(options["run"], options["model"])
    with imports_uncollected():
        from radhard.cli.actions.verify_action import VerifyAction

    return VerifyAction(**options).carry_out()
