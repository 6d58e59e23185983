"""What does an audit of inferred verdicts record, counted by hand?"""

import numpy as np
import pytest
import torch

from radhard.engines.audit_draw import Draw
from radhard.engines.bracket.checking import RecordedTrials
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.verdict_audit import VerdictAudit
from radhard.engines.inference import Inference, Tally
from radhard.metrics import Critical, Panel
from tests.small import space

# Of eight trials, of one word each, six are inferred; two of these are the pilot, two the sample.
TRIALS = np.arange(8)
AUDIT = VerdictAudit(TRIALS < 6, TRIALS < 2, (TRIALS == 2) | (TRIALS == 3))
HARMFUL = np.array([False, True, False, True, True, False, False, True])
SIDES = AUDIT.inferred & ~HARMFUL, AUDIT.inferred & HARMFUL
ONE_WRONG = np.where(TRIALS == 3, -1.0, 0.0)[:, None]
"""Believed to be harmful, the fourth trial is harmless."""


def record(*, failed: bool) -> Inference:
    """What is recorded of the eight trials, each of which has a word of its own."""
    draw = Draw(space=8, seed=0, samples=1, trials=8, audit=0.5)
    values = SampleFigures(Panel([Critical()], torch.eye(2)))
    part, found = RecordedTrials.of_region(space((8,)), 0, TRIALS), HARMFUL[:, None].astype(float)
    return AUDIT.record(part, draw, found, ONE_WRONG, values, SIDES, failed=failed)


def test_a_verdict_is_one_sample_of_a_trial_and_those_left_are_neither_pilot_nor_executed():
    found = record(failed=False)
    assert found.samples == 1
    assert found.trials == (8,)
    # Inferred outside the pilot: 0 1 1 0; a harmless one may be too low, a harmful one too high.
    assert found.open == (((2,), (2,)),)
    assert found.sample == (((1,), (1,)),)
    assert found.wrong == ((3, (-1.0,)),)
    assert (found.harmless, found.harmful) == (Tally(3, 2, 0), Tally(3, 2, 1))
    assert not found.all_tried


def test_where_the_pilot_fails_all_are_executed_and_nothing_is_left_to_estimate():
    found = record(failed=True)
    assert found.open == found.sample == (((0,), (0,)),)
    assert found.wrong == ()
    assert (found.harmless, found.harmful) == (Tally(3, 3, 0), Tally(3, 3, 1))
    assert found.all_tried


@pytest.mark.parametrize(("wrong", "fails"), [([3], False), ([0, 1], True), ([6, 7], False)])
def test_only_the_pilot_decides_whether_inference_fails(wrong, fails):
    errors = np.zeros((8, 2))
    errors[wrong, 1] = -1
    # Two of two wrong: more than 15.8 %, the lower limit of Clopper and Pearson.
    assert AUDIT.fails(errors, threshold=0.15) == fails
    assert not AUDIT.fails(errors, threshold=0.16)


def test_trials_of_a_tensor_keep_their_part_in_the_audit():
    part = AUDIT.part(np.array([1, 3, 7]))
    assert part.inferred.tolist() == [True, True, False]
    assert part.pilot.tolist() == [True, False, False]
    assert part.sample.tolist() == [False, True, False]
    assert part.executed.tolist() == [True, True, False]
