"""Do verdicts hold that were settled without a trial, and what is done if they do not?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.engines.bracket.lines import Flags
from radhard.engines.inferred import Inferred, to_check
from radhard.space import FaultSpace, Numbers

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """A share ``audit`` of the faults is tried; where more than ``threshold`` is wrong, all are."""

    space: FaultSpace
    seed: int
    audit: float
    threshold: float

    def drawn(self, faults: Numbers, inferred: Flags) -> Flags:
        """Which of the faults with inferred verdicts are tried."""
        drawn: Flags = inferred & to_check(faults, len(self.space), self.audit, self.seed)
        return drawn

    def record(
        self,
        faults: Numbers,
        inferred: Flags,
        wrong: npt.NDArray[np.float64],
        again: Callable[[Flags], None],
    ) -> Inferred:
        """What came of checking faults of one tensor.

        ``wrong`` is the share of each fault's verdicts that proved wrong; ``again`` tries faults
        that were not tried, and puts their verdicts right.
        """
        checked = self.drawn(faults, inferred)
        failed = bool(checked.any() and wrong[checked].mean() > self.threshold)
        if failed:
            again(inferred & ~checked)
        places, _, variants = self.space.locate(faults)
        found = zip(variants[checked].tolist(), wrong[checked].tolist(), strict=True)
        return Inferred(
            self.space.sites[int(places[0])].name,
            faults=self._counts(variants),
            inferred=self._counts(variants[inferred]),
            checked=self._counts(variants[checked]),
            wrong=tuple((variant, share) for variant, share in found if share),
            tried=failed,
        )

    def _counts(self, variants: Numbers) -> tuple[int, ...]:
        return tuple(np.bincount(variants, minlength=self.space.variants).tolist())
