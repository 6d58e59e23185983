"""The verb ``plan``: what does a margin cost?"""

from typing import Any

import click

from radhard.cli.import_collection import imports_uncollected
from radhard.cli.options import names_a_model, names_faults, prints_results
from radhard.cli.parameter_types import Number, RateLimit, Share

__all__ = ["plan"]


@click.command(short_help="Estimate what a margin or a limit costs.")
@names_a_model
@names_faults
@prints_results
@click.option(
    "--margin",
    type=Share(0, 1, min_open=True),
    help="Half the width of the interval: 0.5% or 0.005.",
)
@click.option(
    "--max-rate",
    type=RateLimit(0, 1, min_open=True),
    help="Instead: the limit that the upper confidence limit is to stay below.",
)
@click.option("--max-fit", type=Number(0), help="Instead: the same in failures in 1e9 h.")
@click.option("--fit-per-bit", type=Number(0), help="For --max-fit: raw rate of one bit in FIT.")
@click.option(
    "--confidence", type=Share(0, 1), default=0.95, show_default=True, help="Of the interval."
)
@click.option("--by", help="Every group has the margin: tensor, layer, bit, ...")
def plan(**options: Any) -> int:
    """Estimate how many trials a margin or a limit needs with each sampler, and how long they take.

    A pilot measures how much harm varies and how long a trial takes. It takes 5 to 20 seconds for
    a small network, and longer for a large one. It also estimates how long it takes to inject every
    fault, and to compute caps first (how much harm a fault can do at most): on a small network
    these may be faster than drawing more faults. The last line is the command of the fastest
    campaign that assumes nothing.

    \b
    Examples:
      radhard plan lenet5 --data mnist --n 50 --margin 0.1%
      radhard plan lenet5 --data mnist --n 50 --margin 1% --confidence 99% --by tensor
      radhard plan lenet5 --data mnist --n 50 --max-rate 2%
      radhard plan lenet5 --data mnist --n 50 --max-fit 10 --fit-per-bit 1e-4
    """
    with imports_uncollected():
        from radhard.cli.actions.plan_action import PlanAction

    return PlanAction(**options).carry_out()
