"""What are the figures of trials in words of a parameter, if most predictions are inferred?"""

import numpy as np
import torch
from torch import Tensor

from radhard.engines.audit_draw import Draw, Pairs
from radhard.engines.base import Figures
from radhard.engines.bracket.checking import Check, RecordedTrials
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Flags, Predictions
from radhard.engines.bracket.passes import predictions_of
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.word_lines import WordBlock, WordLines
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.executed_pairs import DrawnPairs, ExecutedPairs
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_parameters import unchanged
from radhard.engines.inference import Inference
from radhard.engines.replay.parameter_faults import stored
from radhard.metrics import Panel
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
    of_fault = points.of_fault
    inferred = stays[of_fault]
    # Trials whose sums may overflow are executed with all samples.
    moved = ~words.extreme[of_fault] & (points.sizes[of_fault] != 0)
    drawn = DrawnPairs.of(draw, block.faults)
    codes = drawn.codes(inferred, moved)
    trials, samples = np.divmod(codes, len(golden))
    panel = outlook.plan.panel
    predictions, outputs = _executed(panel, words, requested, (of_fault[trials], samples))
    own = predictions[of_fault]
    pairs = ExecutedPairs(panel, codes, outputs, drawn.measured)

    def whole(trials: Numbers) -> Predictions:
        # Several faults of a word may result in the same value, which is executed once.
        unique, back = np.unique(of_fault[trials], return_inverse=True)
        tried: Predictions = words.whole(unique)[back]
        return tried

    check = Check(draw, threshold, SampleFigures(panel), golden)
    part = RecordedTrials.of_region(outlook.plan.campaign.space, block.place, block.faults)
    audit = drawn.pilot, drawn.sample
    record = check.pairs(part, own, inferred, pairs.predictions, whole, audit)
    figures = figures_of(panel, own, golden)
    if beyond := list(panel.beyond_answer or ()):
        figures[:, beyond] = pairs.figures()[:, beyond]
    by_order = words.extreme[of_fault]
    if by_order.any():
        # After the audit, which compares verdicts of one order of summation with each other.
        figures[by_order] = stored(outlook.plan, block.place, block.trials[by_order], rows)
    return figures, record


def _executed(
    panel: Panel, words: WordLines, requested: Flags, pairs: Pairs
) -> tuple[Predictions, Tensor]:
    """The predictions of all points, ``(points, samples)``, and the outputs of ``pairs``.

    These are of a point and a sample. Predictions that are not ``requested`` are golden.
    """
    predictions, dtype = np.tile(words.golden, (len(requested), 1)), panel.golden.outputs.dtype
    if not words.by_row:
        todo = np.flatnonzero(requested.any(axis=1))
        found, _ = words.evaluate(todo, requested[todo])
        predictions[todo] = np.where(requested[todo], found, words.golden)
        return predictions, words.outputs(*pairs).to(dtype)
    # Where nothing is shared among the samples of a point, all are executed in the same passes.
    at, many = np.nonzero(requested), int(requested.sum())
    outputs = words.outputs(*(np.concatenate(both) for both in zip(at, pairs, strict=True)))
    rows = torch.from_numpy(at[1]).to(outputs.device)
    predictions[at] = predictions_of(outputs[:many], panel.golden, rows)
    return predictions, outputs[many:].to(dtype)
