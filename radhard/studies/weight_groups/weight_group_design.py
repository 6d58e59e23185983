"""How many flips are tried in which bits of a set of weights, and which sets are protected?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from radhard.studies.networks import Network
from radhard.studies.study import Plan

__all__ = ["WeightGroupDesign"]


@final
@dataclass(frozen=True)
class WeightGroupDesign:
    """Flips in sets of weights, field by field, and the in-place Hamming code of those selected."""

    fields: Mapping[str, str | None]
    """The name of each field of the words, and how `BitFlip` calls it; None: all bits."""
    exposed: str
    """The field that decides which sets are protected, and that the code protects."""
    whole: str
    """The name of the field that has all bits."""
    counts: tuple[int, ...] = (1, 10, 20)
    """Numbers of flips at the same time; the largest one decides which sets are protected."""
    rates: tuple[float, ...] = (1e-4, 1e-3)
    """Error rates per bit of the exposed field, so that sets of all sizes have equal rates."""
    tolerated: float = 6.5
    """Points of accuracy; sets that lose more on average are protected."""
    trials: int = 100
    """Trials at each number of flips, and at each rate."""
    precise: int = 400
    """Trials of protected sets at the number of flips that is judged with a narrow interval."""
    judged: int = 10
    """That number of flips."""
    quick: int = 5
    """Trials of a quick study, instead of both."""

    def trials_of(self, plan: Plan) -> int:
        """Trials at each number of flips."""
        if plan.runs is not None:
            return plan.runs
        return self.quick if plan.quick else self.trials

    def precise_of(self, plan: Plan) -> int:
        """Trials of protected sets at the judged number of flips."""
        if plan.runs is not None:
            return plan.runs * self.precise // self.trials
        return self.quick if plan.quick else self.precise

    def images_of(self, network: Network, plan: Plan) -> int:
        """Test samples in a campaign."""
        return min(network.images if plan.images is None else plan.images, len(network.test))
