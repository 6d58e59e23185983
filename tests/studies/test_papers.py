"""Do the claims of the papers come out where they are true, and only there?"""

import pytest

from radhard.hardenings import HARDENINGS
from radhard.studies import STUDIES
from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.channel_duplication import CHANNEL_DUPLICATION
from radhard.studies.error_rates import ErrorRateStudy
from tests.studies.tiny import fabricated

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

BOUNDS_LOST = {
    "unprotected": 40.0,
    "Ranger, by layer": 20.0,
    "Ranger, by neuron": 18.0,
    "FT-ClipAct": 12.0,
    "FitAct": 8.0,
    "ProAct": 4.0,
}
BOUNDS_ADDED = {"Ranger, by neuron": (600, 200, 50), "ProAct": (1, 1, 50)}
COPIES_LOST = {
    "unprotected": 40.0,
    "intervals only": 3.0,
    "15 % duplicated": 2.0,
    "all duplicated": 0.0,
    "all, no intervals": 0.0,
    "triplicated": 0.0,
}
COPIES_BITS = {
    "intervals only": 1010,
    "15 % duplicated": 1200,
    "all duplicated": 2010,
    "all, no intervals": 2000,
    "triplicated": 3000,
}


def verdicts(study, found):
    return {(c.text, c.note): c.verdict for c in study.claims(found)}


def told(found):
    """Verdicts on which there is something to judge by."""
    return [v for (_, note), v in found.items() if "none of those tried" not in note]


ERROR_RATES = {name: study for name, study in STUDIES.items() if isinstance(study, ErrorRateStudy)}


@pytest.mark.parametrize("study", ERROR_RATES.values(), ids=ERROR_RATES)
def test_every_variant_names_a_hardening_and_the_first_none(study):
    assert study.design.variants[0].hardening == ""
    for variant in study.design.variants[1:]:
        for brief in (False, True):
            text = variant.text(brief=brief)
            assert repr(HARDENINGS.parse(text)).startswith(text.partition("(")[0])
            assert variant.made(brief=brief) == HARDENINGS.parse(text)
    looks = {(variant.paint, variant.mark) for variant in study.design.variants}
    assert len(looks) == len({v.name for v in study.design.variants}) == len(study.design.variants)


def test_where_the_order_of_bounds_is_that_of_the_paper_all_claims_hold():
    found = fabricated(ACTIVATION_BOUNDS, BOUNDS_LOST, added=BOUNDS_ADDED)
    assert set(told(verdicts(ACTIVATION_BOUNDS, found))) == {"holds"}


def test_where_the_order_of_bounds_is_the_other_way_round_no_order_holds():
    worst_first = dict(zip(BOUNDS_LOST, reversed(BOUNDS_LOST.values()), strict=True))
    # The unprotected network is to stay the one that is harmed.
    lost = {name: 30.0 + value for name, value in worst_first.items()}
    found = fabricated(ACTIVATION_BOUNDS, lost, added=BOUNDS_ADDED)
    order = {
        key: verdict
        for key, verdict in verdicts(ACTIVATION_BOUNDS, found).items()
        if "at least as accurate" in key[0]
    }
    assert set(told(order)) == {"does not hold"}


def test_where_all_bounds_do_alike_their_order_holds_within_a_point():
    lost = {**dict.fromkeys(BOUNDS_LOST, 10.0), "unprotected": 10.5}
    found = fabricated(ACTIVATION_BOUNDS, lost, added=BOUNDS_ADDED)
    assert set(told(verdicts(ACTIVATION_BOUNDS, found))) == {"holds"}


def test_memory_formula_is_refuted_by_a_threshold_too_many():
    added = {**BOUNDS_ADDED, "ProAct": (1, 5, 50)}
    found = fabricated(ACTIVATION_BOUNDS, BOUNDS_LOST, added=added)
    formula = [c for c in ACTIVATION_BOUNDS.claims(found) if "as many thresholds" in c.text]
    assert [c.verdict for c in formula] == ["does not hold"]


def test_where_faults_harm_nothing_no_order_can_be_told():
    found = fabricated(ACTIVATION_BOUNDS, dict.fromkeys(BOUNDS_LOST, 0.0), added=BOUNDS_ADDED)
    order = [c for c in ACTIVATION_BOUNDS.claims(found) if "at least as accurate" in c.text]
    assert {c.verdict for c in order} == {"cannot be told"}
    assert all(c.figure is None for c in order)


def test_where_duplication_does_as_the_paper_says_all_claims_hold():
    found = fabricated(CHANNEL_DUPLICATION, COPIES_LOST, bits=COPIES_BITS)
    assert set(verdicts(CHANNEL_DUPLICATION, found).values()) == {"holds"}


def test_where_duplication_is_no_better_than_nothing_its_claims_do_not_hold():
    lost = {**dict.fromkeys(COPIES_LOST, 40.0), "triplicated": 0.0}
    found = fabricated(CHANNEL_DUPLICATION, lost, bits={**COPIES_BITS, "all duplicated": 2500})
    refuted = {
        text
        for (text, _), verdict in verdicts(CHANNEL_DUPLICATION, found).items()
        if verdict == "does not hold"
    }
    assert {text.partition(":")[0].partition(" is as")[0] for text in refuted} >= {
        "all duplicated",
        "all, no intervals",
        "15 % duplicated",
        "intervals only",
    }
    assert any("adds at most half" in text for text in refuted)


def test_rate_far_beyond_the_collapse_is_at_most_a_hundred_times_as_high():
    found = fabricated(CHANNEL_DUPLICATION, COPIES_LOST, bits=COPIES_BITS)
    notes = [c.note for c in CHANNEL_DUPLICATION.claims(found) if "100 times" in c.text]
    assert notes
    assert all(note.endswith("rate 1e-06") for note in notes)


@pytest.mark.parametrize("points", [0.0, 10.0, 40.0])
def test_no_two_claims_are_the_same(points):
    lost = {**COPIES_LOST, "unprotected": points}
    found = fabricated(CHANNEL_DUPLICATION, lost, bits=COPIES_BITS)
    claims = CHANNEL_DUPLICATION.claims(found)
    assert len(verdicts(CHANNEL_DUPLICATION, found)) == len(claims)
    told = [claim for claim in claims if "collapses" in claim.text and claim.figure is not None]
    assert bool(told) == (points > 20)
