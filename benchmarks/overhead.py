"""How much slower is a hardened model than the original?"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from torch import nn

from benchmarks.document import put
from benchmarks.floor import machine_rates
from benchmarks.machine import described
from radhard import models
from radhard.analyses import MaxValue
from radhard.cost import TimeRatio, cost, time_ratio
from radhard.datasets import Data
from radhard.hardenings import HARDENINGS, Hardening

__all__ = ["Overhead", "main"]

NETWORKS = {"lenet5": (1, 28, 28), "resnet20": (3, 32, 32), "vgg11": (3, 32, 32)}
"""Networks and the shape of a sample; 100 samples of noise in a batch."""

AIMS: dict[str, float | None] = {
    "Ranger()": 1.03,
    "ActivationClip()": 1.03,
    "ChannelDuplication(share=0.0)": 1.05,
    "ChannelDuplication()": 1.12,
    "ChannelDuplication(edac='min')": None,
    "Triplication()": None,
    "Ecc(Hamming(Float32()))": 1.05,
    "Ecc(SecDed(Float32()))": 1.05,
    "HammingInPlace()": 1.05,
}
"""Hardenings, and how many times as long a forward pass may take."""

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Overhead:
    """A hardening of a network: its cost as multiples of the unprotected model's."""

    network: str
    hardening: str
    aim: float | None
    time: TimeRatio
    parameters: float
    bits: float
    macs: float

    @property
    def cells(self) -> list[str]:
        """As a row of the table."""
        aim = "" if self.aim is None else f"{self.aim:g}x"
        missed = self.aim is not None and self.time.median > self.aim
        ratio = f"{self.time.median:.3f}x ({self.time.low:.3f} to {self.time.high:.3f})"
        sizes = [f"{x:.4g}x" for x in (self.macs, self.parameters, self.bits)]
        return [
            self.network,
            f"`{self.hardening}`",
            ratio,
            f"{aim}, **missed**" if missed else aim,
            *sizes,
        ]


@click.command()
@click.argument("networks", nargs=-1, type=click.Choice(list(NETWORKS)))
@click.option("--quick", is_flag=True, help="Few turns: a look, not a measurement.")
@click.option("--document", is_flag=True, help="Put the table into docs/performance.md too.")
def main(networks: Sequence[str], quick: bool, document: bool) -> None:
    """Time hardened models beside the unprotected ones: all NETWORKS, or those named."""
    torch.set_num_threads(1)
    lines = [
        _measured(network, text, aim, 5 if quick else 41)
        for network in networks or NETWORKS
        for text, aim in AIMS.items()
    ]
    text = _page(lines, quick)
    click.echo(text)
    if not quick and not networks:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "overhead.md").write_text(text, encoding="utf-8")
        plain = json.dumps([dataclasses.asdict(line) for line in lines], indent=1)
        (RESULTS / "overhead.json").write_text(plain + "\n", encoding="utf-8")
    if document:
        put("make bench-hardenings", text)


def _measured(network: str, text: str, aim: float | None, turns: int) -> Overhead:
    click.echo(f"{network} {text} ...", err=True)
    model = models.load(network)
    data = Data(torch.randn(100, *NETWORKS[network], generator=torch.Generator().manual_seed(0)))
    hard = _hardened(model, data, HARDENINGS.parse(text))
    ratio = time_ratio(hard, model, data, turns=turns)
    sizes = cost(hard, data).over(cost(model, data))
    return Overhead(network, text, aim, ratio, **sizes)


def _hardened(model: nn.Module, data: Data, hardening: Hardening) -> nn.Module:
    return hardening(model, data, MaxValue()(model, data, progress=False), progress=False)


def _page(lines: Sequence[Overhead], quick: bool) -> str:
    heads = ["network", "hardening", "time (range)", "at most", "MACs", "parameters", "bits stored"]
    rule = ["---", "---"] + ["---:"] * 5
    rows = [heads, rule, *(line.cells for line in lines)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    look = ["Few turns (`--quick`): a look, not a measurement."] if quick else []
    return "\n".join([*described(machine_rates()), *look, "", table, ""])


if __name__ == "__main__":
    main()
