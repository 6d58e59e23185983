"""Which campaigns are timed with nothing given but model and data?"""

from benchmarks.row import Row, Size, Work
from benchmarks.rows import lenet5, resnet20
from radhard import datasets, models
from radhard.targets import Activations, Weights

__all__ = ["DEFAULT"]


def _lstm(quick: bool) -> Work:  # noqa: ARG001
    return Work.of(models.load("lstm_classifier"), datasets.load("vowels", n=100), Weights("*"))


DEFAULT = (
    Row.default(
        "default-lenet5",
        "LeNet-5, the default",
        30,
        lambda _: Work.of(*lenet5(), Weights("*")),
        Size(trials=4000, naive=300, repeats=7),
        Size(trials=4000, naive=100, repeats=3),
    ),
    Row.default(
        "default-resnet20",
        "ResNet-20, the default",
        20,
        lambda _: Work.of(*resnet20(), Weights("*")),
        Size(trials=1000, naive=25, repeats=5),
        Size(trials=1000, naive=10, repeats=3),
    ),
    Row.default(
        "default-resnet20-long",
        "ResNet-20, the default",
        30,
        lambda _: Work.of(*resnet20(), Weights("*")),
        Size(trials=10_000, naive=25, repeats=5),
        Size(trials=10_000, naive=15, repeats=3),
    ),
    Row.default(
        "default-lstm",
        "LSTM-64 on vowels, the default",
        12,
        _lstm,
        Size(trials=10_000, naive=100, repeats=7),
        Size(trials=10_000, naive=40, repeats=3),
    ),
    Row.default(
        "default-activations",
        "ResNet-20, activations, the default",
        12,
        lambda _: Work.of(*resnet20(), Activations("*")),
        Size(trials=10_000, naive=500, repeats=5),
        Size(trials=10_000, naive=200, repeats=3),
    ),
)
