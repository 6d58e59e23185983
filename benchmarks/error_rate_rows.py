"""Which campaigns at a bit error rate are timed, and how fast do they have to be?"""

from benchmarks.row import Row, Size, Work
from benchmarks.rows import resnet20
from radhard.targets import Weights

__all__ = ["ERROR_RATES"]


def _resnet20(quick: bool) -> Work:  # noqa: ARG001
    return Work.of(*resnet20(), Weights("*"))


_SAMPLER = "ErrorRate(1e-6, trials={})".format

ERROR_RATES = (
    Row(
        "error-rate",
        "ResNet-20, bit error rate 1e-6 over all weights",
        1.5,
        _resnet20,
        _SAMPLER,
        Size(trials=100, naive=25, repeats=5),
        Size(trials=30, naive=10, repeats=3),
        engine="Folded()",
    ),
    Row(
        "error-rate-first-order",
        "ResNet-20, bit error rate 1e-6 over all weights",
        2,
        _resnet20,
        _SAMPLER,
        Size(trials=100, naive=25, repeats=5),
        Size(trials=100, naive=10, repeats=3),
        engine="FirstOrder()",
        metrics=("Critical()",),
    ),
    Row.default(
        "default-error-rate-short",
        "ResNet-20, bit error rate 1e-6, the default",
        1.5,
        _resnet20,
        Size(trials=100, naive=25, repeats=5),
        Size(trials=100, naive=10, repeats=3),
        _SAMPLER,
    ),
    Row.default(
        "default-error-rate",
        "ResNet-20, bit error rate 1e-6, the default",
        2,
        _resnet20,
        Size(trials=1000, naive=25, repeats=5),
        Size(trials=300, naive=10, repeats=3),
        _SAMPLER,
    ),
)
