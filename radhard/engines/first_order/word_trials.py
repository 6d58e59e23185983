"""What are the figures of trials in words of a parameter, if most predictions are inferred?"""

import numpy as np

from radhard.engines.audit_draw import Draw
from radhard.engines.base import Figures
from radhard.engines.bracket.checking import Check, RecordedTrials
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Predictions
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.word_lines import WordBlock, WordLines
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.executed_pairs import ExecutedPairs
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_parameters import unchanged
from radhard.engines.inference import Inference
from radhard.engines.replay.parameter_faults import stored
from radhard.space import Numbers

__all__ = ["run_trials"]


def run_trials(
    outlook: Outlook, block: WordBlock, bounds: Bounds, draw: Draw, threshold: float, rows: int
) -> tuple[Figures, Inference]:
    """The figures of trials in one tensor, and the record of their audit.

    Only samples whose predictions are not inferred pass through the model. If sums may overflow,
    which depends on their order, all samples are executed as in `Replay`.
    """
    words = WordLines(outlook.plan, block, rows)
    points, golden = words.points, words.golden
    stays = np.zeros((len(points.sizes), len(golden)), dtype=bool)
    # No gradient describes an infinite change, and one that may overflow is not small.
    small = np.flatnonzero(~points.apart & (points.sizes != 0) & ~words.extreme)
    stays[small] = unchanged(outlook, block.place, words.changes(small), bounds)
    requested = ~stays
    # Unchanged words have golden outputs; extreme ones are executed below, all samples together.
    requested[points.zero] = requested[words.extreme] = False
    predictions = np.tile(golden, (len(stays), 1))
    todo = np.flatnonzero(requested.any(axis=1))
    found, _ = words.evaluate(todo, requested[todo])
    predictions[todo] = np.where(requested[todo], found, golden)
    of_fault = points.of_fault
    own = predictions[of_fault]

    panel = outlook.plan.panel
    inferred = stays[of_fault]
    # Trials whose sums may overflow are executed with all samples.
    moved = ~words.extreme[of_fault] & (points.sizes[of_fault] != 0)
    pairs = ExecutedPairs.of(
        panel, draw, block.faults, inferred, moved, lambda at, of: words.outputs(of_fault[at], of)
    )

    def whole(trials: Numbers) -> Predictions:
        # Several faults of a word may result in the same value, which is executed once.
        unique, back = np.unique(of_fault[trials], return_inverse=True)
        tried: Predictions = words.whole(unique)[back]
        return tried

    check = Check(draw, threshold, SampleFigures(panel), golden)
    part = RecordedTrials.of_region(outlook.plan.campaign.space, block.place, block.faults)
    record = check.pairs(part, own, inferred, pairs.predictions, whole)
    figures = figures_of(panel, own, golden)
    if beyond := list(panel.beyond_answer or ()):
        figures[:, beyond] = pairs.figures()[:, beyond]
    by_order = words.extreme[of_fault]
    if by_order.any():
        # After the audit, which compares verdicts of one order of summation with each other.
        figures[by_order] = stored(outlook.plan, block.place, block.trials[by_order], rows)
    return figures, record
