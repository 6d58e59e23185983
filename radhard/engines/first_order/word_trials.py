"""What are the figures of trials in words of a parameter, if most predictions are inferred?"""

import numpy as np

from radhard.engines.audit_draw import Draw
from radhard.engines.base import Figures
from radhard.engines.bracket.checking import Check, TensorTrials
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Answers
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.word_lines import WordBlock, WordLines
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_parameters import foreseen
from radhard.engines.inference import Inference
from radhard.engines.replay.parameter_faults import stored
from radhard.space import Numbers

__all__ = ["settled"]


def settled(
    outlook: Outlook, block: WordBlock, bounds: Bounds, draw: Draw, threshold: float, rows: int
) -> tuple[Figures, Inference]:
    """The figures of trials in one tensor, and the record of their audit.

    Only samples whose predictions are not inferred pass through the model. If sums may overflow,
    which depends on their order, all samples are executed as in `Replay`.
    """
    words = WordLines(outlook.plan, block, rows)
    points, golden = words.points, words.golden
    stays = np.zeros((len(points.sizes), len(golden)), dtype=bool)
    small = np.flatnonzero(~points.apart & (points.sizes != 0) & ~words.extreme)
    stays[small] = foreseen(outlook, block.place, words.changes(small), bounds)
    asked = ~stays
    asked[points.zero] = asked[words.extreme] = False
    answers = np.tile(golden, (len(stays), 1))
    todo = np.flatnonzero(asked.any(axis=1))
    found, _ = words.evaluate(todo, asked[todo])
    answers[todo] = np.where(asked[todo], found, golden)
    of_fault = points.of_fault
    own = answers[of_fault]

    def ask(trials: Numbers, of: Numbers) -> Answers:
        return words.pairs(of_fault[trials], of)

    def whole(trials: Numbers) -> Answers:
        # Several faults of a word may result in the same value, which is executed once.
        unique, back = np.unique(of_fault[trials], return_inverse=True)
        tried: Answers = words.whole(unique)[back]
        return tried

    panel = outlook.plan.panel
    check = Check(draw, threshold, SampleFigures(panel), golden)
    part = TensorTrials(outlook.plan.campaign.space, block.place, block.faults)
    record = check.pairs(part, own, stays[of_fault], ask, whole)
    figures = figures_of(panel, own, golden)
    by_order = words.extreme[of_fault]
    if by_order.any():
        figures[by_order] = stored(outlook.plan, block.place, block.trials[by_order], rows)
    return figures, record
