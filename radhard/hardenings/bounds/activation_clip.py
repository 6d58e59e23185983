"""What if the inputs of activation functions are clamped to their fault-free range?"""

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

    The inputs of every activation function, a module or a function applied to the output of a
    module, are clamped to their range on the data. This includes sigmoid, tanh and softmax: except
    for NaN their outputs are bounded, but they are still wrong if their inputs are. NaN becomes the
    lower end of the range. ``granularity``: one range per layer or one per neuron. ``kinds`` names
    additional classes of modules to treat as activation functions.

    In `torch.nn.LSTM`, `torch.nn.GRU` and `torch.nn.RNN`, these are the sums of every gate, and the
    cell state, the input of the last tanh: it is clamped where it is stored, so that a wrong one is
    not carried on either. ``granularity="neuron"`` has one range per unit, for all steps. The layer
    then computes step by step; its tensors keep their names.

    Cost: Two numbers per layer or neuron; time as ``Ranger``.
    """

    granularity: Literal["layer", "neuron"] = "layer"

    kinds: tuple[str, ...] = ()

    def harden(self, draft: Draft) -> None:
        put_bounds(
            draft,
            spots(draft, self.kinds, side="before", of="all", gates=True),
            "clip",
            per=self.granularity,
            mode="clamp",
            limits=lambda low, high: (low, high),
            floored=False,
        )
