"""How much does a trial on words of a code cost, as a multiple of one on plain words?"""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from torch import nn

from benchmarks.document import put, table
from benchmarks.floor import machine_rates
from benchmarks.machine import described
from radhard import FaultSpace, models, run
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Float32, Format, Hamming, InPlaceHamming, SecDed, stored_as
from radhard.metrics import Outcome
from radhard.samplers import Uniform
from radhard.targets import Weights

__all__ = ["main"]

NETWORKS = {"lenet5": ((1, 28, 28), 500, 5500), "resnet20": ((3, 32, 32), 100, 600)}
"""Networks, the shape of a sample (100 samples of noise), and two numbers of trials."""

CODES: list[Format] = [
    Hamming(Float32()),
    SecDed(Float32()),
    SecDed(Float32(), block=2),
    InPlaceHamming(Float32()),
]

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class _Trials:
    """Campaigns of two lengths on one model, whose difference is the time of trials alone."""

    model: nn.Module
    data: Data
    space: FaultSpace
    few: int
    many: int

    def seconds(self) -> float:
        """Processor time of a trial, in seconds."""
        spent = []
        for trials in (self.few, self.many):
            start = time.process_time()
            run(
                self.model,
                self.data,
                self.space,
                Uniform(trials),
                engine="Replay()",
                metrics=[Outcome()],
                progress=False,
                audit=0,
            )
            spent.append(time.process_time() - start)
        return (spent[1] - spent[0]) / (self.many - self.few)


@click.command()
@click.argument("networks", nargs=-1, type=click.Choice(list(NETWORKS)))
@click.option("--quick", is_flag=True, help="Few turns: a look, not a measurement.")
@click.option("--document", is_flag=True, help="Put the table into docs/performance.md too.")
def main(networks: Sequence[str], quick: bool, document: bool) -> None:
    """Time trials on coded and on plain words in turn: 1 and 2 flips in a word.

    On all NETWORKS, or those named.
    """
    torch.set_num_threads(1)
    rows, plain = [], []
    for network in networks or NETWORKS:
        for format in CODES:
            for count in (1, 2):
                ratios = _ratios(network, format, count, turns=3 if quick else 11, quick=quick)
                low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
                flips = "1 flip" if count == 1 else f"{count} flips in a word"
                cell = f"{middle:.2f}x ({low:.2f} to {high:.2f})"
                click.echo(f"{network} {format} {count}: {cell}", err=True)
                rows.append([network, f"`{format!r}`", flips, cell])
                plain.append([network, repr(format), count, ratios])
    look = ["Few turns (`--quick`): a look, not a measurement.", ""] if quick else []
    lines = table(["network", "format", "faults", "time of a trial (range)"], rows)
    text = "\n".join([*described(machine_rates()), "", *look, *lines, ""])
    click.echo(text)
    if not quick and not networks:
        (RESULTS / "coded_words.json").write_text(json.dumps(plain, indent=1) + "\n", "utf-8")
    if document:
        put("python -m benchmarks.coded_words", text)


def _ratios(network: str, format: Format, count: int, *, turns: int, quick: bool) -> list[float]:
    """Paired ratios of the time of a trial on coded words to one on plain words."""
    shape, few, many = NETWORKS[network]
    data = Data(torch.randn(100, *shape, generator=torch.Generator().manual_seed(0)))
    stored = stored_as(models.load(network), format)
    few, many = (few // 5, many // 5) if quick else (few, many)
    pair = [
        _Trials(stored, data, FaultSpace.of(stored, Weights("*"), fault, one), few, many)
        for one, fault in ((format, BitFlip(count=count)), (Float32(), BitFlip(count=count)))
    ]
    ratios = []
    for turn in range(turns):
        order = pair if turn % 2 else pair[::-1]
        spent = {id(trials): trials.seconds() for trials in order}
        ratios.append(spent[id(pair[0])] / spent[id(pair[1])])
    return ratios


if __name__ == "__main__":
    main()
