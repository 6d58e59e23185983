"""What do trials in words of a parameter come to, if most of their answers are foreseen?"""

import numpy as np

from radhard.engines.base import Figures
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Flags
from radhard.engines.bracket.words import Block, Words
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.checked import Check
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.stored import foreseen
from radhard.engines.inferred import Inferred
from radhard.engines.replay.stored import stored

__all__ = ["settled"]


def settled(
    outlook: Outlook, block: Block, bounds: Bounds, check: Check, rows: int
) -> tuple[Figures, Inferred]:
    """The figures of trials in one tensor, and what came of checking them.

    Only the samples whose answers are not foreseen pass through the model. Where sums may overflow,
    which hangs on their order, all of them do as `Replay` has it.
    """
    words = Words(outlook.plan, block, rows)
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
    inferred = np.asarray(stays.any(axis=1))[of_fault]
    before = answers[of_fault]

    def tried(some: Flags) -> None:
        # Several faults of a word may come to the same value; it is tried once.
        again = np.unique(of_fault[some])
        answers[again] = words.whole(again)

    tried(check.drawn(block.faults, inferred))
    wrong = (answers[of_fault] != before).mean(axis=1)
    record = check.record(block.faults, inferred, wrong, tried)
    figures = figures_of(outlook.plan.panel, answers[of_fault], golden)
    by_order = words.extreme[of_fault]
    if by_order.any():
        figures[by_order] = stored(outlook.plan, block.place, block.trials[by_order], rows)
    return figures, record
