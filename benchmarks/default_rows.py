"""Which campaigns are timed with nothing given but model and data?"""

from benchmarks.row import Row, Size, Work
from benchmarks.rows import lenet5, resnet20
from radhard import datasets, models
from radhard.targets import Activations, Weights

__all__ = ["DEFAULT"]

_AUDIT = 0.0025
"""The default of `radhard.run`, whose time counts here."""


def _lstm(quick: bool) -> Work:  # noqa: ARG001
    return Work.of(models.load("lstm_classifier"), datasets.load("vowels", n=100), Weights("*"))


DEFAULT = (
    Row(
        "default-lenet5",
        "LeNet-5, the default",
        30,
        lambda _: Work.of(*lenet5(), Weights("*")),
        "Uniform({})".format,
        Size(trials=4000, naive=300, repeats=7),
        Size(trials=4000, naive=100, repeats=3),
        metrics=None,
        audit=_AUDIT,
    ),
    Row(
        "default-resnet20",
        "ResNet-20, the default",
        20,
        lambda _: Work.of(*resnet20(), Weights("*")),
        "Uniform({})".format,
        Size(trials=1000, naive=25, repeats=5),
        Size(trials=1000, naive=10, repeats=3),
        metrics=None,
        audit=_AUDIT,
    ),
    Row(
        "default-resnet20-long",
        "ResNet-20, the default",
        30,
        lambda _: Work.of(*resnet20(), Weights("*")),
        "Uniform({})".format,
        Size(trials=10_000, naive=25, repeats=5),
        Size(trials=10_000, naive=15, repeats=3),
        metrics=None,
        audit=_AUDIT,
    ),
    Row(
        "default-lstm",
        "LSTM-64 on vowels, the default",
        12,
        _lstm,
        "Uniform({})".format,
        Size(trials=10_000, naive=100, repeats=7),
        Size(trials=10_000, naive=40, repeats=3),
        metrics=None,
        audit=_AUDIT,
    ),
    Row(
        "default-activations",
        "ResNet-20, activations, the default",
        12,
        lambda _: Work.of(*resnet20(), Activations("*")),
        "Uniform({})".format,
        Size(trials=10_000, naive=500, repeats=5),
        Size(trials=10_000, naive=200, repeats=3),
        metrics=None,
        audit=_AUDIT,
    ),
)
