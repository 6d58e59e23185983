"""Under which names are the figures of a campaign logged?"""

import re
from collections import Counter

from radhard.progress import ProgressState
from radhard.results import Results

__all__ = ["progress_figures", "tracked_figures"]


def tracked_figures(results: Results, *, by: str | None = None) -> dict[str, float]:
    """Every figure of a campaign with bounds, and the limits of its 95 % interval, by a plain name.

    Those of single samples are left out. ``critical``, ``critical low`` and ``critical high``; with
    several error rates ``critical at 1e-05`` and so on; ``accuracy without faults``, if there is
    one. With ``by``, the headline figure also by group: ``critical by layer/conv1``. Names have
    letters, digits and ``_-./ `` only, which all trackers accept.
    """
    columns = [column for column in results.tabled if results.has_mean(column)]
    last = Counter(column.rpartition(".")[2] for column in columns)
    split = results.usual_split
    figures = {}
    for column in columns:
        short = column.rpartition(".")[2]
        name = short if last[short] == 1 else column
        for group, estimate in results.estimates(column, split, 0.95).items():
            label = _plain(f"{name} at {group}" if split else name)
            figures[label] = estimate.value
            figures[f"{label} low"], figures[f"{label} high"] = estimate.low, estimate.high
        if by is not None and split is None and column == results.headline:
            for group, estimate in results.estimates(column, by, 0.95).items():
                figures[_plain(f"{name} by {by}/{group}")] = estimate.value
    if (score := results.fault_free_score) is not None:
        figures["accuracy without faults"] = score
    return figures


def progress_figures(state: ProgressState) -> dict[str, float]:
    """How far a run is, and its plain mean so far, which does not weight strata."""
    figures: dict[str, float] = {f"{state.label} done": state.done}
    if state.mean is not None:
        mean = state.mean
        limits = {"mean so far": mean.value, "mean so far low": mean.low}
        figures |= {**limits, "mean so far high": mean.high}
    return figures


def _plain(name: str) -> str:
    return re.sub(r"[^\w\-./ ]", "_", name, flags=re.ASCII)
