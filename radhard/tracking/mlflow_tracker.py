"""How are campaigns logged to MLflow?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radhard.errors import InputError
from radhard.progress import ProgressState
from radhard.results import Results
from radhard.tracking.tracked_figures import progress_figures, tracked_figures

__all__ = ["MLflow"]


@dataclass(frozen=True)
class MLflow:
    """Logs campaigns to the active run of MLflow, or to a new one if none is active.

    ``run(..., progress=MLflow())`` logs the mean so far over the trials; `log` adds the figures of
    results, what was run, and files such as the run file and its page.

    Needs the extra ``mlflow``: ``pip install 'radhard[mlflow]'``.

    Raises:
        InputError: MLflow is not installed.
    """

    prefix: str = "radhard"
    """What the names of all metrics begin with."""

    def __post_init__(self) -> None:
        _mlflow()

    def __call__(self, state: ProgressState) -> None:
        """Log how far a run is: for ``progress=`` of `run` and `verify`."""
        self._log_metrics("progress/", progress_figures(state), state.done)

    def log(
        self,
        results: Results,
        step: int | None = None,
        *,
        by: str | None = None,
        files: tuple[str | Path, ...] = (),
    ) -> None:
        """Log the figures of results with their limits (`tracked_figures`), and what was run.

        ``files`` are kept as artifacts. What was run is logged as tags, which a later campaign in
        the same run of MLflow may replace.
        """
        mlflow = _mlflow()
        self._log_metrics("", tracked_figures(results, by=by), step)
        described = {"space": results.space, "sampler": results.sampler, "seed": results.seed}
        mlflow.set_tags({f"{self.prefix}.{name}": repr(x) for name, x in described.items()})
        for path in files:
            mlflow.log_artifact(str(path), self.prefix)

    def _log_metrics(self, kind: str, figures: dict[str, float], step: int | None) -> None:
        metrics = {f"{self.prefix}/{kind}{name}": value for name, value in figures.items()}
        _mlflow().log_metrics(metrics, step=step)


def _mlflow() -> Any:
    try:
        import mlflow
    except ImportError:
        raise InputError(
            "MLflow() needs the package mlflow: pip install 'radhard[mlflow]'"
        ) from None
    return mlflow
