"""What is the result of repeating the same faults on a hardened model?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from radhard.comparison import (
    Comparison,
    Tolerable,
    Upsets,
    compare,
    fault_free_error,
    tolerable,
    upsets,
)
from radhard.cost import Overhead
from radhard.engines.correction import Correction
from radhard.errors import InputError
from radhard.groups import Groups
from radhard.results import Results
from radhard.stats import Estimate, check_number, is_within, mean_difference, percent

__all__ = ["Verification", "covers_in", "hardening_in"]


@dataclass(frozen=True)
class Verification:
    """A campaign on an unprotected model, and the same faults on the hardened one."""

    before: Results
    after: Results
    own: Results | None
    """Faults in what the hardening added; at error rates, in everything that the model stores."""
    cost: Overhead | None
    by: tuple[str, ...] = ()
    """The specs of the hardenings."""
    notes: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    """The layers that each hardening protects and those it does not, one line each."""

    @property
    def comparison(self) -> Comparison:
        """The rate before and after, in pairs of trials with the same fault."""
        return compare(self.before, self.after)

    def upsets(self) -> tuple[Upsets, Upsets] | None:
        """Harmful faults of each model, size of its fault space times rate; None at error rates."""
        if self.before.by_rate:
            return None
        own = () if self.own is None else (self.own,)
        return upsets(self.before), upsets(self.after, *own)

    def tolerable(self, *, increase: float = 0.005) -> tuple[Tolerable, Tolerable] | None:
        """Highest tolerable error rates before and after; None where there is nothing to tell them.

        The hardened model stands for all that it stores, and may pass the error of the unprotected
        one no more than that itself.
        """
        if not self.before.by_rate or self.before.details.scores() is None:
            return None
        free = fault_free_error(self.before)
        after = self.after if self.own is None else self.own
        relative = free > 0
        one, two = (
            tolerable(run, increase=increase, relative=relative, reference=free)
            for run in (self.before, after)
        )
        return one, two

    def loss(self) -> dict[str, Estimate] | None:
        """Accuracy of the unprotected model without faults, less that of the hardened one with.

        By error rate where there are several; None where there are no labels, or the trials are not
        the same.
        """
        scores = self.before.details.scores()
        if scores is None or not set(scores) <= set(self.after.columns):
            return None
        score, drop = scores
        numbers = np.intersect1d(self.before.numbers, self.after.numbers)
        if not self.comparison.paired or not len(numbers):
            return None
        old, new = self.before.only(numbers), self.after.only(numbers)
        lost = old.values(score) + old.values(drop) - new.values(score)
        groups = Groups(old.space, old.trials, numbers, old.usual_split)
        found = {}
        for key, rows in groups.split():
            fix = new.correction(groups, rows, score)
            chance = mean_difference(groups.cells(rows, fix.within(lost, -fix.rows, -1.0)))
            tried = sum(len(some) for some, _ in rows)
            # An underestimated accuracy is an overestimated loss, so the limits change sides.
            own = Correction(fix.rows, fix.below, fix.above)
            found[key] = own.around(groups.mean(rows, lost - fix.rows), chance, tried, least=-1.0)
        return found

    def missed(self, *, max_rate: float | None = None, max_drop: float | None = None) -> list[str]:
        """Which limits are not surely kept: the upper end of the interval counts.

        Args:
            max_rate: of the headline figure, under the same faults.
            max_drop: of `loss`, as a share: 0.01 is one point.

        Raises:
            InputError: there is no accuracy to tell the drop from, or a limit is no number that the
                figure can have.
        """
        found = []
        if max_rate is not None:
            check_number("max_rate", max_rate, 0, 1)
            column = self.after.headline
            rates = self.after.estimates(column, self.after.usual_split, 0.95)
            found += [
                f"{_at(group)}{column} {rate} is not surely below {percent(max_rate)}"
                for group, rate in rates.items()
                if not is_within(rate, max_rate)
            ]
        if max_drop is not None:
            check_number("max_drop", max_drop, -1, 1)
            lost = self.loss()
            if lost is None:
                raise InputError(
                    "a drop in accuracy is told from the metric Accuracy() of the same trials in "
                    "both runs; give data with labels, and run both with the same sampler and seed"
                )
            found += [
                f"{_at(group)}the accuracy lost, {drop}, is not surely below {percent(max_drop)}"
                for group, drop in lost.items()
                if not is_within(drop, max_drop)
            ]
        return found

    def __repr__(self) -> str:
        lines = [f"hardened by {', '.join(self.by) or 'nothing that radhard knows'}"]
        lines += self.covers
        lines.append(repr(self.comparison))
        for group, drop in (self.loss() or {}).items():
            lines.append(f"{_at(group)}accuracy lost against the unprotected model without faults:")
            lines.append(f"  {drop}")
        if (counted := self.upsets()) is not None:
            lines.append("faults that harm, of all that can strike")
            lines += [f"  before  {counted[0]}", f"  after   {counted[1]}"]
        if (tolerated := self.tolerable()) is not None:
            lines.append("highest tolerable error rate (half a percent more error)")
            lines += [f"  before  {tolerated[0]}", f"  after   {tolerated[1]}"]
            if tolerated[0].value > 0 and math.isfinite(tolerated[1].value / tolerated[0].value):
                lines.append(f"  {tolerated[1].value / tolerated[0].value:.3g} times as high")
        if self.cost is not None:
            lines.append(str(self.cost))
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def hardening_in(manifest: Mapping[str, Any]) -> tuple[tuple[str, ...], Overhead | None]:
    """The hardenings and their cost in the manifest of a hardened model.

    Raises:
        InputError: it says something else there than was written.
    """
    found = manifest.get("hardening")
    if found is None:
        return (), None
    by = found.get("by") if isinstance(found, dict) else None
    if not isinstance(by, list) or not all(isinstance(text, str) for text in by):
        raise InputError("the run file cannot be read: its 'hardening' is not what was written")
    cost = found.get("cost")
    return tuple(by), None if cost is None else Overhead.from_dict(cost)


def covers_in(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers that the hardenings protect, from the manifest of a hardened model."""
    found = manifest.get("hardening")
    covers = found.get("covers") if isinstance(found, dict) else None
    return tuple(str(line) for line in covers) if isinstance(covers, list) else ()


def _at(group: str) -> str:
    return f"at {group}: " if group else ""
