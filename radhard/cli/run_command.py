"""The verb ``run``: how often does a fault change a prediction?"""

from pathlib import Path
from typing import Any

import click

from radhard.cli.campaign_file import as_toml, names_from_file
from radhard.cli.completion import names_of
from radhard.cli.early import RUN_FILE, file_of, spec_of
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.options import names_a_model_or_a_campaign, names_faults, prints_results
from radhard.cli.parameter_types import PROCESSES, Number, RateLimit, Share

__all__ = ["run"]


@click.command(short_help="Run a fault-injection campaign.")
@names_a_model_or_a_campaign
@prints_results
@names_faults
@click.option(
    "--sampler",
    callback=spec_of("samplers", "sampler"),
    shell_complete=names_of("samplers"),
    help="Which faults are tried.  [PerTensor(n=400)]",
)
@click.option(
    "--margin",
    type=Share(0, 1, min_open=True),
    help="Instead of --sampler: half the width of the interval (0.5% or 0.005). A pilot chooses.",
)
@click.option(
    "--confidence", type=Share(0, 1), help="Of the interval that --margin asks for.  [95%]"
)
@click.option("--by", help="Every group has the margin: tensor, layer, bit, ...")
@click.option(
    "--engine",
    callback=spec_of("engines", "engine", "auto"),
    shell_complete=names_of("engines"),
    help="How trials are executed.  [auto]",
)
@click.option(
    "--exact", is_flag=True, help="Execute every trial with all samples; infer no verdict."
)
@click.option("--store", type=click.Path(path_type=Path), help="Run file; continued if it exists.")
@click.option(
    "--from",
    "origin",
    callback=file_of(RUN_FILE),
    type=click.Path(path_type=Path),
    help="Repeat the run in this file.",
)
@click.option(
    "--workers",
    type=PROCESSES,
    default=1,
    show_default=True,
    help="Processes, with one thread each.",
)
@click.option(
    "--worker-timeout",
    type=Number(0, min_open=True),
    help="Seconds without a result until a worker is replaced.  [by measured time]",
)
@click.option(
    "--executor",
    callback=spec_of("executors", "executor"),
    shell_complete=names_of("executors"),
    help="Where trials are executed, such as Ray(workers=8), instead of --workers.",
)
@click.option(
    "--audit",
    type=Share(0, 1),
    default=0.0025,
    show_default=True,
    help="Share of trials repeated by the reference engine.",
)
@click.option("--report", type=click.Path(path_type=Path), help="Write the report here (HTML).")
@click.option(
    "--max-rate",
    type=RateLimit(0, 1),
    help="Exit 1 unless the upper 95 % limit of the critical rate is at most this (1% or 0.01).",
)
@click.option(
    "--junit",
    type=click.Path(path_type=Path),
    help="Write PASS or FAIL of every limit here (JUnit XML).",
)
@click.option(
    "--repair", is_flag=True, help="Repeat damaged trials of the run file; keep the others."
)
@click.option(
    "--print-config", is_flag=True, help="Print these options as a campaign file (TOML), and exit."
)
def run(print_config: bool, **options: Any) -> int:
    """Run a fault-injection campaign on MODEL and print how often a fault changes a prediction.

    MODEL is an included network (lenet5, mlp), a factory of your own (file.py:function or
    package.module:function), or a torch.export file (.pt2). Weights that are not stored in the
    format yet are rounded to it first, in memory only. A run file that has part of the same run is
    continued. `radhard list` shows the components that options accept.

    \b
    Examples:
      radhard run lenet5 --data mnist --store runs/base.db
      radhard run lenet5 --data mnist --n 200 --fault "BitFlip(field='exponent')" \\
          --sampler "PerBit(50)" --seed 1 --report base.html
      radhard run lenet5 --data mnist --margin 0.5% --by tensor
      radhard run lenet5 --data mnist --format "Fixed(1, 15)" --sampler "ErrorRate((1e-5, 1e-4))"
      radhard run net.py:build --data net.py:test_set --target "Activations('layer3*')"
      radhard run --from runs/base.db --store runs/again.db
      radhard run lenet5 --data mnist --sampler "PerBit(50)" --print-config > campaign.toml
      radhard run campaign.toml --store runs/base.db
      radhard run lenet5 --data mnist --executor "Ray(address='auto')" --store runs/base.db

    A campaign file has these options by their long names, such as sampler = "PerBit(50)"; options
    on the command line take precedence. Code that it names, such as a model of your own, is run
    with --trust only.

    With --margin, a pilot chooses the fastest of three methods: draw faults at random, first
    compute which faults cannot do harm and draw among the others, or inject all faults. The output
    names the choice and the expected cost of each method. A run file is continued with the sampler
    with which it was begun.

    --max-rate compares with the upper limit of the 95 % interval, which must not be above it.
    """
    with imports_uncollected():
        from radhard.cli.actions.run_action import RunAction

    # click has checked the options by now, and mistakes in them have cost no import of torch.
    context = click.get_current_context()
    action = RunAction(taken=names_from_file(context), **options)
    if print_config:
        click.echo(as_toml(context.command, action.settings()), nl=False)
        return 0
    return action.carry_out()
