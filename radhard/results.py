"""What are the results of a campaign?"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from radhard.arguments import number_in, path_of, share, whole
from radhard.engines.inference import records_of
from radhard.engines.inferred import Inferred
from radhard.engines.measured_share import MeasuredShare
from radhard.errors import InputError
from radhard.files import write_table
from radhard.groups import Rates
from radhard.manifest import check_manifest, check_trials
from radhard.metrics.run_columns import RunColumns
from radhard.notebook import html_table
from radhard.notes import Note, notes_of
from radhard.run_means import RunMeans
from radhard.samplers import SAMPLERS, StagedSampler, StagedTrials, TrialDirections, Trials
from radhard.space import FaultSpace, Numbers
from radhard.stats import (
    Estimate,
    LimitCheck,
    estimate_column,
    quantile_interval,
)
from radhard.store import Store
from radhard.trial_table import trial_table, weighted_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Rates", "Results"]

_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""Exceptions that reading an invalid file may raise; all are converted to an `InputError`."""


class Results:
    """The trials of a campaign, and their figures with intervals.

    ``results.rate()`` is the headline rate; ``rate(by="tensor")`` and the like split it by group;
    ``to_frame()`` returns all trials.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        frame: pd.DataFrame | None = None,
        *,
        foreign: bool = False,
    ) -> None:
        if not isinstance(manifest, Mapping) or frame is None:
            raise InputError(
                "Results are returned by run, or read from a run file by Results.open('run.db')"
            )
        self.manifest = dict(manifest)
        self._estimates: dict[str, dict[str, Estimate]] = {}
        check_manifest(self.manifest)
        try:
            self.space = FaultSpace.from_dict(self.manifest["space"], foreign=foreign)
            self.seed = int(self.manifest["seed"])
            self.sampler = SAMPLERS.parse(self.manifest["sampler"], foreign=foreign)
            self.columns: tuple[str, ...] = tuple(self.manifest["columns"])
            self._foreign = foreign
            self.ranges = {
                c: (float(a), float(b))
                for c, (a, b) in zip(self.columns, self.manifest["ranges"], strict=True)
            }
            self.planned = int(self.manifest["planned"])
            self.notes = notes_of(self.manifest.get("notes") or [])
            """What readers should know about how the results were obtained."""
            self.manifest["notes"] = [str(note) for note in self.notes]
            self._outcomes = frame.astype({"trial": np.int64, **dict.fromkeys(self.columns, float)})
            inferred = self.manifest.get("inferred") or {}
            self.inferences = records_of(inferred)
            # Records without a kind are those of files of earlier versions.
            self.inferred = [Inferred.from_dict(f) for f in inferred.values() if "kind" not in f]
            measured = self.manifest.get("measured")
            self.measured = None if measured is None else MeasuredShare.from_dict(measured)
            """Which figures were measured on a share of the verdicts only; None if none was."""
            if isinstance(self.trials, StagedTrials):
                self.planned = len(self.trials)
            check_trials(self.trials, self.planned, self._outcomes)
            if self.means.above_caps:
                facts = {"figure": self.trials.capped, "trials": self.means.above_caps}
                note = Note("contradicted caps", facts)
                others = [n for n in self.notes if str(n) != str(note)]
                self.notes = (*others, note)
                self.manifest["notes"] = [str(n) for n in self.notes]
        except _MALFORMED as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"the run file cannot be read: {error!r}") from error

    @classmethod
    def open(cls, path: str | Path, *, foreign: bool = False) -> "Results":
        """The results in a run file, which may be unfinished or still being executed.

        ``foreign`` allows the file to name components of other packages, whose modules are then
        imported: only for files you trust.

        Raises:
            InputError: no such file, no run in it, or a file that cannot be read.
        """
        with Store(path_of(path, "path")) as store:
            if store.empty:
                raise InputError(f"{str(path)!r} contains no run yet")
            return cls.stored(store, foreign=foreign)

    @classmethod
    def stored(cls, store: Store, *, foreign: bool = False) -> "Results":
        """The results in an open run file, including its notes."""
        manifest = store.manifest()
        if store.notes and isinstance(notes := manifest.get("notes", []), list):
            manifest["notes"] = [*notes, *store.notes]
        return cls(manifest, store.frame(), foreign=foreign)

    def __len__(self) -> int:
        return len(self._outcomes)

    def __repr__(self) -> str:
        done = "" if self.complete else f" of {self.planned:,}"
        lines = [f"{len(self):,}{done} trials of {self.space!r}"]
        if len(self) or any(map(self.has_mean, self.columns)):
            for column in self.tabled:
                try:
                    if self.usual_split and np.isfinite(self.ranges[column]).all():
                        lines.append(repr(self.rate(column, by=self.usual_split)))
                    else:
                        lines.append(f"{column:<24} {self.described(column)}")
                except InputError as error:
                    # Trials of no complete word, which give no estimate.
                    lines.append(f"{column:<24} {error}")
        return "\n".join([*lines, *self._remarks])

    @property
    def _remarks(self) -> list[str]:
        """The notes that concern how results are read, as the command line prints them."""
        return [f"note: {note}" for note in self.notes if not note.of_execution]

    def _repr_html_(self) -> str:
        """The figures as a table, by error rate if there are several."""
        done = "" if self.complete else f" of {self.planned:,}"
        title = f"{len(self):,}{done} trials of {self.space!r}"
        columns = [c for c in self.tabled if self.has_mean(c)]
        split = self.usual_split
        if split is not None and columns:
            rates = {self.details.meaning(c): self.rate(c, by=split) for c in columns}
            texts = [[str(t) for t in estimate_column(list(r.values()))] for r in rates.values()]
            groups = zip(self.rate(columns[0], by=split), *texts, strict=True)
            return html_table([split, *rates], groups, title=title, notes=self._remarks)
        estimates = [self.rate(column) for column in columns]
        rows = [
            (self.details.meaning(column), text.value, text.interval)
            for column, text in zip(columns, estimate_column(estimates), strict=True)
        ]
        rows += [
            (self.details.meaning(column), "not estimated", "")
            for column in self.tabled
            if self.untried and column not in columns
        ]
        head = ["", "share", "95 % interval"]
        return html_table(head, rows, title=title, notes=self._remarks)

    def plot(
        self, axes: "Axes | None" = None, *, name: str | None = None, by: str | None = None
    ) -> "Axes":
        """Draw a rate by layer (or another ``by``), or by error rate, into axes of matplotlib.

        Returns the axes; without ``axes``, the current ones of ``matplotlib.pyplot`` are used.
        """
        rates: Rates = self.rate(name, by=by or self.usual_split or "layer")
        return rates.plot(axes)

    @property
    def tabled(self) -> list[str]:
        """The figures that tables of all figures have: without those of single samples."""
        return [column for column in self.columns if self.details[column].tabled]

    @cached_property
    def means(self) -> RunMeans:
        """What computes the means of the figures, for all faults or for some of them."""
        return RunMeans(
            self.space,
            self.sampler,
            self.trials,
            self.numbers,
            self._faults,
            {column: self.values(column) for column in self.columns},
            self.ranges,
            self.inferences,
            self.inferred,
            self.measured,
        )

    def has_mean(self, column: str) -> bool:
        """Whether `rate` has an estimate of this figure: with bounds, and with what it needs."""
        return self.means.has_mean(column)

    @property
    def untried(self) -> int:
        """How many faults were left untried, as caps say that they are harmless."""
        return self.means.untried

    def described(self, column: str) -> str:
        """A figure of the whole run as text; it may have no bounds."""
        if self.untried and column != self.trials.capped:
            return (
                f"not estimated: caps left {self.untried:,} of {len(self.space):,} faults untried"
            )
        if len(self) and not len(self.with_known(column)):
            return f"not measured in any of the {len(self):,} trials executed so far"
        if np.isfinite(self.ranges[column]).all():
            return str(self.rate(column))
        values = self.values(column)
        if broken := int(np.isnan(values).sum()):
            return f"NaN in {broken:,} of {len(self):,} trials"
        if len(self.trials.strata) > 1:
            # Strata represent different numbers of faults, and a quantile cannot be weighted.
            return f"up to {values.max():.4g}"
        return f"median {self.quantile(column)}"

    @property
    def complete(self) -> bool:
        """Whether every planned trial has been executed, and no further stage follows."""
        finished = self.manifest.get("finished") or not isinstance(self.sampler, StagedSampler)
        return len(self) == self.planned and bool(finished)

    @property
    def by_rate(self) -> bool:
        """Whether the trials have many faults; figures of several strata must not be combined."""
        return not self.trials.single

    @property
    def usual_split(self) -> str | None:
        """The grouping without which there are no rates, such as "rate" for error rates."""
        return None if self.trials.grouping is None else self.trials.grouping.name

    @cached_property
    def trials(self) -> Trials:
        """The trials as the sampler drew them; ``trials[i]`` are the fault numbers of trial i."""
        if isinstance(self.sampler, StagedSampler):
            return StagedTrials.from_dict(self.manifest["stages"], self.space, self.seed)
        trials = self.sampler.draw(self.space, self.seed)
        recorded = self.manifest.get("directions")
        # Those of other trials, as after a change of the sampler, say nothing of these.
        ours = isinstance(recorded, dict) and recorded.get("trials", len(trials)) == len(trials)
        if trials.single and ours:
            trials.directions = TrialDirections.from_dict(recorded, self.space, len(trials))
        return trials

    @property
    def headline(self) -> str:
        """The figure that `rate` returns if none is named: critical silent data corruption."""
        return self.details.headline

    @cached_property
    def details(self) -> RunColumns:
        """The meaning of each figure, by its full name."""
        return RunColumns(self.ranges, foreign=self._foreign)

    @cached_property
    def fault_free_score(self) -> float | None:
        """The accuracy (or another score) of the model without faults.

        None if the campaign has no score, or if trials affect one sample each, whose fault-free
        scores differ.
        """
        if (found := self.details.scores()) is None or not len(self):
            return None
        # In every trial, the score under faults and its drop add up to the fault-free score.
        score, drop = map(self.values, found)
        total = score + drop
        return float(total[0]) if np.allclose(total, total[0], rtol=0, atol=1e-9) else None

    def column(self, name: str | None = None) -> str:
        """The full name of a figure, given the full name or its last part (``"critical"``).

        Raises:
            InputError: no figure, or more than one, has this name.
        """
        return self.details.full_name(name)

    @property
    def numbers(self) -> Numbers:
        """Numbers of the executed trials, ascending."""
        return self._outcomes["trial"].to_numpy(dtype=np.int64)

    @property
    def _faults(self) -> Numbers | None:
        """The fault of every executed trial; it was verified to be the one that was drawn."""
        return self._outcomes["fault"].to_numpy(np.int64) if self.trials.single else None

    def only(self, numbers: Numbers) -> "Results":
        """The results of the same campaign for these trials only."""
        frame = self._outcomes[self._outcomes["trial"].isin(numbers)].reset_index(drop=True)
        return Results(self.manifest, frame, foreign=self._foreign)

    def with_known(self, column: str) -> "Results":
        """The results of the trials of which a figure is known: all, or a random share."""
        return (
            self.only(self.means.with_known(column).numbers) if self.means.lacks(column) else self
        )

    def values(self, name: str | None = None) -> np.ndarray:
        """A figure of every executed trial, in the order of trial numbers.

        If it was measured on a share of the verdicts (`measured`): that of one sample of the trial,
        or NaN in trials that were not drawn.
        """
        return self._outcomes[self.column(name)].to_numpy(dtype=float)

    def rate(
        self, name: str | None = None, *, by: str | None = None, confidence: float | str = 0.95
    ) -> Any:
        """A figure's mean over the fault space: an `Estimate`, or `Rates` if it is split by ``by``.

        ``name``: the figure (``"critical"``, ``"Sdc(k=5).sdc"``; by default critical silent data
        corruption). ``by``: one of "tensor", "layer", "kind", "role", "format", "plane", "fault"
        (the fault model), "exposure", "channel" (of a layer's output; of a linear layer, a
        neuron), "gate" (of recurrent weights), "step" (of hidden states),
        "head", "position" (of attention and key-value caches), "register", "row", "column" (of an
        element of an accelerator), "cycle" (ranges of the cycles of a tile, the same for all
        layers), "direction" (in which the fault changes the value: up, down, unchanged, NaN),
        "bit", "field", for trials of many faults "rate" or "errors"; or several separated by
        commas. Bits and fields of words of different formats are separate groups.

        Means weight all faults of the space equally, whatever the sampler; with enough trials they
        are post-stratified by bit and direction, which makes intervals narrower, unless verdicts
        were inferred. The sampling unit of intervals is the trial, not the data sample (or the
        word, if all faults of a word were drawn together). If verdicts were inferred, means are
        corrected using those that were executed as well, and intervals allow for those that were
        not; `values` are uncorrected.

        Raises:
            InputError: an unknown name or grouping, or a figure without bounds (see `quantile`).
        """
        column = self.column(name)
        estimates = self.estimates(column, by, number_in(confidence, "confidence"))
        return estimates[""] if by is None else Rates(by, column, estimates)

    def estimates(self, column: str, by: str | None, confidence: float) -> dict[str, Estimate]:
        """The estimates of `rate`, by group; without ``by`` the only group is named ``""``."""
        # As text, since arguments of a wrong type, rejected below, may not be hashable.
        key = repr((column, by, confidence))
        if key not in self._estimates:
            # Cached, since most sections of a report need the same estimates.
            intervals = self.means.intervals(column, by)
            self._estimates[key] = {group: at(confidence) for group, at in intervals.items()}
        # A copy, so that callers cannot change the cache.
        return dict(self._estimates[key])

    def quantile(self, name: str, q: float = 0.5, *, confidence: float | str = 0.95) -> Estimate:
        """A quantile of a figure over the executed trials; the figure may have no bounds.

        Trials are not weighted: only for samplers that draw all faults with equal probability.

        Raises:
            InputError: another sampler, or a figure that was measured on a share of the verdicts.
        """
        if len(self.trials.strata) > 1 or self.trials.together > 1:
            raise InputError(
                "a quantile over strata of unequal weight, or words, is not offered; use Uniform(n)"
            )
        level: float = number_in(confidence, "confidence")
        column = self.column(name)
        if self.measured is not None and column in self.measured.columns:
            raise InputError(
                f"{column} was measured on a share of the samples or trials, and the figures of "
                "single trials are not known; repeat the run with exact=True (--exact)"
            )
        bounds = self.ranges[column]
        return quantile_interval(self.values(column), q, confidence=level, bounds=bounds)

    def checks(self, max_rate: float | str, name: str | None = None) -> list[LimitCheck]:
        """Whether the upper 95 % limit of a rate is at most ``max_rate``, at each error rate.

        ``max_rate``: a share, 0.01 or ``"1%"``.

        Raises:
            InputError: a limit that is no share, or a figure without bounds.
        """
        max_rate = share(max_rate, "max_rate")
        column = self.column(name)
        harm = self.details[column].harm
        figure = self.details.meaning(column) if harm is None else harm.rate
        rates = self.estimates(column, self.usual_split, 0.95)
        return [LimitCheck(figure, group, max_rate, rate) for group, rate in rates.items()]

    def to_frame(self) -> pd.DataFrame:
        """All executed trials: the fault in words and as a number, its weight, and the figures.

        The sum of ``weight`` times a figure is `rate` of this figure; a plain mean of the trials is
        not, unless all were drawn with the same probability. docs/statistics.md describes the
        columns.
        """
        table = trial_table(self._outcomes, self.space, self.trials, self.usual_split)
        return weighted_table(table, self.means, self.columns)

    def worst(self, n: int = 10, name: str | None = None) -> pd.DataFrame:
        """The ``n`` executed trials with the highest figure; ties are ordered by trial number."""
        n = whole(n, "n", least=0)
        order = np.argsort(-self.values(name), kind="stable")[:n]
        # Only these are put into words, which for a million trials takes longer than a page.
        first = self._outcomes.iloc[order]
        return trial_table(first, self.space, self.trials, self.usual_split)

    def export(self, path: str | Path) -> Path:
        """Write `to_frame` as a table: ``.csv``, or ``.parquet`` if pyarrow is installed.

        In a ``.csv`` file, text that a spreadsheet would interpret as a formula is preceded by a
        quote.

        Raises:
            InputError: another type of file, no pyarrow, or a path that cannot be written.
        """
        return write_table(self.to_frame(), path_of(path, "path"))
