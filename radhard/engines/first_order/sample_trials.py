"""What are the figures of trials of single samples, if most predictions are inferred?"""

import math
from collections.abc import Mapping

import numpy as np
import torch

from radhard.engines.audit_draw import Draw
from radhard.engines.base import Figures
from radhard.engines.bracket.checking import RecordedTrials
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.verdict_audit import VerdictAudit
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_activations import UnchangedTrials, unchanged
from radhard.engines.inference import Inference
from radhard.engines.replay.activation_faults import flowing
from radhard.space import FaultSpace, Numbers

__all__ = ["run_trials"]


def run_trials(
    outlook: Outlook, trials: Numbers, bounds: Bounds, draw: Draw, threshold: float, rows: int
) -> tuple[Figures, list[Inference]]:
    """The figures of trials, and a record of the audit for each tensor.

    All trials that are executed share passes, whether they are not inferred or are audited.
    """
    plan = outlook.plan
    space, faults = plan.campaign.space, plan.campaign.trials.at(trials)
    places, samples = _samples(space, faults)
    # Begin as if no fault did anything, and replace what is executed.
    golden = plan.panel.score_samples(plan.replayer.golden_outputs[samples], samples)
    figures = golden.copy()
    of_place = {place: np.flatnonzero(places == place) for place in np.unique(places).tolist()}
    known = _unchanged(outlook, of_place, faults, bounds)
    # A value near overflow is executed, but in another order of additions than the model: its
    # verdict is no better than an inferred one, and is audited with them.
    audit = VerdictAudit.of(draw, faults, known.stays | known.extreme)
    # Every trial passes through the network at most once, whatever the reasons are.
    once = (known.moved & ~known.stays) | audit.executed
    executed = figures.copy()
    if once.any():
        executed[once] = flowing(plan, trials[once], rows, by_order=False)
    # Where nothing was executed these are still the fault-free figures.
    figures[~known.stays] = executed[~known.stays]
    values = SampleFigures(plan.panel)
    found = values.of_answers(figures)
    figures[audit.executed] = executed[audit.executed]
    # Their own pass is what is audited, so that the reference has to judge.
    for at in np.flatnonzero(audit.executed & known.extreme).tolist():
        figures[at] = plan.reference.figures(int(trials[at]))[0]
    harmless = (found == values.of_answers(golden)).all(axis=1)
    true, records = values.of_answers(figures), []
    for place, mine in of_place.items():
        own = audit.part(mine)
        failed = own.fails(true[mine] - found[mine], threshold)
        if failed:
            # The linear model does not hold in this tensor: nothing is inferred there.
            every = mine[own.inferred]
            figures[every] = flowing(plan, trials[every], rows)
            true[mine] = values.of_answers(figures[mine])
        part, errors = (
            RecordedTrials.of_region(space, place, faults[mine]),
            true[mine] - found[mine],
        )
        sides = own.inferred & harmless[mine], own.inferred & ~harmless[mine]
        records.append(own.record(part, draw, found[mine], errors, values, sides, failed=failed))
    if draw.measures:
        # All trials of a random share are executed, whether their predictions can be inferred or
        # not; only of these is known what does not follow from predictions.
        left = np.delete(np.arange(len(trials)), draw.measured(faults)[0])
        figures[np.ix_(left, np.array(values.beyond))] = np.nan
    return figures, records


def _samples(space: FaultSpace, faults: Numbers) -> tuple[Numbers, torch.Tensor]:
    """The place of each fault, and the number of the sample that it is in."""
    places, words, _ = space.locate(faults)
    inner = np.array([math.prod(space.sites[place].shape) for place in places.tolist()])
    # Words of a flowing tensor are numbered sample by sample.
    return places, torch.from_numpy(words // inner)


def _unchanged(
    outlook: Outlook, of_place: Mapping[int, Numbers], faults: Numbers, bounds: Bounds
) -> UnchangedTrials:
    """What is inferred of trials in any sites; ``of_place``: those in each."""
    stays, moved, extreme = (np.zeros(len(faults), dtype=bool) for _ in range(3))
    for place, there in of_place.items():
        known = unchanged(outlook, place, faults[there], bounds)
        stays[there], moved[there], extreme[there] = known.stays, known.moved, known.extreme
    return UnchangedTrials(stays, moved, extreme)
