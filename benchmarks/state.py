"""What does it cost to restore a model's state after every trial?"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import click
import torch

from benchmarks.clock import Clock
from benchmarks.document import put
from radhard import models
from radhard.campaign import run
from radhard.datasets import load
from radhard.engines import Serial
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.state import State
from radhard.targets import Weights

__all__ = ["Cost", "main"]

NETWORKS = {"lenet5": ("mnist", 300), "resnet20": ("photo_patches", 20)}
"""Data and trials: about as long a campaign for each."""


@dataclass
class Cost:
    """Processor time of campaigns, and of `State.restore` in them, a turn each."""

    network: str
    trials: int
    calls: int = 0
    restoring: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """The campaign over what it would be if nothing were put back."""
        return [t / (t - r) for r, t in zip(self.restoring, self.whole, strict=True)]

    def row(self) -> str:
        each = sum(self.restoring) / self.calls * 1e6
        a_trial = sum(self.whole) / len(self.whole) / self.trials * 1e3
        ratios = sorted(self.ratios)
        middle = statistics.median(ratios)
        return (
            f"| {self.network} | {a_trial:.2f} | {each:.0f} | "
            f"{middle:.4f}x ({ratios[0]:.4f} to {ratios[-1]:.4f}) |"
        )


HEAD = """| network | ms a trial | µs a restore | campaign / without restoring |
| --- | ---: | ---: | ---: |
"""


@contextmanager
def _timed(cost: Cost) -> Iterator[None]:
    """Every `State.restore` is timed from outside; the clock's own time counts as its."""
    restore = State.restore

    def timed(self: State, **options: Any) -> tuple[str, ...]:
        begun = time.process_time()
        written = restore(self, **options)
        cost.restoring[-1] += time.process_time() - begun
        cost.calls += 1
        return written

    with mock.patch.object(State, "restore", timed):
        yield


def measure(network: str, turns: int) -> Cost:
    """``turns`` campaigns of `Serial` on 100 samples, after one that is not counted.

    Two campaigns, one of which puts nothing back, differ by less than their own noise: what is
    timed is the restoring within one campaign.
    """
    data, trials = NETWORKS[network]
    model, samples = models.load(network), load(data, split="test", n=100)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    cost = Cost(network, trials)
    for turn in range(-1, turns):
        if turn == 0:
            cost = Cost(network, trials)
        cost.restoring.append(0.0)
        with _timed(cost):
            clock = Clock()
            run(model, samples, space, Uniform(trials), engine=Serial(), audit=0, progress=False)
            cost.whole.append(clock.read().cpu)
    return cost


@click.command()
@click.option("--turns", default=7, show_default=True, help="Campaigns a network.")
@click.option("--document", is_flag=True, help="Write the table into docs/performance.md.")
def main(turns: int, document: bool) -> None:
    """What does putting a model's state back cost?"""
    torch.set_num_threads(1)
    lines = HEAD
    for network in NETWORKS:
        row = measure(network, turns).row()
        click.echo(row)
        lines += row + "\n"
    if document:
        put("python -m benchmarks.state", lines)


if __name__ == "__main__":
    main()
