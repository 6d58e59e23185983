"""Which campaigns are timed, and how fast do they have to be?"""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.row import Row, Size, Work
from radhard.datasets.data import Data
from radhard.datasets.load import load as load_data
from radhard.models.load import load as load_model
from radhard.targets import Activations, Weights

__all__ = ["ROWS", "lenet5", "resnet20"]

BITS = 32


def lenet5() -> tuple[nn.Module, Data]:
    """The trained network and 100 digits."""
    return load_model("lenet5"), load_data("mnist", n=100)


def resnet20() -> tuple[nn.Module, Data]:
    """The trained network and 100 patches of photos."""
    return load_model("resnet20"), load_data("photo_patches", n=100)


def _large(quick: bool) -> Work:
    """ResNet-18 has no trained weights here; patches blown up are at least pictures."""
    patches = load_data("photo_patches", n=2 if quick else 8)
    assert isinstance(patches.inputs, torch.Tensor)
    inputs = functional.interpolate(patches.inputs, size=(224, 224), mode="bilinear")
    return Work.of(load_model("resnet18"), Data(inputs, patches.labels), Activations("*"))


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
        "error-rate",
        "ResNet-20, bit error rate 1e-6 over all weights",
        1.5,
        lambda _: Work.of(*resnet20(), Weights("*")),
        "ErrorRate(1e-6, trials={})".format,
        Size(trials=100, naive=25, repeats=5),
        Size(trials=30, naive=10, repeats=3),
        engine="Folded()",
    ),
    Row(
        "lstm",
        "LSTM-64 on vowels, one weight bit",
        10,
        lambda _: Work.of(load_model("lstm_classifier"), load_data("vowels", n=100), Weights("*")),
        "Uniform({})".format,
        Size(trials=2000, naive=100, repeats=7),
        Size(trials=500, naive=40, repeats=3),
        engine="Replay()",
    ),
    Row(
        "lstm-first-order",
        "LSTM-64 on vowels, one weight bit",
        10,
        lambda _: Work.of(load_model("lstm_classifier"), load_data("vowels", n=100), Weights("*")),
        "Uniform({})".format,
        # About what a margin of one point at 95 % asks for, which is 9,604.
        Size(trials=10_000, naive=100, repeats=7),
        Size(trials=500, naive=40, repeats=3),
        engine="FirstOrder()",
        metrics=("Critical()",),
    ),
)
