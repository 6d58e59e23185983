"""How steeply does the loss rise with the values of a channel?"""

from typing import Literal

from torch import Tensor

from radhard.analyses.base import Analysis, Found
from radhard.analyses.channel_statistics import of_gradients
from radhard.analyses.layers import layers_of
from radhard.analyses.logit_gradients import of_cross_entropy
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["Gradient"]


@component
class Gradient(Analysis):
    """Gradient of the cross-entropy at every channel's activations (Mahmoud et al., HarDNN, 2020).

    One forward and one backward pass. By channel of every convolution and linear layer: magnitudes
    of the gradients at all values of a map, mean over the samples. Tells well which channels matter
    to the answer, but not how far a fault would carry them; where a sample is answered with
    certainty its gradient is all but nothing, and says so little about large deviations.

    ``per``: the sum over the map (``"map"``), or its mean (``"value"``), which compares channels of
    maps of unequal size as a campaign does, by the fault. ``of``: the class of the cross-entropy,
    the golden answer or the label. ``kinds`` names further classes of layers to look at
    (`MaxValue`).
    """

    per: Literal["map", "value"] = "map"
    of: Literal["answer", "label"] = "answer"
    kinds: tuple[str, ...] = ()

    def find(self, workload: Workload) -> Found:
        classes = workload.predictions if self.of == "answer" else workload.label_classes

        def measure(gradients: Tensor) -> Tensor:
            total = gradients.abs().sum((0, 3))
            return total / gradients.shape[3] if self.per == "value" else total

        layers = layers_of(workload, repr(self), self.kinds)
        return of_gradients(workload, layers, of_cross_entropy(classes), measure)
