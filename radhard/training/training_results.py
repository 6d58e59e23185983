"""What do trainings with faults look like beside fault-free ones?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radhard.errors import InputError
from radhard.space import FaultSpace, Numbers
from radhard.spec import near
from radhard.stats import Cell, Estimate, mean_difference, mean_share, quantile_interval
from radhard.store import Store
from radhard.training.schedule import SCHEDULES, training_seed

__all__ = ["TrainingResults"]

Curves = NDArray[np.float64]


class TrainingResults:
    """The curves of trainings with faults, each beside that of its fault-free twin.

    Trial t was trained with ``seeds[t % len(seeds)]``; its twin has the same seed and no faults.
    Confidence intervals are over the faults, for these seeds.
    """

    def __init__(
        self, manifest: Mapping[str, Any], frame: pd.DataFrame, *, foreign: bool = False
    ) -> None:
        try:
            self.space = FaultSpace.from_dict(manifest["space"], foreign=foreign)
            """The possible faults of a step."""
            self.manifest = dict(manifest)
            self.seeds: tuple[int, ...] = tuple(map(int, manifest["seeds"]))
            self.series: dict[str, int] = {n: int(k) for n, k in manifest["series"].items()}
            """The name of each curve, and its number of points."""
            self.steps = int(manifest["steps"])
            """Number of steps of a fault-free training."""
            self.schedule = SCHEDULES.parse(manifest["schedule"], foreign=foreign)
            self.seed = int(manifest["seed"])
            """The seed of the faults."""
            self.crashes = {int(k): str(v) for k, v in manifest["crashes"].items()}
            """The type of the exception of each training that a fault ended."""
            self._columns = {name: _names(name, points) for name, points in self.series.items()}
            table = frame.sort_values("trial").reset_index(drop=True)
            twins = len(self.seeds)
            if table["trial"].head(twins).tolist() != list(range(twins)):
                raise LookupError("fault-free trainings are missing")
            self._twins, self._trials = table.iloc[:twins], table.iloc[twins:]
            self.trials: NDArray[np.int64] = self._trials["trial"].to_numpy(np.int64) - twins
            """The numbers of the trials, ascending."""
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"the file contains no trainings that can be read: {error}") from error

    @classmethod
    def open(cls, path: str | Path, *, foreign: bool = False) -> "TrainingResults":
        """The trainings in a file, which may be unfinished.

        ``foreign`` allows the file to name components of other packages, whose modules are then
        imported: only for files you trust.
        """
        with Store(path) as store:
            if store.empty:
                raise InputError(f"{str(path)!r} contains no trainings yet")
            return cls(store.manifest(), store.frame(), foreign=foreign)

    def __len__(self) -> int:
        return len(self.trials)

    def __repr__(self) -> str:
        space = self.space
        lines = [
            f"{len(self):,} trainings of {self.steps:,} steps with {self.schedule!r}: {space!r}"
        ]
        for name in self.series:
            last, twins = self._last(name)
            finite = int(np.isfinite(last).sum())
            middle = f"{np.median(last[np.isfinite(last)]):.4g}" if finite else "none"
            lines.append(
                f"{name}: fault-free {np.mean(twins):.4g}, with faults median {middle} "
                f"({len(self) - finite:,} not finite)"
            )
        return "\n".join(lines)

    def faults(self, trial: int) -> dict[int, Numbers]:
        """The numbers of the faults of a trial, by step, as `radhard.training.inject` draws them.

        Those of a training that ended early in steps that it did not take are among them.
        """
        draw = self.schedule.draw(self.space, training_seed(self.seed, trial))
        by_step = {step: draw(step) for step in range(self.steps)}
        return {step: numbers for step, numbers in by_step.items() if len(numbers)}

    def curves(self, series: str) -> Curves:
        """A curve of every trial, ``(trials, points)``; NaN after the end of a shorter one."""
        return self._trials[self._of(series)].to_numpy(np.float64)

    def golden(self, series: str) -> Curves:
        """The curve of the twin of every trial, ``(trials, points)``."""
        twins = self._twins[self._of(series)].to_numpy(np.float64)
        return twins[self.trials % len(self.seeds)]

    def twin(self, series: str, seed: int) -> list[float]:
        """The curve of the fault-free training with a seed."""
        if seed not in self.seeds:
            raise InputError(f"no training has seed {seed}; seeds are {self.seeds}")
        values: list[float] = self._twins[self._of(series)].iloc[self.seeds.index(seed)].tolist()
        return values

    def to_frame(self) -> pd.DataFrame:
        """One row per trial: its seed, faults and exception, and the last value of every curve.

        ``drawn`` faults, of which ``faults`` reached a word. The last value of the twin is in the
        column ``golden <curve>``.
        """
        frame = pd.DataFrame(
            {
                "trial": self.trials,
                "seed": np.array(self.seeds)[self.trials % len(self.seeds)],
                "drawn": self._trials["drawn"].to_numpy(np.int64),
                "faults": self._trials["faults"].to_numpy(np.int64),
                "crash": [self.crashes.get(trial, "") for trial in self.trials.tolist()],
            }
        )
        for name in self.series:
            frame[name], frame[f"golden {name}"] = self._last(name)
        return frame

    def rate(
        self,
        series: str,
        *,
        drop: float | None = None,
        rise: float | None = None,
        confidence: float = 0.95,
    ) -> Estimate:
        """The share of trainings that end more than ``drop`` below, or ``rise`` above, the twin.

        Trainings that a fault ended, and last values that are not finite, count as such.

        Raises:
            InputError: not exactly one of ``drop`` and ``rise`` is given, or there is no trial.
        """
        if (drop is None) == (rise is None):
            raise InputError(f"give drop= or rise=, the change of {series!r} that counts as harm")
        last, twins = self._last(series)
        change = twins - last if drop is not None else last - twins
        limit = drop if drop is not None else rise
        assert limit is not None
        harmed = ~np.isfinite(last) | (change > limit)
        return mean_share(harmed.astype(float), confidence=confidence)

    def change(self, series: str, *, confidence: float = 0.95) -> Estimate:
        """The mean difference of the last value from the twin's; of shares, such as an accuracy.

        Raises:
            InputError: a last value is no share; then use `median_change` or `rate`.
        """
        last, twins = self._last(series)
        values = np.concatenate([last, twins])
        if not ((values >= 0) & (values <= 1)).all():
            raise InputError(
                f"{series!r} has last values outside 0 to 1, or none, so that a mean difference "
                "has no interval; use median_change, or rate(..., drop=) or (..., rise=)"
            )
        return mean_difference([Cell(last - twins, None)], confidence)

    def median_change(self, series: str, *, confidence: float = 0.95) -> Estimate:
        """The median difference of the last value from the twin's; NaN counts as infinite."""
        last, twins = self._last(series)
        return quantile_interval(np.nan_to_num(last - twins, nan=np.inf), 0.5, confidence)

    def first_change(self, series: str) -> NDArray[np.int64]:
        """The first point of every trial that differs from the twin; the number of points if none.

        A curve with one point a step, recorded after the forward pass, cannot differ before the
        step of the first fault.
        """
        differs = self.curves(series) != self.golden(series)
        differs &= ~(np.isnan(self.curves(series)) & np.isnan(self.golden(series)))
        never = np.full(len(self), self.series[series])
        return np.where(differs.any(axis=1), differs.argmax(axis=1), never).astype(np.int64)

    def _of(self, series: str) -> list[str]:
        if series not in self._columns:
            known = list(self._columns)
            raise InputError(f"no curve {series!r}: {near(series, known)}one of {', '.join(known)}")
        return self._columns[series]

    def _last(self, series: str) -> tuple[Curves, Curves]:
        """The last values of trials and of their twins; NaN for one that ended early."""
        return self.curves(series)[:, -1], self.golden(series)[:, -1]


def _names(series: str, points: int) -> list[str]:
    """The columns of a curve in the file."""
    return [f"{series}[{point}]" for point in range(points)]
