"""What are the figures of trials of single samples, if most predictions are inferred?"""

import math

import numpy as np
import torch

from radhard.engines.audit_draw import Draw, Pairs
from radhard.engines.base import Figures
from radhard.engines.bracket.checking import TensorTrials, fails
from radhard.engines.bracket.lines import Flags
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_activations import unchanged
from radhard.engines.inference import Inference, Tally
from radhard.engines.replay.activation_faults import flowing
from radhard.space import Numbers

__all__ = ["run_trials"]


def run_trials(
    outlook: Outlook, trials: Numbers, bounds: Bounds, draw: Draw, threshold: float, rows: int
) -> tuple[Figures, list[Inference]]:
    """The figures of trials, and a record of the audit for each tensor.

    All trials that are executed share passes, whether they are not inferred or are audited.
    """
    plan = outlook.plan
    replayer = plan.replayer
    space = plan.campaign.space
    faults = plan.campaign.trials.at(trials)
    places, words, _ = space.locate(faults)
    inner = np.array([math.prod(space.sites[place].shape) for place in places.tolist()])
    # Words of a flowing tensor are numbered sample by sample.
    samples = torch.from_numpy(words // inner)
    # Begin as if no fault did anything, and replace what is executed.
    golden = plan.panel.score_samples(replayer.golden_outputs[samples], samples)
    figures = golden.copy()
    stays, moved, extreme = (np.zeros(len(trials), dtype=bool) for _ in range(3))
    of_place = {place: np.flatnonzero(places == place) for place in np.unique(places).tolist()}
    for place, there in of_place.items():
        known = unchanged(outlook, place, faults[there], bounds)
        stays[there], moved[there], extreme[there] = known.stays, known.moved, known.extreme
    # A value near overflow is executed, but in another order of additions than the model: its
    # verdict is no better than an inferred one, and is audited with them.
    inferred = stays | extreme
    pilot = _flagged(draw.pilot(faults), inferred)
    sample = _flagged(draw.sample(faults), inferred & ~pilot)
    checked = pilot | sample
    # Every trial passes through the network at most once, whatever the reasons are.
    once = (moved & ~stays) | checked
    executed = figures.copy()
    if once.any():
        executed[once] = flowing(plan, trials[once], rows, by_order=False)
    # Where nothing was executed these are still the fault-free figures.
    figures[~stays] = executed[~stays]
    values = SampleFigures(plan.panel)
    found = values.of_answers(figures)
    figures[checked] = executed[checked]
    # Their own pass is what is audited, so that the reference has to judge.
    for at in np.flatnonzero(checked & extreme).tolist():
        figures[at] = plan.reference.figures(int(trials[at]))[0]
    # By the verdict that was inferred, not by the one found: wrong ones are counted on the side on
    # which they were believed.
    harmless = (found == values.of_answers(golden)).all(axis=1)
    true, records = values.of_answers(figures), []
    for where, mine in of_place.items():
        off = np.asarray((true[mine] != found[mine]).any(axis=1))
        own, some, first = inferred[mine], sample[mine], pilot[mine]
        failed = fails(int((off & first).sum()), int(first.sum()), threshold)
        tried = own if failed else checked[mine]
        # The linear model does not hold in this tensor: nothing is inferred there, and nothing is
        # left to estimate.
        if failed:
            some = np.zeros(len(mine), dtype=bool)
            figures[mine[own]] = flowing(plan, trials[mine[own]], rows)
            true[mine] = values.of_answers(figures[mine])
            off = (true[mine] != found[mine]).any(axis=1)
        tallies = [
            Tally(int((own & of).sum()), int((tried & of).sum()), int((tried & of & off).sum()))
            for of in (harmless[mine], ~harmless[mine])
        ]
        sides = values.may_err(found[mine])
        # Pilot trials are executed, hence exact.
        left = (own & ~first & (not failed))[:, None]
        kept = np.flatnonzero(some)
        records.append(
            TensorTrials(space, where, faults[mine]).record(
                draw.sample_share,
                ((sides[0] & left).astype(float), (sides[1] & left).astype(float)),
                (kept, (sides[0][kept], sides[1][kept]), (true - found)[mine[kept]].round(12)),
                (tallies[0], tallies[1]),
                samples=1,
                all_tried=failed,
            )
        )
    if draw.measures:
        # All trials of a random share are executed, whether their predictions can be inferred or
        # not; only of these is known what does not follow from predictions.
        left = np.ones(len(trials), dtype=bool)
        left[draw.measured(faults)[0]] = False
        figures[np.ix_(np.flatnonzero(left), np.array(values.beyond))] = np.nan
    return figures, records


def _flagged(pairs: Pairs, inferred: Flags) -> Flags:
    flags = np.zeros(len(inferred), dtype=bool)
    flags[pairs[0]] = True
    return flags & inferred
