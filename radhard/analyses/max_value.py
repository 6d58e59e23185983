"""How large are the values of a channel?"""

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.channel_statistics import of_activations
from radhard.analyses.layers import layers_of
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["MaxValue"]


@component
class MaxValue(Analysis):
    """Largest value of every channel's activations (Mahmoud et al., HarDNN, 2020).

    Fast and coarse: one forward pass; later layers are not taken into account. By channel of every
    convolution and linear layer, the mean over the samples of the largest magnitude.

    ``kinds`` names further classes of layers to evaluate, such as ``("Dense",)``: modules with a
    weight of two or more dimensions, one of whose first two has the size of the channels of the
    output. The channels are on the last axis of the output if the weight is a matrix, else on the
    second. ``Conv1D`` of transformers need not be named.

    Cost: 1 forward.

    Raises:
        InputError: no module of the model is of a class in ``kinds``.
    """

    kinds: tuple[str, ...] = ()

    def find(self, workload: Workload) -> AnalysisResult:
        layers = layers_of(workload, repr(self), self.kinds)
        return of_activations(workload, layers, lambda values: values.abs().amax(2))
