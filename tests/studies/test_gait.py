"""Do the claims about gait networks come out where they are true, and only there?"""

import json

import pytest

from radhard.cli import main
from radhard.datasets import watch
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.models import gait_lstm
from radhard.space import FaultSpace
from radhard.studies import NETWORKS, Network
from radhard.studies.gait import GAIT
from radhard.studies.gait_claims import CHECKED, FC, LSTM, PLAIN, WHOLE, U, W, between_networks
from radhard.studies.outcomes import Point
from tests.studies.outcomes.fabricated_outcomes import fabricated_outcomes

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

CRITICAL = {WHOLE: 0.35, LSTM: 0.35, FC: 0.1, W: 0.25, U: 0.05}
DUE = {WHOLE: 0.05, FC: 0.05}


def found(critical=CRITICAL, checked=0.02, due=DUE, network="made up", weights=None):
    """Findings at all points of the study, with less harm at the lower rates."""
    shares = {}
    for scenario, variant, reading in GAIT.design.arms:
        name = scenario.name
        for rate in GAIT.design.rates[reading]:
            less = {0.0005: 100, 0.005: 5}.get(rate, 1) if reading == "word" else 1
            bare = variant.name == PLAIN
            harm = (critical[name] if bare else checked) / less
            # At a rate of 0.005, nothing is masked, except in FC.
            masked = 0.2 if name == FC else 0.0
            rest = 1.0 - harm - masked if less == 5 else 0.1 if name == FC else 0.3
            broken = due.get(name, 0.0) if bare and rate >= 0.05 and reading == "word" else 0.0
            shares[Point(name, variant.name, reading, rate)] = {
                "critical": harm,
                "noncritical": rest,
                "due": broken,
                **({"masked": masked} if less == 5 else {}),
            }
    return fabricated_outcomes(shares, network=network, weights=weights, runs=4000)


def verdicts(findings):
    claims = GAIT.claims(findings)
    assert len({claim.text for claim in claims}) == len(claims)
    return {claim.text: claim.verdict for claim in claims}


def test_where_all_is_as_in_the_paper_most_claims_hold():
    told = verdicts(found())
    refuted = {text for text, verdict in told.items() if verdict != "holds"}
    # Below 0.005 per weight, but not at low rates per bit, less harm is made up.
    assert refuted == {
        text for text in told if text.startswith("critical SDC at 0.00015625 per bit")
    }


def test_lstm_that_is_hardly_harmed_and_has_due_refutes_its_claims():
    told = verdicts(found({**CRITICAL, LSTM: 0.01, U: 0.3}, due={U: 0.05}))
    assert told["with faults in the LSTM alone, no DUE is seen"] == "does not hold"
    for text, verdict in told.items():
        if "more accuracy than in FC" in text or "more critical SDC than in FC" in text:
            assert verdict == "does not hold"
        if "faults in W cost more accuracy than in U" in text:
            assert verdict == "does not hold"


def test_protection_that_does_nothing_refutes_its_claims():
    told = verdicts(found(checked=CRITICAL[WHOLE]))
    for rate in ("0.05", "0.1"):
        text = f"the {CHECKED} reduces critical SDC at {rate} per weight to a third or less"
        assert told[text] == "does not hold"
        # Accuracy and F1 are 65 % in these findings.
        meets = f"with the {CHECKED}, accuracy and F1 at {rate} per weight both meet the demand"
        assert told[meets] == "does not hold"


def test_networks_are_compared_at_equal_rates_and_at_equal_numbers():
    small = found({**CRITICAL, WHOLE: 0.2}, network="small", weights={WHOLE: 100})
    large = found({**CRITICAL, WHOLE: 0.4}, network="large", weights={WHOLE: 900})
    claims = between_networks([large, small])
    assert len(claims) == 4
    assert all("cost large more accuracy than small" in claim.text for claim in claims)
    assert {claim.verdict for claim in claims} == {"holds"}
    assert sum("faulty weights on average in both" in claim.text for claim in claims) == 2
    assert between_networks([small]) == []


def test_design_is_that_of_the_papers():
    design = GAIT.design
    assert design.runs == 2000
    assert [32 * rate for rate in design.rates["bit"]] == [0.005, 0.1]
    assert set(design.rates["word"]) >= {0.005, 0.05, 0.1}
    assert set(GAIT.networks) <= set(NETWORKS)
    # The numbers of weights that the publications give for ANN-20.
    expected = {WHOLE: 2360, LSTM: 1920, FC: 440, W: 1600, U: 320}
    for scenario in design.scenarios:
        space = FaultSpace.of(gait_lstm(), scenario.targets, BitFlip(), Float32())
        assert space.words.sum() == expected[scenario.name]


def test_study_runs_from_a_terminal(tmp_path, monkeypatch):
    few = watch(window=4, channels=4, positive=6, n=40)
    tiny = Network("tiny", "short windows", gait_lstm(), few, few, 40)
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny)
    line = ["study", "gait", "--network", "tiny", "--runs", "2", "--quick"]
    assert main([*line, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "gait.md").read_text("utf-8")
    assert f"`radhard {' '.join(line)} --seed 0`" in page
    (of_tiny,) = json.loads((tmp_path / "gait.json").read_text("utf-8"))["networks"]
    arms = {(point["scenario"], point["variant"], point["per"]) for point in of_tiny["points"]}
    assert arms == {(s.name, v.name, reading) for s, v, reading in GAIT.design.arms}
    assert (WHOLE, PLAIN, "faults") in arms
