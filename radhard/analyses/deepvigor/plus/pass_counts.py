"""How many passes were executed, and how often are inferred predictions wrong?"""

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
    """The number of executed and inferred predictions."""

    simulations: int = 0
    """Passes of a batch of images for one channel or neuron, as counted by the authors: those in
    which some image had to be executed."""
    rows: int = 0
    """Images that were executed; those whose search has ended do not take part."""
    inferred: Counts = field(default_factory=_none)
    """Images whose prediction was inferred, by way: to first order, or from other images far
    out."""
    audited: Counts = field(default_factory=_none)
    """How many of these were executed nevertheless."""
    wrong: Counts = field(default_factory=_none)
    """How many of the latter had another prediction."""

    @property
    def wrong_at_most(self) -> npt.NDArray[np.float64]:
        """The upper limit of the share of wrong inferred predictions at 95 %, by way.

        Exact (Clopper & Pearson, 1934); 1 if none was executed, 0 if none was inferred.

        >>> cost = PassCounts(inferred=np.array([900, 3]), audited=np.array([100, 0]))
        >>> cost.wrong_at_most.round(3).tolist()
        [0.036, 1.0]
        """
        counts = zip(self.wrong.tolist(), self.audited.tolist(), strict=True)
        # Without an audit nothing is known, and all that was inferred may be wrong.
        limits = [clopper_pearson(k, n)[1] if n else 1.0 for k, n in counts]
        return np.where(self.inferred > 0, limits, 0.0)
