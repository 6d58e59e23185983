"""How much is noise in a channel amplified on its way to the logits?"""

from typing import Literal

from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.channel_statistics import of_gradients
from radhard.analyses.layers import layers_of
from radhard.analyses.logit_gradients import check_rivals, to_rivals
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["Gain"]


@component
class Gain(Analysis):
    """Noise gain from every channel's activations to the logits (Mahmoud et al., HarDNN, 2020).

    For the golden class t and every other class i, the squared derivatives of ``Z_i - Z_t``, the
    difference of their logits, divided by its square: the variance of the difference under
    independent noise of variance 1 in all values of a map, relative to the margin. Sum over the
    classes, mean over the samples. By channel of every convolution and linear layer.

    One forward pass, and a backward pass for every other class. Ranks channels better than the
    values alone, but ignores saturation: it describes small deviations. Samples with almost equal
    logits of the two best classes dominate.

    ``per``: noise in the whole map (``"map"``), or in one value of it on average (``"value"``),
    which compares channels with maps of different sizes per fault, as a campaign does. ``guard``:
    the minimum margin; smaller margins are replaced by it. ``rivals``: the number of other
    classes that are used, those with the next largest logits; None: all. ``kinds`` names further
    classes of layers to evaluate (`MaxValue`).

    Cost: 1 forward, C - 1 backward.

    Raises:
        InputError: ``guard`` is not positive and finite, or ``rivals`` is below 1.
    """

    per: Literal["map", "value"] = "map"
    guard: float = 1e-3
    rivals: int | None = None
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        check_rivals(self, self.guard, self.rivals)

    def find(self, workload: Workload) -> AnalysisResult:
        def measure(gradients: Tensor) -> Tensor:
            # Squared before summing over positions: the noise of different values is independent,
            # so variances add up.
            total = gradients.square().sum((0, 3))
            return total / gradients.shape[3] if self.per == "value" else total

        layers = layers_of(workload, repr(self), self.kinds)
        pulls = to_rivals(workload, self.guard, self.rivals)
        return of_gradients(workload, layers, pulls, measure)
