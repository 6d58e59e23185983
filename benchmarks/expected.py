"""How long do campaigns of 100, 1,000 and 10,000 trials take, with nothing given but the model?"""

import dataclasses
import json
import statistics
from pathlib import Path

import click
import torch

from benchmarks.brought_models import BROUGHT
from benchmarks.default_rows import DEFAULT
from benchmarks.document import put, table
from benchmarks.floor import machine_rates
from benchmarks.machine import described
from benchmarks.measure import Measured, measured
from benchmarks.row import Row, Size

__all__ = ["expected", "main"]

LENGTHS = (100, 1_000, 10_000)

NETWORKS = {
    "LeNet-5, 100 digits": ("default-lenet5", 200),
    "ResNet-20, 100 images": ("default-resnet20", 15),
    "LSTM-64, 100 series": ("default-lstm", 200),
    "encoder of 6 layers, 50 sentences": ("sentences", 25),
    "ResNet-20, activations": ("default-activations", 200),
}
"""A row of which each is made, and how many trials the plain loop does in a turn."""

TURNS = 3
HEADS = ("network", "trials", "plain loop", "radhard", "ratio (range)", "engine chosen")
RESULTS = Path(__file__).parent / "results"


@click.command()
@click.option("--document", is_flag=True, help="Put the table into docs/performance.md too.")
def main(document: bool) -> None:
    """Time campaigns of the lengths that people run, in turn with the plain loop."""
    torch.set_num_threads(1)
    machine = described(machine_rates())
    lines = []
    for words in NETWORKS:
        for trials in LENGTHS:
            click.echo(f"{words}, {trials:,} trials ...", err=True)
            lines.append((words, expected(words, trials)))
    rows = [_cells(words, line) for words, line in lines]
    text = "\n".join([*table(HEADS, rows), "", *machine, f"{TURNS} turns each.", ""])
    click.echo(text)
    RESULTS.mkdir(exist_ok=True)
    record = {"machine": machine, "rows": [dataclasses.asdict(line) for _, line in lines]}
    path = RESULTS / "expected.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if document:
        put("python -m benchmarks.expected", text)


def expected(words: str, trials: int) -> Measured:
    """A default campaign of this length on the network, in turn with the plain loop."""
    name, naive = NETWORKS[words]
    row: Row = {row.name: row for row in (*DEFAULT, *BROUGHT)}[name]
    size = Size(trials=trials, naive=min(naive, trials), repeats=TURNS)
    return measured(dataclasses.replace(row, full=size), quick=False)


def _cells(words: str, line: Measured) -> tuple[str, ...]:
    naive, whole = (
        line.trials * statistics.median(span.cpu for span in spans)
        for spans in (line.naive, line.whole)
    )
    seconds = (_seconds(naive), _seconds(whole))
    return words, f"{line.trials:,}", *seconds, str(line.ratio), f"`{line.engine}`"


def _seconds(seconds: float) -> str:
    """Two digits suffice to decide whether to wait.

    >>> [_seconds(s) for s in (0.123, 1.23, 12.3, 123.4)]
    ['0.12 s', '1.2 s', '12 s', '2.1 min']
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.2g} min"


if __name__ == "__main__":
    main()
