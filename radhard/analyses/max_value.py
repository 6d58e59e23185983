"""How large do the values of a channel get?"""

from radhard.analyses.base import Analysis, Found
from radhard.analyses.channel_statistics import of_activations
from radhard.analyses.layers import layers_of
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["MaxValue"]


@component
class MaxValue(Analysis):
    """Largest value of every channel's activations (Mahmoud et al., HarDNN, 2020).

    Fast and coarse: one forward pass, and no regard to what lies behind the channel. By channel of
    every convolution and linear layer, mean over the samples of each one's largest magnitude.

    ``kinds`` names further classes of layers to look at, such as ``("Dense",)``: modules with a
    weight of two or more dimensions, one of whose first two is as long as the channels of the
    output, which are on its last axis where the weight is a matrix, else on the one behind the
    samples. ``Conv1D`` of transformers need not be named.

    Raises:
        InputError: no module of the model is of a class in ``kinds``.
    """

    kinds: tuple[str, ...] = ()

    def find(self, workload: Workload) -> Found:
        layers = layers_of(workload, repr(self), self.kinds)
        return of_activations(workload, layers, lambda values: values.abs().amax(2))
