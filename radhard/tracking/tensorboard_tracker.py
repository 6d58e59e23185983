"""How are campaigns logged to TensorBoard?"""

from dataclasses import dataclass
from typing import Any, Protocol

from radhard.progress import ProgressState
from radhard.results import Results
from radhard.tracking.tracked_figures import progress_figures, tracked_figures

__all__ = ["TensorBoard"]


class Writer(Protocol):
    """What of a ``torch.utils.tensorboard.SummaryWriter`` is used."""

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None) -> None:
        """Add a number to a curve."""

    def add_text(self, tag: str, text_string: str, global_step: int | None = None) -> None:
        """Add a text."""


@dataclass(frozen=True)
class TensorBoard:
    """Logs campaigns to a ``SummaryWriter``, which the caller opens and closes.

    ``run(..., progress=TensorBoard(writer))`` draws the mean so far over the trials; `log` adds the
    figures of results, at the step of a training if one is given.

    Needs the extra ``tensorboard``: ``pip install 'radhard[tensorboard]'``.
    """

    writer: Writer
    prefix: str = "radhard"
    """What the names of all curves begin with."""

    def __call__(self, state: ProgressState) -> None:
        """Log how far a run is: for ``progress=`` of `run` and `verify`."""
        for name, value in progress_figures(state).items():
            self.writer.add_scalar(f"{self.prefix} progress/{name}", value, state.done)

    def log(self, results: Results, step: int | None = None, *, by: str | None = None) -> None:
        """Log the figures of results with their limits (`tracked_figures`), and what was run."""
        for name, value in tracked_figures(results, by=by).items():
            self.writer.add_scalar(f"{self.prefix}/{name}", value, step)
        # Markdown: the lines of a representation stay lines.
        described = f"{results!r}\ndrawn by {results.sampler!r}, seed {results.seed}"
        text = "\n".join(f"    {line}" for line in described.splitlines())
        self.writer.add_text(f"{self.prefix}/campaign", text, step)
