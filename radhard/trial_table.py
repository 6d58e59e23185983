"""Which fault did each trial have, and what came out?"""

import numpy as np
import pandas as pd

from radhard.group_labels import labels
from radhard.samplers import Trials
from radhard.space import FaultSpace

__all__ = ["trial_table"]

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
