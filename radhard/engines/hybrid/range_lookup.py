"""What do value ranges say of trials, where they may be trusted?"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from radhard.accelerators import grid_of
from radhard.engines.hybrid.layer_deviations import LayerDeviations
from radhard.rounding import scales_in, step_of
from radhard.space import Numbers
from radhard.vulnerability_ranges import Ranges, Vulnerability, golden_margin
from radhard.workload import Workload

__all__ = ["RangeLookup"]

_BITS = 24
"""Of the widest words to which logits are rounded."""


@dataclass(frozen=True)
class RangeLookup:
    """Ranges of a model, for the samples of a workload."""

    ranges: Ranges
    workload: Workload
    guard: float

    @cached_property
    def _predictions(self) -> Numbers:
        return self.workload.predictions.cpu().numpy().astype(np.int64)

    @cached_property
    def _margins(self) -> npt.NDArray[np.float64]:
        margins = golden_margin(self.workload.logits, self.workload.predictions)
        return np.asarray(margins.double().cpu().numpy())

    @cached_property
    def _least(self) -> float:
        """The margin up to which rounding alone may decide: of two logits, each by one step."""
        logits = self.workload.logits.cpu()
        step = grid_of(logits, scales_in(self.workload.model), _BITS) or 0.0
        return 2 * self.guard * step

    def verdicts(
        self, layer: str, there: LayerDeviations, samples: Numbers
    ) -> npt.NDArray[np.int8]:
        """A `Vulnerability` for each trial; semi-vulnerable if the fault has to be executed."""
        verdicts = self.ranges.guarded(
            layer,
            there.neurons,
            there.by,
            self._predictions[samples],
            self._margins[samples],
            guard=self.guard,
            step=step_of(self.workload.model, layer),
            least=self._least,
        )
        # What deviates nowhere changes nothing, whatever the neuron at position 0 would do.
        verdicts[there.counts == 0] = Vulnerability.NON_VULNERABLE
        # Ranges hold for one neuron that deviates alone. Of several, each of them harmless, the
        # effects may add up, and harmful ones may cancel: the set of harmless deviations need not
        # be convex.
        verdicts[there.counts > 1] = Vulnerability.SEMI_VULNERABLE
        return verdicts
