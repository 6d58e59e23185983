"""What if no activation may be larger than any that was ever seen?"""

from typing import Literal

from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.activation_functions import spots
from radhard.hardenings.bounds.bound import Mode
from radhard.hardenings.bounds.placing import put_bounds
from radhard.hardenings.bounds.roundoff import widened
from radhard.hardenings.draft import Draft
from radhard.spec import component

__all__ = ["Ranger"]


@component
class Ranger(Hardening):
    """Bounds every activation by the range seen on fault-free data (Chen et al., DSN 2021).

    After every activation function without a bound of its own, whether a module or a function such
    as ``F.relu``; ``kinds`` names further classes of modules to take for one. ``granularity``: one
    range for a layer or one for every neuron; ``mode``: what lies outside becomes zero (as in the
    comparison of Mousavi et al., ProAct, 2024), or is clamped to the bound (as Ranger was
    published). Behind a ReLU the lower end is zero, whatever was seen, and takes no memory. Ranges
    are a 130,000th of the largest value wider than what was seen, as other processors round in
    other ways.
    """

    granularity: Literal["layer", "neuron"] = "layer"
    mode: Mode = "zero"

    kinds: tuple[str, ...] = ()

    def harden(self, draft: Draft) -> None:
        put_bounds(
            draft,
            spots(draft, self.kinds),
            "ranger",
            per=self.granularity,
            mode=self.mode,
            limits=lambda low, high: (widened(low, down=True), widened(high)),
        )
