"""What if no activation may be larger than any that was ever seen?"""

from typing import Literal

from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.bound import Bound, Mode
from radhard.hardenings.bounds.functions import UNBOUNDED, floor
from radhard.hardenings.bounds.roundoff import widened
from radhard.hardenings.workpiece import Workpiece
from radhard.spec import component

__all__ = ["Ranger"]


@component
class Ranger(Hardening):
    """Bounds every activation by the range seen on fault-free data (Chen et al., DSN 2021).

    After every activation function without a bound of its own. ``granularity``: one range for a
    layer or one for every neuron; ``mode``: what lies outside becomes zero (as in the comparison of
    Mousavi et al., ProAct, 2024), or is clamped to the bound (as Ranger was published). Behind
    a ReLU the lower end is zero, whatever was seen, and takes no memory. Ranges are a 130,000th of
    the largest value wider than what was seen, as other processors round in other ways.
    """

    granularity: Literal["layer", "neuron"] = "layer"
    mode: Mode = "zero"

    def harden(self, work: Workpiece) -> None:
        modules = dict(work.modules(UNBOUNDED))
        for name, (low, high) in work.ranges(list(modules), per=self.granularity).items():
            bound = Bound(
                work.by, shape=tuple(high.shape), mode=self.mode, floor=floor(modules[name])
            ).to(high)
            if bound.low is not None:
                bound.low.copy_(widened(low, down=True))
            bound.high.copy_(widened(high))
            work.attach(name, "ranger", bound)
