"""Which campaigns are timed, and how fast do they have to be?"""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.row import Row, Size, Work
from radhard import datasets, models
from radhard.datasets import Data
from radhard.targets import Activations, Biases, Weights

__all__ = ["EXHAUSTIVE", "ROWS", "WORKERS", "lenet5", "resnet20"]

BITS = 32


def lenet5() -> tuple[nn.Module, Data]:
    """The trained network and 100 digits."""
    return models.load("lenet5"), datasets.load("mnist", n=100)


def resnet20() -> tuple[nn.Module, Data]:
    """The trained network and 100 patches of photos."""
    return models.load("resnet20"), datasets.load("photo_patches", n=100)


def _large(quick: bool) -> Work:
    """ResNet-18 has no trained weights here; patches blown up are at least pictures."""
    patches = datasets.load("photo_patches", n=2 if quick else 8)
    assert isinstance(patches.inputs, torch.Tensor)
    inputs = functional.interpolate(patches.inputs, size=(224, 224), mode="bilinear")
    return Work.of(models.load("resnet18"), Data(inputs, patches.labels), Activations("*"))


ROWS = (
    Row(
        "lenet5",
        "LeNet-5, one weight bit",
        20,
        lambda _: Work.of(*lenet5(), Weights("*")),
        "Uniform({})".format,
        Size(trials=4000, naive=300, repeats=7),
        Size(trials=2000, naive=100, repeats=3),
        engine="Replay()",
    ),
    Row(
        "resnet20",
        "ResNet-20, one weight bit",
        10,
        lambda _: Work.of(*resnet20(), Weights("*")),
        "Uniform({})".format,
        Size(trials=1000, naive=25, repeats=5),
        Size(trials=200, naive=10, repeats=3),
        engine="Replay()",
    ),
    Row(
        "resnet20-first-order",
        "ResNet-20, one weight bit",
        10,
        lambda _: Work.of(*resnet20(), Weights("*")),
        "Uniform({})".format,
        Size(trials=1000, naive=25, repeats=5),
        Size(trials=200, naive=10, repeats=3),
        engine="FirstOrder()",
        metrics=("Critical()",),
    ),
    Row(
        "bracket",
        "ResNet-20, all 32 bits of sampled weights",
        80,
        lambda _: Work.of(*resnet20(), Weights("*")),
        lambda n: f"Words({max(1, n // BITS)})",
        Size(trials=500 * BITS, naive=40, repeats=5),
        Size(trials=100 * BITS, naive=15, repeats=3),
        engine="Bracket()",
        metrics=("Critical()",),
        # Every inferred verdict is tried: what it says of this campaign is no estimate.
        checked="Bracket(audit=1.0)",
    ),
    Row(
        "resnet20-activations",
        "ResNet-20, one activation bit, one sample",
        8,
        lambda _: Work.of(*resnet20(), Activations("*")),
        "Uniform({})".format,
        Size(trials=10_000, naive=500, repeats=5),
        Size(trials=2000, naive=200, repeats=3),
        engine="Replay()",
    ),
    Row(
        "resnet20-activations-first-order",
        "ResNet-20, one activation bit, one sample",
        8,
        lambda _: Work.of(*resnet20(), Activations("*")),
        "Uniform({})".format,
        Size(trials=10_000, naive=500, repeats=5),
        Size(trials=2000, naive=200, repeats=3),
        engine="FirstOrder()",
        metrics=("Critical()",),
    ),
    Row(
        "resnet18-activations",
        "ResNet-18 at 224x224, one activation bit, one sample",
        15,
        _large,
        "Uniform({})".format,
        Size(trials=2000, naive=20, repeats=5),
        Size(trials=100, naive=5, repeats=3),
        engine="Replay()",
    ),
    Row(
        "resnet18-activations-first-order",
        "ResNet-18 at 224x224, one activation bit, one sample",
        15,
        _large,
        "Uniform({})".format,
        Size(trials=2000, naive=20, repeats=5),
        Size(trials=100, naive=5, repeats=3),
        engine="FirstOrder()",
        metrics=("Critical()",),
    ),
    Row(
        "lstm",
        "LSTM-64 on vowels, one weight bit",
        10,
        lambda _: Work.of(
            models.load("lstm_classifier"), datasets.load("vowels", n=100), Weights("*")
        ),
        "Uniform({})".format,
        Size(trials=2000, naive=100, repeats=7),
        Size(trials=500, naive=40, repeats=3),
        engine="Replay()",
    ),
    Row(
        "lstm-first-order",
        "LSTM-64 on vowels, one weight bit",
        10,
        lambda _: Work.of(
            models.load("lstm_classifier"), datasets.load("vowels", n=100), Weights("*")
        ),
        "Uniform({})".format,
        # About what a margin of one point at 95 % asks for, which is 9,604.
        Size(trials=10_000, naive=100, repeats=7),
        Size(trials=500, naive=40, repeats=3),
        engine="FirstOrder()",
        metrics=("Critical()",),
    ),
)

WORKERS = Row(
    "workers",
    "ResNet-20, one weight bit, 2 workers against 1",
    1.7,
    lambda _: Work.of(*resnet20(), Weights("*")),
    "Uniform({})".format,
    Size(trials=4000, naive=0, repeats=3),
    Size(trials=400, naive=0, repeats=3),
    engine="Replay()",
)

EXHAUSTIVE = Row(
    "exhaustive",
    "LeNet-5, every bit of every parameter",
    0,
    lambda _: Work.of(*lenet5(), [Weights("*"), Biases("*")]),
    lambda n: f"Words({max(1, n // BITS)})" if n else "Exhaustive()",
    Size(trials=0, naive=400, repeats=1),
    Size(trials=1000 * BITS, naive=100, repeats=1),
    engine="Bracket()",
    metrics=("Critical()",),
)
