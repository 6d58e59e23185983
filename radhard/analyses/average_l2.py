"""How large is the norm of a channel's values?"""

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.channel_statistics import of_activations
from radhard.analyses.layers import layers_of
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["AverageL2"]


@component
class AverageL2(Analysis):
    """Euclidean norm of every channel's activations (Mahmoud et al., HarDNN, 2020).

    Fast and coarse: one forward pass; later layers are not taken into account. By channel of every
    convolution and linear layer, the mean over the samples of the norm of the channel's map. Larger
    maps have larger norms, so that channels are comparable within a layer, not between layers.

    ``kinds`` names further classes of layers to evaluate (`MaxValue`).

    Cost: 1 forward.
    """

    kinds: tuple[str, ...] = ()

    def find(self, workload: Workload) -> AnalysisResult:
        layers = layers_of(workload, repr(self), self.kinds)
        return of_activations(workload, layers, lambda values: values.norm(dim=2))
