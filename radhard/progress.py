"""How far has a run progressed, how long will it take, and what are the results so far?"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import final

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from radhard.engines.base import Figures
from radhard.stats import Estimate, mean_share

__all__ = ["Progress", "ProgressState", "Shown"]

_REFRESH_SECONDS = 0.25
_SPEED_FROM, _SEEN_FROM = 50, 80
"""Terminal widths from which on speed and remaining time, and the mean, are shown."""


@final
@dataclass(frozen=True)
class ProgressState:
    """How far a run has progressed, as it is told to a function.

    >>> print(ProgressState("trials", 50, 200, 1.5, "critical 0.4 % [0.1 %, 1.9 %]", 4.5))
    50 of 200 trials, critical 0.4 % [0.1 %, 1.9 %], 4.5 s left
    """

    label: str
    """What is counted: "trials", at the end of a campaign those of the "audit"."""
    done: int
    total: int
    seconds: float
    """Since this session began, which may have continued an earlier one."""
    so_far: str
    """The results so far, as a progress bar shows them; may be empty."""
    remaining: float | None
    """Seconds left at the present speed; None before the first trial."""
    mean: Estimate | None = None
    """Plain mean of the headline figure over this session's trials, in which strata do not weigh;
    None for several error rates."""

    def __str__(self) -> str:
        left = None if self.remaining is None or self.done == self.total else self.remaining
        parts = [
            f"{self.done:,} of {self.total:,} {self.label}",
            self.so_far,
            "" if left is None else f"{left:,.{0 if left >= 10 else 1}f} s left",
        ]
        return ", ".join(part for part in parts if part)


Shown = bool | Callable[[ProgressState], object] | None
"""Whether to show a bar (None: on a terminal), or a function that is told the state instead."""


class Progress:
    """A progress bar with rate, remaining time, and the plain mean so far with its interval.

    ``main`` is the position of a figure among those of a trial, and its name: its mean over this
    session's trials is shown; the weighted figure is in the results. ``seen`` gives another text in
    its place. Silent where there is no terminal. If ``shown`` is a function, it is told the state
    instead, at most four times a second and at the end; its exceptions end the run.
    """

    def __init__(
        self,
        total: int,
        done: int,
        main: tuple[int, str] | None,
        *,
        shown: Shown,
        label: str = "trials",
        seen: Callable[[], str] | None = None,
    ) -> None:
        self._label, self._seen = label, seen
        self._tell = shown if callable(shown) else None
        self._on = sys.stderr.isatty() if shown is None else shown is True
        self._total, self._done, self._fresh = total, done, 0
        self._main = main
        self._values: list[float] = []
        self._start = self._last = time.monotonic()

    def __enter__(self) -> "Progress":
        if self._on:
            console = Console(stderr=True)
            columns: list[ProgressColumn] = [BarColumn(bar_width=None), MofNCompleteColumn()]
            if console.width >= _SPEED_FROM:
                columns += [TextColumn("{task.fields[speed]}"), TimeRemainingColumn()]
            if console.width >= _SEEN_FROM:
                columns.append(TextColumn("{task.fields[seen]}"))
            self._bar = Bar(
                TextColumn("{task.description}"), *columns, console=console, expand=True
            )
            self._task = self._bar.add_task(
                self._label, total=self._total, completed=self._done, speed="", seen=""
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._on:
            self._show()
            self._bar.stop()
        elif self._tell is not None and error is None:
            self._show()

    def advance(self, figures: Figures) -> None:
        """Count trials that are finished."""
        self._fresh += len(figures)
        if not self._on and self._tell is None:
            return
        if self._main is not None:
            self._values.extend(figures[:, self._main[0]].tolist())
        if time.monotonic() - self._last > _REFRESH_SECONDS:
            self._show()

    def _show(self) -> None:
        self._last = time.monotonic()
        speed = self._fresh / max(self._last - self._start, 1e-9)
        seen, mean = "", None
        if self._values and self._main is not None:
            mean = mean_share(np.array(self._values))
            # The number of trials is shown next to it.
            seen = f"{self._main[1]} {str(mean).rpartition(' (')[0]}"
        if self._seen is not None:
            seen = self._seen()
        done, seconds = self._done + self._fresh, self._last - self._start
        if self._tell is not None:
            left = (self._total - done) / speed if self._fresh else None
            state = ProgressState(self._label, done, self._total, seconds, seen, left, mean)
            self._tell(state)
            return
        self._bar.update(
            self._task,
            completed=done,
            speed=f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.2g}/s",
            seen=seen,
        )
