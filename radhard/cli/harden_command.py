"""The verb ``harden``: how is a model protected, and what does it cost?"""

from pathlib import Path
from typing import Any

import click

from radhard.cli.completion import names_of
from radhard.cli.early import known_data, scores_of, spec_of
from radhard.cli.import_collection import imports_uncollected
from radhard.cli.options import names_a_model, prints_results

__all__ = ["harden"]


@click.command(short_help="Protect a model, and measure the cost.")
@names_a_model
@prints_results
@click.option(
    "--with",
    "hardenings",
    multiple=True,
    callback=spec_of("hardenings", "hardening"),
    shell_complete=names_of("hardenings"),
    help="A hardening; may be repeated, and is applied in this order.",
)
@click.option(
    "--scores",
    callback=scores_of,
    help="Scores by radhard analyze -o, or an analysis to run.",
)
@click.option(
    "--validate", callback=known_data, help="Further data on which to measure the accuracy."
)
@click.option(
    "--no-time", "timed", flag_value=False, default=True, type=bool, help="Do not measure the time."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder for the hardened model."
)
@click.option("--force", is_flag=True, help="Replace the files of a folder that exists.")
def harden(**options: Any) -> int:
    """Create a hardened copy of MODEL: tensors keep their names, protective parts are added.

    Value ranges are profiled on --data, which should not be the test data: data sets with a
    training split are read from that split unless --data names one. What was added, what it
    protects, what it costs, and the accuracy before and after are printed; -o saves the model in a
    folder that can be given wherever a MODEL is expected (recipe.json and model.safetensors,
    nothing pickled). `radhard list hardenings` shows what --with accepts.

    \b
    Examples:
      radhard harden lenet5 --data mnist --n 500 --with "Ranger()" -o hard/
      radhard harden lenet5 --data "mnist(split='train')" --n 500 --with "Ranger()" -o hard/
      radhard harden lenet5 --data mnist --n 500 --with "ChannelDuplication(share=0.2)" \\
          --with "Ranger()" --scores "VulnerabilityGain()" -o hard/
      radhard harden net.py:build --data net.py:train_set --validate net.py:test_set \\
          --with "ChannelDuplication()" --scores scores.json -o hard/
      radhard verify runs/base.db --model hard/
    """
    with imports_uncollected():
        from radhard.cli.actions.harden_action import HardenAction

    return HardenAction(**options).carry_out()
