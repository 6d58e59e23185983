"""How strongly does the loss depend on the values of a channel?"""

from typing import Literal

from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
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
    of the gradients at all values of a map, mean over the samples. Shows which channels affect the
    prediction, but not how large the deviation of a fault would be; for samples predicted with high
    confidence the gradient almost vanishes, and says little about large deviations.

    ``per``: the sum over the map (``"map"``), or its mean (``"value"``), which compares channels
    with maps of different sizes per fault, as a campaign does. ``of``: the class of the
    cross-entropy, the golden prediction (``"answer"``) or the label. ``kinds`` names further
    classes of layers to evaluate (`MaxValue`).

    Cost: 1 forward, 1 backward.
    """

    per: Literal["map", "value"] = "map"
    of: Literal["answer", "label"] = "answer"
    kinds: tuple[str, ...] = ()

    def find(self, workload: Workload) -> AnalysisResult:
        classes = workload.predictions if self.of == "answer" else workload.label_classes

        def measure(gradients: Tensor) -> Tensor:
            total = gradients.abs().sum((0, 3))
            return total / gradients.shape[3] if self.per == "value" else total

        layers = layers_of(workload, repr(self), self.kinds)
        return of_gradients(workload, layers, of_cross_entropy(classes), measure)
