"""What is the result of repeating the same faults on a hardened model?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from radhard.arguments import number_in
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
from radhard.notebook import html_table
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.stats import Estimate, LimitCheck, check_number, mean_difference

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Verification", "covers_in", "hardening_entry", "hardening_in", "profiles_in"]


@dataclass(frozen=True)
class Verification:
    """What `verify` returns: a campaign on a model, and the same faults on the hardened one.

    ``comparison`` has the rates before and after, by tensor and bit, paired by fault; ``cost``
    memory, arithmetic and time; ``own`` the faults in what the hardening added.
    """

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
        added = () if self.own is None else (self.own,)
        return upsets(self.before), upsets(self.after, *added)

    def tolerable(self, *, increase: float = 0.005) -> tuple[Tolerable, Tolerable] | None:
        """Highest tolerable error rates before and after; None without error rates or accuracy.

        Those of the hardened model are for faults in everything that it stores, and both are
        relative to the fault-free error of the unprotected model.
        """
        rated = isinstance(self.before.sampler, ErrorRate)
        if not rated or self.before.details.scores() is None:
            return None
        free = fault_free_error(self.before)
        # At error rates, `own` has faults in all that the hardened model stores, its larger memory
        # included.
        after = self.after if self.own is None else self.own
        # An error of 0 has no relative increase.
        relative = free > 0
        before_rate, after_rate = (
            tolerable(run, increase=increase, relative=relative, reference=free)
            for run in (self.before, after)
        )
        return before_rate, after_rate

    def loss(self) -> dict[str, Estimate] | None:
        """The fault-free accuracy of the unprotected model minus that of the faulty hardened one.

        By error rate if there are several; None if there are no labels or the trials differ.
        """
        scores = self.before.details.scores()
        if scores is None or not set(scores) <= set(self.after.columns):
            return None
        score, drop = scores
        # Either run may be unfinished, and only trials of both are pairs.
        numbers = np.intersect1d(self.before.numbers, self.after.numbers)
        if not self.comparison.paired or not len(numbers):
            return None
        # Caps of harm say nothing about the accuracy where they left faults untried.
        if self.before.untried or self.after.untried:
            return None
        # In the same order in both, so that rows are pairs.
        old, new = self.before.only(numbers), self.after.only(numbers)
        # The accuracy under a fault and the drop it caused add up to the fault-free accuracy.
        lost = old.values(score) + old.values(drop) - new.values(score)
        groups = old.means.groups(old.usual_split, post_stratified=not new.means.infers)
        losses = {}
        for key, rows in groups.split():
            of_score = new.means.correction(groups, rows, score)
            mean = groups.mean(rows, lost - of_score.rows)
            differences = of_score.within(lost, -of_score.rows, -1.0)
            sampling = mean_difference(groups.cells(rows, differences, least=-1.0))
            trials = sum(len(numbers) for numbers, _ in rows)
            # An underestimated accuracy is an overestimated loss, so the limits change sides.
            correction = Correction(of_score.rows, of_score.below, of_score.above)
            losses[key] = correction.around(mean, sampling, trials, least=-1.0)
        return losses

    def checks(
        self, *, max_rate: float | str | None = None, max_drop: float | str | None = None
    ) -> list[LimitCheck]:
        """One check for each limit, at each error rate: is the upper end of the interval below it?

        Args:
            max_rate: of the headline figure, under the same faults.
            max_drop: of `loss`, as a share: 0.01 is one point.

        Raises:
            InputError: there is no accuracy, or a limit is outside the range of the figure.
        """
        checks = [] if max_rate is None else self.after.checks(max_rate)
        if max_drop is not None:
            max_drop = check_number("max_drop", number_in(max_drop, "max_drop"), -1, 1)
            lost = self.loss()
            if lost is None:
                raise InputError(
                    "max_drop requires the metric Accuracy() and the same trials in both runs; "
                    "give data with labels, and run both with the same sampler and seed"
                )
            checks += [LimitCheck("accuracy loss", x, max_drop, drop) for x, drop in lost.items()]
        return checks

    @property
    def heading(self) -> str:
        """By which hardenings the model is protected, as far as it has a record of them."""
        if not self.by:
            return "no hardening of radhard is recorded in the model"
        return f"hardened by {', '.join(self.by)}"

    def _repr_html_(self) -> str:
        title = self.heading
        cost = [] if self.cost is None else self.cost.rows()
        tables = [
            html_table([title], []),
            self.comparison._repr_html_(),
            html_table(["cost", "before", "after", "ratio"], cost) if cost else "",
        ]
        return "\n".join(table for table in tables if table)

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw the rate before and after, with their intervals, into axes of matplotlib.

        Returns the axes; without ``axes``, the current ones of ``matplotlib.pyplot`` are used.
        """
        return self.comparison.plot(axes)

    def __repr__(self) -> str:
        lines = [self.heading]
        lines += self.covers
        lines.append(repr(self.comparison))
        for group, drop in (self.loss() or {}).items():
            lines.append(
                f"{_at(group)}loss of accuracy relative to the fault-free unprotected model:"
            )
            lines.append(f"  {drop}")
        if (counted := self.upsets()) is not None:
            lines.append("harmful faults among all possible faults")
            lines += [f"  before  {counted[0]}", f"  after   {counted[1]}"]
        if (tolerated := self.tolerable()) is not None:
            lines.append("highest tolerable error rate (error at most 0.5 % higher)")
            lines += [f"  before  {tolerated[0]}", f"  after   {tolerated[1]}"]
            if tolerated[0].value > 0 and math.isfinite(tolerated[1].value / tolerated[0].value):
                lines.append(f"  {tolerated[1].value / tolerated[0].value:.3g} times as high")
        if self.cost is not None:
            lines.append(str(self.cost))
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def hardening_entry(
    by: Sequence[str], cost: Overhead | None, covers: Sequence[str], profiles: Sequence[str] = ()
) -> dict[str, Any]:
    """The hardenings of a model, cost, coverage and profiles, as an entry of a manifest."""
    return {
        "by": list(by),
        "cost": None if cost is None else cost.to_dict(),
        "covers": list(covers),
        "profiles": list(profiles),
    }


def hardening_in(manifest: Mapping[str, Any]) -> tuple[tuple[str, ...], Overhead | None]:
    """The hardenings and their cost, from the manifest of a hardened model.

    Raises:
        InputError: the entry is invalid.
    """
    entry = manifest.get("hardening")
    if entry is None:
        return (), None
    by = entry.get("by") if isinstance(entry, dict) else None
    if not isinstance(by, list) or not all(isinstance(text, str) for text in by):
        raise InputError(
            "the run file cannot be read: its entry 'hardening' is not in the form in which "
            "radhard writes it"
        )
    cost = entry.get("cost")
    return tuple(by), None if cost is None else Overhead.from_dict(cost)


def covers_in(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers that the hardenings protect, from the manifest of a hardened model."""
    return _lines(manifest, "covers")


def profiles_in(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """On which data each hardening was profiled; empty in files of earlier versions."""
    return _lines(manifest, "profiles")


def _lines(manifest: Mapping[str, Any], key: str) -> tuple[str, ...]:
    entry = manifest.get("hardening")
    lines = entry.get(key) if isinstance(entry, dict) else None
    return tuple(str(line) for line in lines) if isinstance(lines, list) else ()


def _at(group: str) -> str:
    return f"at {group}: " if group else ""
