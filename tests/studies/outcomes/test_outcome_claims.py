"""Are statements about outcomes judged by what was measured, and only by that?"""

from dataclasses import replace

import numpy as np
import pytest

from radhard.studies.outcomes import OutcomeClaims, Point, difference
from tests.studies.outcomes.fabricated_outcomes import fabricated_outcomes

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

BARE = Point("all", "bare", "word", 0.1)
CHECKED = Point("all", "checked", "word", 0.1)
MISSING = Point("all", "bare", "word", 0.7)


@pytest.fixture
def claims():
    return OutcomeClaims(
        fabricated_outcomes(
            {BARE: {"critical": 0.4, "due": 0.2}, CHECKED: {"critical": 0.05, "due": 0.0}},
            changed={"bare": 0, "checked": 3},
        )
    )


def test_level_is_a_percentage(claims):
    claim = claims.level("x", "critical", BARE, "at least", 39.0)
    assert claim.verdict == "holds"
    assert claim.figure.value == pytest.approx(40, abs=0.5)
    assert claim.figure.unit == "%"
    assert claims.level("x", "critical", BARE, "at most", 39.0).verdict == "does not hold"


def test_points_lost_are_those_of_the_fault_free_network(claims):
    claim = claims.lost("x", "accuracy", BARE, 61.0)
    # Samples with a critical SDC or a DUE are wrong here, and all others right.
    assert claim.figure.value == pytest.approx(60, abs=0.5)
    assert claim.verdict == "holds"
    assert claims.lost("x", "accuracy", BARE, 59.0).verdict == "does not hold"


def test_difference_is_the_first_less_the_second(claims):
    claim = claims.more("x", "critical", BARE, CHECKED, "at least")
    assert claim.figure.value == pytest.approx(35, abs=0.5)
    assert claim.verdict == "holds"
    assert claims.more("x", "critical", CHECKED, BARE, "at least").verdict == "does not hold"


def test_fraction_has_an_interval_that_covers_both_means(claims):
    claim = claims.fraction("x", "critical", CHECKED, BARE, 1 / 3)
    assert claim.verdict == "holds"
    assert claim.figure.low < 0.05 / 0.4 < claim.figure.high
    nothing = claims.fraction("x", "due", BARE, CHECKED, 1 / 3)
    assert (nothing.verdict, nothing.figure) == ("cannot be told", None)
    assert "may be 0" in nothing.note


@pytest.mark.parametrize(("score", "verdict"), [(30.0, "holds"), (50.0, "does not hold")])
def test_demands_are_met_only_if_each_is(claims, score, verdict):
    # Accuracy and score are 40 % in these findings.
    claim = claims.margin("x", {"A": ("accuracy", 35.0), "F1": ("score", score)}, BARE, "at least")
    assert claim.verdict == verdict
    assert claim.figure.value == pytest.approx(min(5, 40 - score), abs=0.5)
    # Each of two intervals is of 97.5 %, and therefore wider than one of 95 %.
    one = claims.margin("x", {"A": ("accuracy", 35.0)}, BARE, "at least").figure
    two = claims.margin(
        "x", {"A": ("accuracy", 35.0), "F1": ("score", 0.0)}, BARE, "at least"
    ).figure
    assert two.low < one.low
    assert two.high > one.high


def test_difference_in_either_direction_refutes_equality(claims):
    for pair in ((BARE, CHECKED), (CHECKED, BARE)):
        claim = claims.equal("x", "critical", *pair, 1.0)
        assert claim.verdict == "does not hold"
        assert claim.figure.value == pytest.approx(35, abs=0.5)
        assert claims.equal("x", "critical", *pair, 40.0).verdict == "holds"
    same = claims.equal("x", "critical", BARE, BARE, 1.0)
    assert same.figure.value == same.figure.low == 0
    assert "[-" in same.note


def test_verdict_that_depends_on_what_a_due_counts_cannot_be_told():
    # In every trial of the first, half the samples are DUE: a score of 0.4, or of 0.5 as guessed.
    harm = {BARE: {"critical": 0.1, "due": 0.5}, CHECKED: {"critical": 0.52}}
    for chance, verdict in ((None, "holds"), (0.5, "cannot be told")):
        told = OutcomeClaims(fabricated_outcomes(harm, chance=chance))
        claim = told.more("x", "score drop", BARE, CHECKED, "at least")
        assert claim.verdict == verdict
        # Accuracy knows no guess.
        assert told.more("x", "accuracy drop", BARE, CHECKED, "at least").verdict == "holds"
    assert claim.figure is None
    assert "50 %" in claim.note
    assert "does not hold" in claim.note
    assert told.level("x", "score", BARE, "at most", 60.0).verdict == "holds"


def test_one_trial_with_due_refutes_that_there_is_none():
    rare = np.zeros(400)
    rare[7] = 0.01
    low = replace(CHECKED, rate=0.01)
    found = fabricated_outcomes({low: {"critical": 0.0}, BARE: {"critical": 0.0, "due": rare}})
    claims = OutcomeClaims(found)
    assert claims.no_due("x", [low]).verdict == "holds"
    assert "none in 400 trials" in claims.no_due("x", [low]).note
    refuted = claims.no_due("x", [low, BARE])
    assert (refuted.verdict, refuted.figure.value) == ("does not hold", 1)
    assert (refuted.figure.trials, refuted.figure.unit) == (800, "trial with a DUE")
    # 1 of 400 where faults are most, not 1 of 800.
    assert "0.1 per weight" in refuted.note
    assert "0.2 %" in refuted.note


def test_one_trial_with_due_confirms_that_there_can_be_one(claims):
    assert claims.some_due("x", BARE).verdict == "holds"
    # That none was seen does not say that there is none.
    unseen = claims.some_due("x", CHECKED)
    assert (unseen.verdict, unseen.figure) == ("cannot be told", None)
    assert "none in 400 trials" in unseen.note


def test_changed_outputs_are_counted(claims):
    assert claims.no_changes("bare").verdict == "holds"
    assert claims.no_changes("checked").verdict == "does not hold"
    assert claims.no_changes("absent").verdict == "cannot be told"


def test_rate_that_was_not_tried_tells_nothing(claims):
    every = [
        claims.level("x", "due", MISSING, "at most", 1.0),
        claims.lost("x", "score", MISSING, 1.0),
        claims.more("x", "due", BARE, MISSING, "at most"),
        claims.fraction("x", "due", BARE, MISSING, 1.0),
        claims.margin("x", {"A": ("accuracy", 80.0)}, MISSING, "at least"),
        claims.equal("x", "due", BARE, MISSING, 1.0),
        claims.no_due("x", []),
        claims.some_due("x", MISSING),
        difference("x", claims.findings, claims.findings, "due", MISSING, "at most"),
    ]
    assert {claim.verdict for claim in every} == {"cannot be told"}
    assert {claim.note for claim in every} == {"not tried in this run"}


def test_networks_differ_by_the_first_less_the_second():
    found = [fabricated_outcomes({BARE: {"critical": share}}) for share in (0.3, 0.1)]
    claim = difference("x", *found, "critical", BARE, "at least")
    assert claim.verdict == "holds"
    assert claim.figure.value == pytest.approx(20, abs=0.5)
    assert difference("x", *found[::-1], "critical", BARE, "at least").verdict == "does not hold"
