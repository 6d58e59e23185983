"""How often do intervals contain the true rate of exhausted networks, and how wide are they?"""

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.coverage.populations import POPULATIONS, Population, exhausted
from benchmarks.document import put
from radhard.groups import Groups
from radhard.samplers import PerBit, PerTensor, Sampler, TrialDirections, Uniform, Words
from radhard.stats import stratified_mean

__all__ = ["main"]

CONFIDENCES = (0.9, 0.95, 0.99, 0.999)
SAMPLERS: tuple[Sampler, ...] = (Uniform(2000), PerTensor(300), PerBit(20), Words(100))
HARMED = 0.1
"""Share of the samples from which on a fault counts as harmful where verdicts are 0 or 1."""


@click.command()
@click.option("--draws", default=200, show_default=True, help="Campaigns of each kind.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the populations are kept.")
@click.option("--document/--no-document", default=True, help="Write docs/statistics.md.")
def main(draws: int, folder: Path | None, document: bool) -> None:
    """Draw campaigns from exhausted fault spaces, and write the table of docs/statistics.md."""
    levels = [f"{100 * c:g} %" for c in CONFIDENCES]
    rows = [
        ["network", "figure", "rate", "sampler", "trials", *levels, "width"],
        ["---"] * 2 + ["---:"] + ["---"] + ["---:"] * (len(CONFIDENCES) + 2),
    ]
    for name in POPULATIONS:
        population = exhausted(name, folder)
        verdicts = replace(population, harm=(population.harm > HARMED).astype(float))
        for figure, drawn_from in (("share", population), ("0 or 1", verdicts)):
            for sampler in SAMPLERS:
                if drawn_from.harm.any():
                    row = _row(drawn_from, sampler, draws)
                    rows.append([name, figure, *row])
                    click.echo(" ".join(rows[-1]))
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
    if document:
        put("python -m benchmarks.coverage", table, "statistics.md")


def _row(population: Population, sampler: Sampler, draws: int) -> list[str]:
    """Rate, sampler, trials, coverages, and the width at 95 % over that of the ideal."""
    truth, trials, found = population.harm.mean(), 0, []
    for seed in range(draws):
        drawn = sampler.draw(population.space, seed)
        numbers = np.arange(len(drawn))
        faults, trials = drawn.at(numbers), len(drawn)
        # As `run` records them, so that trials are post-stratified as those of a campaign are.
        drawn.directions = TrialDirections.of(population.model, population.space, faults)
        groups = Groups(population.space, drawn, numbers, None, faults=faults)
        ((_, parts),) = groups.split()
        cells = groups.cells(parts, population.harm[faults])
        found.append([stratified_mean(cells, confidence) for confidence in CONFIDENCES])
    held = np.array([[e.low - 1e-12 <= truth <= e.high + 1e-12 for e in row] for row in found])
    usual = [row[CONFIDENCES.index(0.95)] for row in found]
    ideal = 3.92 * np.std([e.value for e in usual], ddof=1)
    width = np.mean([e.high - e.low for e in usual])
    ratio = "none seen" if ideal == 0 else f"{width / ideal:.2f}"
    shares = [f"{100 * share:.1f}" for share in held.mean(axis=0)]
    return [f"{100 * truth:.3g} %", repr(sampler), f"{trials:,}", *shares, ratio]


if __name__ == "__main__":
    main()
