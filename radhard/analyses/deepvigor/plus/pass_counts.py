"""What was asked of the model, and how often is what was inferred instead wrong?"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from radhard.analyses.deepvigor.plus.search import WAYS
from radhard.stats import clopper_pearson

__all__ = ["Counts", "PassCounts"]

Counts = npt.NDArray[np.int64]


def _none() -> Counts:
    return np.zeros(WAYS, dtype=np.int64)


@dataclass
class PassCounts:
    """What was asked of the model."""

    simulations: int = 0
    """Passes of a batch of images for one channel or neuron, as the authors count: those in which
    some image had to be passed."""
    rows: int = 0
    """Images that were passed; those that are settled take no part."""
    inferred: Counts = field(default_factory=_none)
    """Images whose answer was inferred, by the way: to first order, or as that of others far
    out."""
    audited: Counts = field(default_factory=_none)
    """How many of these were passed all the same."""
    wrong: Counts = field(default_factory=_none)
    """How many of the latter gave another answer."""

    @property
    def wrong_at_most(self) -> npt.NDArray[np.float64]:
        """By the way, the upper limit of the share of inferred answers that are wrong, at 95 %.

        Exact (Clopper & Pearson, 1934); 1 where none was passed, 0 where none was inferred.

        >>> cost = PassCounts(inferred=np.array([900, 3]), audited=np.array([100, 0]))
        >>> cost.wrong_at_most.round(3).tolist()
        [0.036, 1.0]
        """
        counts = zip(self.wrong.tolist(), self.audited.tolist(), strict=True)
        limits = [clopper_pearson(k, n)[1] if n else 1.0 for k, n in counts]
        return np.where(self.inferred > 0, limits, 0.0)
