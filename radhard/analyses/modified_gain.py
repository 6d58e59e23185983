"""How much is a common deviation of a channel amplified on its way to the logits?"""

from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.channel_statistics import of_gradients
from radhard.analyses.layers import layers_of
from radhard.analyses.logit_gradients import check_rivals, to_rivals
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["ModifiedGain"]


@component
class ModifiedGain(Analysis):
    """Noise gain if all values of a channel deviate equally (Mahmoud et al., HarDNN, 2020).

    As `Gain`, without the assumption that the noise of neighbouring values is independent: the
    square of the sum of the derivatives instead of the sum of their squares. Suitable for faults
    that shift a whole map, such as one in a bias or weight; for a channel of one value it equals
    `Gain`.

    One forward pass, and a backward pass for every other class.

    ``guard``: the minimum margin; smaller margins are replaced by it. ``rivals``: the number of
    other classes that are used, those with the next largest logits; None: all. ``kinds`` names
    further classes of layers to evaluate (`MaxValue`).

    Cost: 1 forward, C - 1 backward.

    Raises:
        InputError: ``guard`` is not positive and finite, or ``rivals`` is below 1.
    """

    guard: float = 1e-3
    rivals: int | None = None
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        check_rivals(self, self.guard, self.rivals)

    def find(self, workload: Workload) -> AnalysisResult:
        def measure(gradients: Tensor) -> Tensor:
            # Summed over positions before squaring: all values of the map deviate by the same
            # amount.
            return gradients.sum(3).square().sum(0)

        layers = layers_of(workload, repr(self), self.kinds)
        pulls = to_rivals(workload, self.guard, self.rivals)
        return of_gradients(workload, layers, pulls, measure)
