"""Which inferred verdicts of trials of one sample each are executed too, and what is recorded?"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from radhard.engines.audit_draw import Draw, Pairs
from radhard.engines.base import Figures
from radhard.engines.bracket.checking import RecordedTrials, fails
from radhard.engines.bracket.lines import Flags
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.inference import Inference, Tally
from radhard.space import Numbers

__all__ = ["VerdictAudit"]


@dataclass(frozen=True)
class VerdictAudit:
    """Trials of one sample each, by whether their verdict is inferred, and executed all the same.

    >>> from radhard.engines.audit_draw import Draw
    >>> draw = Draw(space=40, seed=0, samples=1, trials=40, audit=0.5)
    >>> audit = VerdictAudit.of(draw, np.arange(40), np.arange(40) < 20)
    >>> [int(flags.sum()) for flags in (audit.inferred, audit.pilot, audit.sample, audit.executed)]
    [20, 4, 8, 12]
    """

    inferred: Flags
    pilot: Flags
    """Inferred verdicts that decide whether any are inferred in a tensor."""
    sample: Flags
    """Others, whose errors estimate those of the verdicts that are left."""

    @classmethod
    def of(cls, draw: Draw, faults: Numbers, inferred: Flags) -> Self:
        """The audit that is drawn for the trials of these faults."""
        pilot = _flagged(draw.pilot(faults), inferred)
        return cls(inferred, pilot, _flagged(draw.sample(faults), inferred & ~pilot))

    @property
    def executed(self) -> Flags:
        """Trials that are executed although their verdict is inferred."""
        return self.pilot | self.sample

    def part(self, rows: Numbers) -> Self:
        """The audit of some of the trials."""
        return type(self)(self.inferred[rows], self.pilot[rows], self.sample[rows])

    def fails(self, errors: Figures, threshold: float) -> bool:
        """Whether significantly more than a share ``threshold`` of the pilot has an error."""
        wrong = (errors != 0).any(axis=1)
        return fails(int((wrong & self.pilot).sum()), int(self.pilot.sum()), threshold)

    def record(
        self,
        part: RecordedTrials,
        draw: Draw,
        found: Figures,
        errors: Figures,
        values: SampleFigures,
        sides: tuple[Flags, Flags],
        *,
        failed: bool,
    ) -> Inference:
        """The record of the audit in one tensor.

        ``found`` are the figures as inferred, and ``errors`` the true ones minus these; ``sides``
        marks the trials that count as harmless, and as harmful, by the verdict that was inferred:
        wrong ones are counted on the side on which they were believed. ``failed``: all inferred
        verdicts were executed, as too many of the pilot were wrong.
        """
        tried = self.inferred if failed else self.executed
        # Where all were executed, nothing is left to estimate.
        kept = np.flatnonzero(self.sample & (not failed))
        # Trials of the pilot are executed, hence exact.
        left = (self.inferred & ~self.pilot & (not failed))[:, None]
        wrong = tried & (errors != 0).any(axis=1)
        tallies = [
            Tally(int(side.sum()), int((tried & side).sum()), int((wrong & side).sum()))
            for side in sides
        ]
        above, below = values.may_err(found)
        return part.record(
            draw.sample_share,
            ((above & left).astype(float), (below & left).astype(float)),
            (kept, (above[kept], below[kept]), errors[kept].round(12)),
            (tallies[0], tallies[1]),
            samples=1,
            all_tried=failed,
        )


def _flagged(pairs: Pairs, inferred: Flags) -> Flags:
    flags = np.zeros(len(inferred), dtype=bool)
    flags[pairs[0]] = True
    return flags & inferred
