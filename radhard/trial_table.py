"""Which fault did each trial have, what came out, and how does it count in the rates?"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from radhard.engines.correction import MeanTrials
from radhard.engines.inference import Inference
from radhard.group_labels import labels
from radhard.injection import DIRECTIONS
from radhard.run_means import RunMeans
from radhard.samplers import Trials
from radhard.space import FaultSpace

__all__ = ["CORRECTION", "trial_table", "weighted_table"]

CORRECTION = " correction"
"""What follows the name of a figure in the name of the column with its corrections."""

_SHOWN = ("tensor", "layer", "kind", "role", "bit", "field")

_SHOWN_IF_SEVERAL = ("exposure", "fault", "plane", "format")
"""Properties that are in the description of the space where all faults share them."""


def trial_table(
    outcomes: pd.DataFrame, space: FaultSpace, trials: Trials, split: str | None
) -> pd.DataFrame:
    """A row for each executed trial: the fault in words and as a number, and the figures.

    ``outcomes`` has the columns trial, fault, faults and the figures; ``split`` is the name of the
    column that says to which stratum a trial of many faults belongs.
    """
    frame = outcomes.copy()
    if not trials.single:
        numbers = frame["trial"].tolist()
        frame.insert(1, split, [trials.strata[trials.stratum(n)].name for n in numbers])
        return frame.drop(columns="fault")
    places, words, variants = space.locate(frame["fault"].to_numpy(np.int64))
    faults = zip(places.tolist(), words.tolist(), variants.tolist(), strict=True)
    spots = [space.coordinates(space.fault(p, w, v)) for p, w, v in faults]
    # Labels are numbered by variant: all variants of the first region, then those of the next.
    keys = space.variant_starts[places] + variants

    def insert(at: int, name: str, by: str) -> None:
        table = np.array(labels(space, by), dtype=object)
        # As objects, since pandas' own string type does not accept all names.
        frame.insert(at, name, pd.Series(table[keys], frame.index, dtype=object))

    for at, by in enumerate(_SHOWN, start=1):
        insert(at, by, by)
    for by in _SHOWN_IF_SEVERAL:
        if len(set(labels(space, by))) > 1:
            # The column "fault" contains the number of the fault.
            insert(5, "fault model" if by == "fault" else by, by)
    frame.insert(2, "index", [where for where, _ in spots])
    if any(region.site.samples for region in space.regions):
        frame.insert(3, "sample", [sample for _, sample in spots])
    return frame.drop(columns="faults")


def weighted_table(table: pd.DataFrame, means: RunMeans, columns: Sequence[str]) -> pd.DataFrame:
    """The table of the executed trials with their strata, directions and weights.

    Args:
        table: of all executed trials, as from `trial_table`.
        means: those of the run.
        columns: the figures, by their full names.

    With inferred verdicts also ``inferred``, the share of the verdicts on faults of the tensor (or
    at the error rate) that were inferred and not executed, and corrections of the figures.
    """
    trials, weights = means.trials, means.weights
    frame = table.copy()

    def insert(name: str, values: Sequence[object] | npt.NDArray[np.generic]) -> None:
        # In front of the figures, which come last.
        at = int(frame.columns.get_indexer(pd.Index([columns[0]]))[0]) if columns else 0
        frame.insert(at, name, pd.Series(values, frame.index))

    if trials.single:
        names = np.array([stratum.name for stratum in trials.strata], dtype=object)
        insert("stratum", names[trials.strata_of(means.numbers)])
        if trials.directions is not None:
            codes = trials.directions.codes[means.numbers]
            insert("direction", np.array(DIRECTIONS, dtype=object)[codes])
    if means.inferences:
        insert("inferred", _inferred_shares(means.inferences, means.count_numbers))
    insert("weight", weights)
    for column in columns:
        added = means.corrections(column)
        if added.any():
            frame[f"{column}{CORRECTION}"] = added
    return frame


def _inferred_shares(records: Sequence[Inference], trials: MeanTrials) -> npt.NDArray[np.float64]:
    """The share of the verdicts that was inferred and not executed, of each trial's tensor.

    Records count verdicts by tensor, or by stratum of trials with many faults, not by trial.
    """
    named = {name: place for place, name in enumerate(trials.names)}
    left, tried = np.zeros(len(named)), np.zeros(len(named))
    for record in records:
        if (place := named.get(record.tensor)) is None:
            continue
        tallies = record.harmless + record.harmful
        left[place] += (tallies.inferred - tallies.tried) / record.samples
        # Verdicts of sums that may overflow, and of whole trials, are apart from the others.
        if record.kind == "pairs":
            tried[place] += sum(record.trials)
    shares = np.divide(left, tried, out=np.zeros_like(left), where=tried > 0)
    places = np.searchsorted(trials.starts, trials.counts, side="right") - 1
    found: npt.NDArray[np.float64] = shares.clip(0.0, 1.0)[places]
    return found
