"""How is the progress of a long computation shown?"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID

__all__ = ["ProgressBar"]


class ProgressBar:
    """A progress bar on standard error while `open`; by default only on a terminal."""

    def __init__(self, *, shown: bool | None = None) -> None:
        self.shown = shown
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    @contextmanager
    def open(self, title: str) -> Iterator[None]:
        """Show the bar with a title."""
        shown = sys.stderr.isatty() if self.shown is None else self.shown
        with Progress(console=Console(stderr=True), transient=True, disable=not shown) as bar:
            self._bar, self._task = bar, bar.add_task(title, total=None)
            try:
                yield
            finally:
                self._bar = self._task = None

    def step(self, done: float, total: float) -> None:
        """Show how much is done of the total."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
