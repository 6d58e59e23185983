"""What if every ReLU had a ceiling?"""

from typing import Literal

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.bound import Bound
from radhard.hardenings.bounds.functions import RECTIFIERS
from radhard.hardenings.workpiece import Workpiece
from radhard.spec import component

__all__ = ["BoundedReLU"]


@component
class BoundedReLU(Hardening):
    """Clips every ReLU at a ceiling: ``min(max(x, 0), ceiling)`` (Liew et al., 2016).

    The ceiling is ``share`` of the largest value that the layer, or the neuron, gave on the data.
    What is above it becomes the ceiling and not zero, as in `Ranger`; NaN becomes zero.
    """

    granularity: Literal["layer", "neuron"] = "layer"
    share: float = 1.0

    def check(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(
                f"BoundedReLU: share={self.share} is not allowed; a share of the largest value "
                "seen, more than 0 and at most 1"
            )

    def harden(self, work: Workpiece) -> None:
        names = [name for name, _ in work.modules(RECTIFIERS)]
        for name, (_, high) in work.ranges(names, per=self.granularity).items():
            bound = Bound(work.by, shape=tuple(high.shape), mode="clamp", floor=0.0).to(high)
            bound.high.copy_(self.share * high)
            work.attach(name, "ceiling", bound)
