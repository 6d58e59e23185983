"""What if no activation function is given more than it ever was?"""

from typing import Literal

from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.bound import Bound
from radhard.hardenings.bounds.functions import FUNCTIONS
from radhard.hardenings.workpiece import Workpiece
from radhard.spec import component

__all__ = ["ActivationClip"]


@component
class ActivationClip(Hardening):
    """Clamps the inputs of activation functions, AVC (Parchekani et al., DFT 2024).

    To the range that they had on the data, before every activation function that is a module:
    sigmoid, tanh and softmax too, whose outputs are bounded, but for NaN, and wrong all the same
    where their inputs are. NaN becomes the lower end of the range. ``granularity``: one range for a
    layer or one for every neuron. The gates inside `torch.nn.LSTM` and the like are no modules;
    these stay as they are.
    """

    granularity: Literal["layer", "neuron"] = "layer"

    def harden(self, work: Workpiece) -> None:
        names = [name for name, _ in work.modules(FUNCTIONS)]
        found = work.ranges(names, per=self.granularity, inputs=True)
        for name, (low, high) in found.items():
            bound = Bound(work.by, shape=tuple(high.shape), mode="clamp", place="input").to(high)
            assert bound.low is not None
            bound.low.copy_(low)
            bound.high.copy_(high)
            work.attach(name, "clip", bound)
