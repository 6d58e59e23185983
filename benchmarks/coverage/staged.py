"""How many trials do staged campaigns need, and how often do their intervals hold the rate?"""

import json
from pathlib import Path

import click
import numpy as np
from torch import nn

from benchmarks.coverage.populations import POPULATIONS, exhausted
from benchmarks.document import put
from radhard.caps import Caps
from radhard.datasets import Data
from radhard.notes import Note
from radhard.samplers import SAMPLERS, StageDraw, StagedSampler
from radhard.space import FaultSpace, Numbers
from radhard.stats import percent
from radhard.studies.exhausted.simulation import Simulation
from radhard.workload import Workload

__all__ = ["main"]

ROWS: tuple[tuple[str, str], ...] = (
    ("LeNet-5", "Adaptive(0.001)"),
    ("LeNet-5", "Adaptive(0.01, confidence=0.99, by='bit')"),
    ("LeNet-5", "Until(0.001)"),
    ("MLP", "Adaptive(0.001)"),
    ("small CNN", "Adaptive(0.002)"),
    ("LeNet-5", "Adaptive(0.01, confidence=0.99, by='tensor')"),
    ("LeNet-5, Int(8)", "Adaptive(0.0003)"),
    ("small CNN", "Until(0.002)"),
    ("MLP", "Adaptive(0.001, caps=Certified())"),
    ("LeNet-5", "Adaptive(0.0001)"),
)
"""Networks of `POPULATIONS`, and samplers."""


@click.command()
@click.option("--draws", default=300, show_default=True, help="Campaigns of each row.")
@click.option("--long", default=60, show_default=True, help="Campaigns of more than 20,000 trials.")
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="For campaigns.")
@click.option("--only", default="", help="A part of the network and sampler of the rows.")
@click.option("--document/--no-document", default=True, help="Write docs/samplers.md.")
def main(draws: int, long: int, folder: Path, only: str, document: bool) -> None:
    """Run staged campaigns in exhausted fault spaces, and write the table of docs/samplers.md.

    Campaigns in the folder are not repeated, and all of them count.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = ["network", "sampler", "campaigns", "trials", "most", "stages", "held", "half width"]
    rows = [head, ["---"] * 2 + ["---:"] * 6]
    for name, text in ROWS:
        found = _campaigns(name, text, draws, long, folder) if only in f"{name} {text}" else []
        if not found:
            continue
        trials, stages, held, half = (np.array(part) for part in zip(*found, strict=True))
        rows.append(
            [
                name,
                f"`{text}`",
                f"{len(found)}",
                f"{trials.mean():,.0f}",
                f"{trials.max():,}",
                f"{stages.mean():.1f}",
                _held(held),
                percent(half.mean()),
            ]
        )
        click.echo(" ".join(rows[-1]))
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
    if document:
        put("python -m benchmarks.coverage.staged", table, "samplers.md")


Campaign = tuple[int, int, list[bool], float]
"""Trials, stages, whether the interval of each group holds its rate, and half the widest."""


def _campaigns(name: str, text: str, draws: int, long: int, folder: Path) -> list[Campaign]:
    """Campaigns with seeds from 0, those in the folder and as many more as are missing."""
    path = folder / f"{name} {text}.jsonl".replace("/", " ")
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    wanted = long if found and found[0][0] > 20_000 else draws
    if len(found) >= wanted:
        return found
    sampler, population = SAMPLERS.parse(text), exhausted(name)
    assert isinstance(sampler, StagedSampler)
    model, data, _, _ = POPULATIONS[name]()
    caps = None if sampler.caps is None else _caps(sampler.caps, model, data, population.space)
    simulation = Simulation(model, population.space, population.harm, caps)
    truth = simulation.truth(sampler.by)
    division = sampler.divide(population.space, simulation.census)
    while len(found) < (long if found and found[0][0] > 20_000 else draws):
        outcome = simulation.run(
            sampler, StageDraw(division, len(found), None if caps is None else "critical")
        )
        # Sums of the same values in another order differ in their last digits.
        held = [
            e.low - 1e-12 <= truth[key] <= e.high + 1e-12 for key, e in outcome.estimates.items()
        ]
        stages = len(outcome.trials.stages)
        found.append((len(outcome.trials), stages, held, outcome.half_width))
        with path.open("a") as file:
            file.write(json.dumps(found[-1]) + "\n")
    return found


class _CapTable:
    """The caps of all faults of a space."""

    notes: tuple[Note, ...] = ()

    def __init__(self, caps: np.ndarray) -> None:
        self._caps = caps

    def of(self, faults: Numbers) -> np.ndarray:
        return self._caps[faults]


def _caps(source: Caps, model: nn.Module, data: Data, space: FaultSpace) -> _CapTable:
    """Caps that are computed once, since every campaign of a row needs them."""
    workload = Workload.of(model, data)
    with workload.open():
        return _CapTable(source.find(workload, space).of(np.arange(len(space))))


def _held(held: np.ndarray) -> str:
    """The share of campaigns whose interval holds the rate; of groups also the least, and all."""
    if held.shape[1] == 1:
        return f"{100 * held.mean():.1f} %"
    least, every = held.mean(axis=0).min(), held.all(axis=1).mean()
    return f"{100 * held.mean():.1f} % (least {100 * least:.1f} %, all {100 * every:.1f} %)"


if __name__ == "__main__":
    main()
