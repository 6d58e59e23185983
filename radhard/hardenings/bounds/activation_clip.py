"""What if no activation function is given more than it ever was?"""

from typing import Literal

from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.activation_functions import spots
from radhard.hardenings.bounds.placing import put_bounds
from radhard.hardenings.draft import Draft
from radhard.spec import component

__all__ = ["ActivationClip"]


@component
class ActivationClip(Hardening):
    """Clamps the inputs of activation functions, AVC (Parchekani et al., DFT 2024).

    To the range that they had on the data, before every activation function: a module or a function
    that is given the output of one. Sigmoid, tanh and softmax too, whose outputs are bounded, but
    for NaN, and wrong all the same where their inputs are. NaN becomes the lower end of the range.
    ``granularity``: one range for a layer or one for every neuron. ``kinds`` names further classes
    of modules to take for activation functions. The gates inside `torch.nn.LSTM` and the like are
    no modules; these stay as they are.
    """

    granularity: Literal["layer", "neuron"] = "layer"

    kinds: tuple[str, ...] = ()

    def harden(self, draft: Draft) -> None:
        put_bounds(
            draft,
            spots(draft, self.kinds, side="before", of="all"),
            "clip",
            per=self.granularity,
            mode="clamp",
            limits=lambda low, high: (low, high),
            floored=False,
        )
