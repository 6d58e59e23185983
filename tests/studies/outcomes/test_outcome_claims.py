"""Are statements about outcomes judged by what was measured, and only by that?"""

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


def test_one_trial_with_due_refutes_that_there_is_none():
    rare = np.zeros(400)
    rare[7] = 0.01
    found = fabricated_outcomes({BARE: {"critical": 0.0, "due": rare}, CHECKED: {"critical": 0.0}})
    claims = OutcomeClaims(found)
    assert claims.no_due("x", [CHECKED]).verdict == "holds"
    refuted = claims.no_due("x", [BARE, CHECKED])
    assert (refuted.verdict, refuted.figure.value) == ("does not hold", 1)
    assert refuted.figure.trials == 800
    assert "0.12" in refuted.note or "0.13" in refuted.note


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
