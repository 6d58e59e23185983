"""What if no activation may be larger than any that was ever seen?"""

from typing import Literal

from torch import nn

from radhard.hardenings.base import Hardening
from radhard.hardenings.bound import Bound
from radhard.hardenings.workpiece import Workpiece
from radhard.spec import component

__all__ = ["Ranger"]


@component
class Ranger(Hardening):
    """Bounds every activation by the range seen on fault-free data (Chen et al., DSN 2021).

    After every activation function of `FUNCTIONS`. ``granularity``: one bound for a layer or one
    for every neuron; ``mode``: what lies outside becomes zero (as in the comparison of Ahmadilivani
    et al., ProAct, 2024), or is clamped to the bound (as Ranger was published).
    """

    granularity: Literal["layer", "neuron"] = "layer"
    mode: Literal["zero", "clamp"] = "zero"

    def harden(self, work: Workpiece) -> None:
        names = [name for name, _ in work.modules(FUNCTIONS)]
        for name, (low, high) in work.ranges(names, per=self.granularity).items():
            bound = Bound(work.by, shape=tuple(low.shape), mode=self.mode).to(low)
            bound.low.copy_(low)
            bound.high.copy_(high)
            work.attach(name, "ranger", bound)


FUNCTIONS: tuple[type[nn.Module], ...] = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Hardswish,
)
"""Activation functions without an upper bound of their own, or with one that few values reach."""
