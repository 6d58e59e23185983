"""What if no activation may leave its fault-free range?"""

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

    A bound follows every unbounded activation function, a module or a function such as ``F.relu``;
    ``kinds`` names additional classes of modules to treat as one. ``granularity``: one range per
    layer or one per neuron; ``mode``: values outside become zero (as in the comparison of Mousavi
    et al., ProAct, 2024), or are clamped to the bound (as Ranger was published). After a ReLU the
    lower end is always zero and takes no memory. Ranges are wider than observed by a 130,000th of
    the largest value, since other processors round differently.

    In `torch.nn.LSTM`, `torch.nn.GRU` and `torch.nn.RNN`, a bound follows every gate and the cell
    state, since whatever is wrong there, also NaN, stays in the state over all later steps.
    ``granularity="neuron"`` has one range per unit, for all steps. The layer then computes step by
    step; its tensors keep their names.

    Cost: One number per layer (two if it is not a ReLU) or per neuron; 1 to 5 % of the time, up to
    7 % per neuron.
    """

    granularity: Literal["layer", "neuron"] = "layer"
    mode: Mode = "zero"

    kinds: tuple[str, ...] = ()

    def harden(self, draft: Draft) -> None:
        put_bounds(
            draft,
            spots(draft, self.kinds, gates=True),
            "ranger",
            per=self.granularity,
            mode=self.mode,
            limits=lambda low, high: (widened(low, down=True), widened(high)),
        )
