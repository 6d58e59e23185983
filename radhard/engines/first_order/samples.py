"""What do trials of single samples come to, if most of their answers are foreseen?"""

import math
from functools import partial

import numpy as np
import torch

from radhard.engines.base import Figures
from radhard.engines.bracket.lines import Flags
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.checked import Check
from radhard.engines.first_order.flowing import foreseen
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.inferred import Inferred
from radhard.engines.replay.flowing import flowing
from radhard.engines.serial import Serial
from radhard.space import Numbers

__all__ = ["settled"]


def settled(
    outlook: Outlook, trials: Numbers, bounds: Bounds, check: Check, rows: int
) -> tuple[Figures, list[Inferred]]:
    """The figures of trials, and for each tensor what came of checking them.

    What is tried passes together, whether it is not foreseen or checked.
    """
    plan = outlook.plan
    space = plan.campaign.space
    faults = plan.campaign.trials.at(trials)
    places, words, _ = space.locate(faults)
    inner = np.array([math.prod(space.sites[place].shape) for place in places.tolist()])
    samples = torch.from_numpy(words // inner)
    figures = plan.panel.score_samples(plan.outputs[samples], samples)
    stays, moved, extreme = (np.zeros(len(trials), dtype=bool) for _ in range(3))
    of_place = {place: np.flatnonzero(places == place) for place in np.unique(places).tolist()}
    for place, some in of_place.items():
        known = foreseen(outlook, place, faults[some], bounds)
        stays[some], moved[some], extreme[some] = known.stays, known.moved, known.extreme
    inferred = stays | extreme
    checked = check.drawn(faults, inferred)
    once = (moved & ~stays) | checked
    executed = figures.copy()
    if once.any():
        executed[once] = flowing(plan, trials[once], rows, by_order=False)
    figures[~stays] = executed[~stays]
    found = figures.copy()
    figures[checked] = executed[checked]
    by_order = np.flatnonzero(checked & extreme)
    for at in by_order.tolist():
        ((_, figures[at : at + 1]),) = Serial().run(plan.campaign, [int(trials[at])])
    wrong = (figures != found).any(axis=1).astype(float)

    def again(mine: Numbers, some: Flags) -> None:
        figures[mine[some]] = flowing(plan, trials[mine[some]], rows)

    records = [
        check.record(faults[mine], inferred[mine], wrong[mine], partial(again, mine))
        for mine in of_place.values()
    ]
    return figures, records
