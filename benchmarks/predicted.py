"""How near do predicted vulnerability factors come to exhaustive injection, and at what cost?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import torch
from torch import nn

from benchmarks.clock import Clock
from benchmarks.vgg11 import trained_vgg11
from benchmarks.whole_channels import WholeChannels
from radhard import datasets, models
from radhard.analyses import DeepVigorPlus
from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.metrics import Critical
from radhard.results import Results
from radhard.samplers import Exhaustive, Sampler
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.targets import Weights

__all__ = ["VGG11", "main", "vgg11_speed"]

VGG11 = "vgg11-deepvigor-plus"

AUTHORS = "526 s on an NVIDIA A100, 4,596 and 1,038 simulations of 100 images"
"""(Ahmadilivani et al., 2024), of VGG-11 at 10 %: activations, and filters."""

SFI = (71_173, 66_934)
"""Simulations of data-aware statistical injection in VGG-11: in activations, and in weights."""

_PUBLISHED = {
    "error": "uniform",
    "grid": "powers",
    "strict": False,
    "tolerance": 0.0,
    "screen": 0.0,
}
WAYS: dict[str, dict[str, Any]] = {
    "as published": _PUBLISHED,
    "errors beyond 2^10 tried": {**_PUBLISHED, "strict": True},
    "and true patterns": {**_PUBLISHED, "strict": True, "error": "pattern"},
    "and a tolerance (the default)": {},
    "and an adaptive grid": {"grid": "adaptive"},
    "4 weights an image": {"draws": 4},
}


@dataclass(frozen=True)
class PredictionRow:
    """How far the channels of a network were told, in percentage points."""

    way: str
    mean: float
    largest: float
    inside: float
    """Share of the channels whose measured factor is between the limits."""
    simulations: int
    rows: int
    seconds: float


@click.group()
def main() -> None:
    """Vulnerability factors by DeepVigorPlus."""
    torch.set_num_threads(1)


@main.command()
@click.argument("network", type=click.Choice(["lenet5", "resnet20"]))
@click.option("--images", default=100, help="The first so many of the test samples.")
@click.option("--share", default=1.0, help="Of the channels of each layer; all faults of these.")
@click.option("--seed", default=0)
def accuracy(network: str, images: int, share: float, seed: int) -> None:
    """Against every bit flip of every weight of the channels."""
    name = {"lenet5": "mnist", "resnet20": "photo_patches"}[network]
    model, data = models.load(network), datasets.load(name, split="test", n=images)
    sampler: Sampler = Exhaustive() if share == 1 else WholeChannels(share)
    space = FaultSpace.of(model, Weights("*", layers="Conv2d|Linear"), BitFlip(), Float32())
    clock = Clock()
    results = run(
        model, data, space, sampler, metrics=[Critical()], engine=Bracket(), seed=seed, audit=0.0
    )
    click.echo(f"{network}, {len(results):,} faults x {images} images: {clock.read().cpu:.0f} s\n")
    click.echo("| way | mean error | largest | within limits | simulations | images | seconds |")
    click.echo("|---|---:|---:|---:|---:|---:|---:|")
    for told in _prediction_rows(model, data, results, images, seed):
        click.echo(
            f"| {told.way} | {told.mean:.3f} | {told.largest:.2f} | {told.inside:.0%} | "
            f"{told.simulations:,} | {told.rows:,} | {told.seconds:.0f} |"
        )


@main.command()
@click.option("--seed", default=0)
def speed(seed: int) -> None:
    """VGG-11, activations and filters, a tenth of the channels, 100 images."""
    click.echo(vgg11_speed(seed))


def vgg11_speed(seed: int = 0) -> str:
    """What VGG-11 takes, as Markdown."""
    model, data = trained_vgg11(), datasets.photo_patches(split="test", n=100)
    clock = Clock()
    scores = DeepVigorPlus(channels=0.1)(model, data, seed=seed)
    span, facts = clock.read(), scores.facts
    simulations, rows = facts["simulations"], facts["rows"]
    lines = [
        "VGG-11 (9.2 M parameters), activations and filters of a tenth of the channels by "
        f"`{scores.by}`, 100 images: {span.cpu:.0f} s of processor time, {span.wall:.0f} s by the "
        f"wall, one thread. Published: {AUTHORS}.",
        "",
        "| | simulations | images passed | answers inferred | of these passed too | wrong |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind in ("activations", "weights"):
        told = (facts[name][kind] for name in ("inferred", "audited", "audited_wrong"))
        counts = " | ".join(f"{count:,}" for count in (simulations[kind], rows[kind], *told))
        lines.append(f"| {kind} | {counts} |")
    share = sum(SFI) / sum(simulations.values())
    lines += ["", f"Data-aware statistical injection takes {share:.1f} times the simulations."]
    return "\n".join(lines)


@main.command()
@click.argument("network", type=click.Choice(["vgg11", "resnet20"]), default="vgg11")
@click.option("--of", type=click.Choice(["weights", "activations"]), default="weights")
@click.option("--repetitions", default=20)
@click.option("--images", default=100)
@click.option("--draws", default=4, help="Weights for each image, in the complete analysis.")
@click.option("--neurons", default=64, help="Of each channel, in the complete analysis.")
def sampling(
    network: str, of: Any, repetitions: int, images: int, draws: int, neurons: int
) -> None:
    """A tenth of the channels, by the default settings, against all of them, more closely.

    What is complete has many weights for each image, or neurons of each channel, and those drawn
    with another seed: its own error is small and shared with nothing.
    """
    model = trained_vgg11() if network == "vgg11" else models.load(network)
    data = datasets.photo_patches(split="test", n=images)
    sampled = DeepVigorPlus(of, images=images)(model, data, seed=0)
    complete = DeepVigorPlus(of, images=images, draws=draws, neurons=neurons)(model, data, seed=1)
    channels, layers = [], []
    rng = np.random.default_rng(0)
    for _ in range(repetitions):
        for name, values in sampled.values.items():
            # A channel has the same weights and neurons drawn whether or not others are analyzed.
            drawn = rng.choice(len(values), max(1, len(values) // 10), replace=False)
            channels.append(np.abs(values[drawn] - complete[name][drawn]))
            layers.append(abs(values[drawn].mean() - complete[name].mean()))
    every = np.concatenate(channels)
    click.echo(
        f"{network}, {of}, {images} images: mean error of CVF {100 * every.mean():.4f} points "
        f"(largest {100 * every.max():.3f}), of LVF {100 * np.mean(layers):.4f} points (largest "
        f"{100 * np.max(layers):.3f}), over {repetitions} repetitions"
    )
    for name, values in sampled.values.items():
        apart = np.abs(values - complete[name]).mean()
        click.echo(f"{name}: mean error of CVF {100 * apart:.4f} points, {len(values)} channels")


def _prediction_rows(
    model: nn.Module, data: Data, results: Results, images: int, seed: int
) -> Iterator[PredictionRow]:
    for way, arguments in WAYS.items():
        clock = Clock()
        analysis = DeepVigorPlus("weights", images=images, **arguments)
        scores = analysis(model, data, seed=seed)
        seconds = clock.read().cpu
        apart, inside = _apart(scores, results)
        counts = scores.facts["simulations"]["weights"], scores.facts["rows"]["weights"]
        yield PredictionRow(way, 100 * apart.mean(), 100 * apart.max(), inside, *counts, seconds)


def _apart(scores: Scores, results: Results) -> tuple[np.ndarray, float]:
    """Differences by channel, and how many of the measured factors are within the limits."""
    assert scores.low is not None
    assert scores.high is not None
    frame = results.to_frame()
    harm = frame["Critical().critical"] + frame["Critical().due"]
    channel = [index[0] for index in frame["index"]]
    measured = harm.groupby([frame["tensor"], channel]).mean()
    apart, inside = [], []
    for (name, at), rate in measured.items():
        apart.append(abs(scores[name][at] - rate))
        inside.append(scores.low[name][at] - 1e-9 <= rate <= scores.high[name][at] + 1e-9)
    return np.array(apart), float(np.mean(inside))


if __name__ == "__main__":
    main()
