"""Is ``engine="auto"`` ever slower than whole passes?"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch
from torch import Tensor, nn

from benchmarks.clock import Clock
from benchmarks.document import put
from benchmarks.floor import machine_rates
from benchmarks.machine import described
from benchmarks.pairs import Ratio
from radhard import models
from radhard.campaign import run
from radhard.datasets import Data, load
from radhard.engines import Engine, Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import Ranger, WeightRangeCheck
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Target, Weights

__all__ = ["Beside", "main"]

AIM = 1.1
"""How many times the processor time of ``Serial`` a campaign with ``"auto"`` may take."""

RESULTS = Path(__file__).parent / "results"

Pair = tuple[nn.Module, Data]


class Sentences(nn.Module):
    """An encoder in the manner of MiniLM: six layers over whole sentences, then a mean."""

    def __init__(self, width: int = 96, words: int = 1000) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        layer = nn.TransformerEncoderLayer(
            width, 12, 4 * width, dropout=0.0, activation="gelu", batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        self.classifier = nn.Linear(width, 4)

    def forward(self, words: Tensor) -> Tensor:
        """Logits ``(sentences, 4)`` of ``(sentences, length)`` numbers of words."""
        logits: Tensor = self.classifier(self.encoder(self.embedding(words)).mean(1))
        return logits


@dataclass(frozen=True)
class Case:
    """A network with its data, and lengths of campaign: short, near where a graph pays, long."""

    words: str
    make: Callable[[], Pair]
    target: Target
    trials: tuple[int, ...]


@dataclass(frozen=True)
class Beside:
    """A campaign with ``"auto"`` beside the same one with ``Serial``."""

    words: str
    target: str
    trials: int
    engine: str
    """What was chosen."""
    serial: list[float]
    """Seconds of processor time, turn by turn."""
    auto: list[float]
    ratio: Ratio

    @property
    def missed(self) -> bool:
        """Whether it is slower by more than is allowed, and not by chance of the clock."""
        return self.ratio.median > AIM

    @property
    def cells(self) -> list[str]:
        """As a row of the table."""
        ratio = f"{self.ratio.median:.2f}x ({self.ratio.low:.2f} to {self.ratio.high:.2f})"
        return [
            self.words,
            f"`{self.target}`",
            f"{self.trials:,}",
            f"`{self.engine}`",
            f"{sorted(self.serial)[len(self.serial) // 2]:.2f} s",
            f"{ratio}, **missed**" if self.missed else ratio,
        ]


@click.command()
@click.argument("cases", nargs=-1)
@click.option("--quick", is_flag=True, help="Few turns: a look, not a measurement.")
@click.option("--document", is_flag=True, help="Put the table into docs/performance.md too.")
@click.option("--seed", default=1, show_default=True, help="Seed of the campaigns.")
def main(cases: Sequence[str], quick: bool, document: bool, seed: int) -> None:
    """Time engine="auto" beside Serial, in turn: all CASES, or those named."""
    if unknown := [name for name in cases if name not in CASES]:
        raise click.UsageError(f"unknown {unknown[0]!r}; one of {', '.join(CASES)}")
    torch.set_num_threads(1)
    _warm_up()
    machine = [*described(machine_rates()), f"Seed {seed}."]
    if quick:
        machine.append("Few turns (`--quick`): a look, not a measurement.")
    lines: list[Beside] = []
    for case in [CASES[name] for name in cases or CASES]:
        for trials in case.trials[:2] if quick else case.trials:
            lines.append(_beside(case, trials, 3 if quick else 7, seed))
            click.echo(" | ".join(lines[-1].cells), err=True)
    text = _page(lines, machine)
    click.echo(text)
    RESULTS.mkdir(exist_ok=True)
    name = "auto-some" if cases else "auto-quick" if quick else "auto"
    record = {"machine": machine, "rows": [dataclasses.asdict(line) for line in lines]}
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if document:
        put("make bench-auto", text)
    if any(line.missed for line in lines):
        raise click.ClickException(f"auto takes more than {AIM} times as long as Serial somewhere")


def _warm_up() -> None:
    """Load what is loaded on first use, which is no part of a campaign."""
    model, data = _shipped("mlp", "mnist", 2)
    space = FaultSpace.of(model, WEIGHTS, BitFlip(), Float32(), data=data)
    for engine in (Serial(), Replay()):
        run(model, data, space, Uniform(2), engine=engine, progress=False)


def _beside(case: Case, trials: int, turns: int, seed: int) -> Beside:
    model, data = case.make()
    space = FaultSpace.of(model, case.target, BitFlip(), Float32(), data=data)

    def seconds(engine: Engine | str) -> tuple[float, str]:
        clock = Clock()
        # As a user calls it, with its audit.
        done = run(model, data, space, Uniform(trials), engine=engine, seed=seed, progress=False)
        return clock.read().cpu, str(done.manifest["engine"])

    serial: list[float] = []
    auto: list[float] = []
    chosen = ""
    for turn in range(turns):
        if turn % 2:
            serial.append(seconds(Serial())[0])
        spent, chosen = seconds("auto")
        auto.append(spent)
        if not turn % 2:
            serial.append(seconds(Serial())[0])
    ratio = Ratio.of(auto, serial)
    return Beside(case.words, str(case.target), trials, chosen, serial, auto, ratio)


def _page(lines: Sequence[Beside], machine: Sequence[str]) -> str:
    heads = ["network", "faults in", "trials", "chosen", "Serial", "auto / Serial (range)"]
    rows = [heads, ["---"] * 2 + ["---:"] * 4, *(line.cells for line in lines)]
    return "\n".join([*machine, "", *("| " + " | ".join(row) + " |" for row in rows), ""])


def _shipped(name: str, data: str, n: int) -> Pair:
    return models.load(name), load(data, n=n)


def _sentences() -> Pair:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = Sentences().eval()
        words = torch.randint(0, 1000, (6, 12))
    return model, Data(words)


def _hardened(name: str, data: str, n: int, hardening: WeightRangeCheck | Ranger) -> Pair:
    model, some = _shipped(name, data, n)
    try:
        profile = load(data, split="train", n=200)
    except InputError:
        profile = load(data, n=200)
    return hardening(model, profile, progress=False), some


WEIGHTS, VALUES = Weights("*"), Activations("*")

CASES = {
    "lenet5": Case("LeNet-5", lambda: _shipped("lenet5", "mnist", 100), WEIGHTS, (25, 600, 4000)),
    "lenet5-activations": Case(
        "LeNet-5", lambda: _shipped("lenet5", "mnist", 100), VALUES, (100, 8500, 40_000)
    ),
    "resnet20": Case(
        "ResNet-20", lambda: _shipped("resnet20", "photo_patches", 16), WEIGHTS, (25, 95, 500)
    ),
    "lstm": Case(
        "LSTM-64", lambda: _shipped("lstm_classifier", "vowels", 100), WEIGHTS, (25, 330, 4000)
    ),
    "mlp": Case("MLP", lambda: _shipped("mlp", "mnist", 100), WEIGHTS, (50, 3600, 20_000)),
    "sentences": Case("encoder of 6 layers, 6 sentences", _sentences, WEIGHTS, (25, 1200, 4000)),
    "sentences-activations": Case(
        "encoder of 6 layers, 6 sentences", _sentences, VALUES, (25, 300, 4000)
    ),
    "weight-check": Case(
        "LeNet-5 with `WeightRangeCheck`",
        lambda: _hardened("lenet5", "mnist", 100, WeightRangeCheck()),
        WEIGHTS,
        (25, 300, 4000),
    ),
    "ranger": Case(
        "LeNet-5 with `Ranger`",
        lambda: _hardened("lenet5", "mnist", 100, Ranger()),
        WEIGHTS,
        (25, 600, 4000),
    ),
}


if __name__ == "__main__":
    main()
