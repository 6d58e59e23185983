"""Do the claims about StageNet come out where they are true, and only there?"""

import json

import pytest

from radhard.cli import main
from radhard.datasets import cohort
from radhard.models import stagenet
from radhard.studies import NETWORKS, Network
from radhard.studies.outcomes import Point
from radhard.studies.stagenet_clipping import AVC, MOST, PLAIN, STAGENET, WBC, WHOLE
from tests.studies.outcomes.fabricated_outcomes import fabricated_outcomes

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

WORST = {PLAIN: 0.5, WBC: 0.0, AVC: 0.1}


def bits(worst=30, constant=(27, 28, 29, 30)):
    accuracy = [0.8] * 32
    accuracy[worst] = 0.2
    words = {str(bit): int(bit != 30) for bit in constant}
    return {"all tensors": {"accuracy": accuracy}, "constant bits": {"a": words, "b": words}}


def found(worst=WORST, due=0.0, network="made up", weights=1000, facts=None):
    shares = {
        Point(WHOLE, variant.name, reading, rate): {
            "critical": worst[variant.name],
            "due": 0.1 if variant.name == PLAIN else due,
        }
        for _, variant, reading in STAGENET.design.arms
        for rate in STAGENET.design.rates[reading]
    }
    return fabricated_outcomes(
        shares, network=network, weights={WHOLE: weights}, bits=facts or bits()
    )


def verdicts(findings):
    claims = STAGENET.claims(findings)
    assert len({claim.text for claim in claims}) == len(claims)
    return {claim.text: claim.verdict for claim in claims}


def test_where_all_is_as_in_the_paper_all_claims_hold():
    assert set(verdicts(found()).values()) == {"holds"}


def test_clipping_that_does_nothing_refutes_its_claims():
    told = verdicts(found(dict.fromkeys(WORST, 0.5), due=0.1))
    for variant in (WBC, AVC):
        assert told[f"with {variant}, no DUE is seen"] == "does not hold"
        for per in ("per weight", "per bit"):
            text = f"at {MOST:g} {per}, {variant} at least halves critical SDC and DUE"
            assert told[text] == "does not hold"
    assert told[f"at {MOST:g} per weight, WBC loses under 1 point of accuracy"] == "does not hold"


def test_clipping_of_activations_that_is_better_is_told():
    told = verdicts(found({PLAIN: 0.5, WBC: 0.2, AVC: 0.1}))
    for per in ("per weight", "per bit"):
        assert told[f"at {MOST:g} {per}, WBC loses no more AUROC than AVC"] == "does not hold"


def test_auroc_that_is_lost_only_to_due_tells_nothing():
    assert STAGENET.design.chance == 0.5
    shares = {
        Point(WHOLE, PLAIN, "bit", MOST): {"due": 1.0},
        Point(WHOLE, AVC, "bit", MOST): {"critical": 0.5},
    }
    told = verdicts(fabricated_outcomes(shares, chance=0.5, bits=bits()))
    assert told[f"at {MOST:g} per bit, AVC loses less AUROC than no protection"] == "cannot be told"
    assert told[f"at {MOST:g} per bit, the AUROC is below 60 %"] == "holds"


def test_bits_are_judged_by_the_experiment():
    worst = "of all bit positions, flips of bit 30 in all weights cost the most accuracy"
    same = "bits 27, 28 and 29 are 1 and bit 30 is 0 in all weights"
    told = verdicts(found(facts=bits(worst=31)))
    assert (told[worst], told[same]) == ("does not hold", "holds")
    told = verdicts(found(facts=bits(constant=(28, 29, 30))))
    assert (told[worst], told[same]) == ("holds", "does not hold")


def test_networks_are_compared_at_equal_rates_and_at_an_equal_number():
    plain, conv = found(network="plain"), found({**WORST, PLAIN: 0.3}, network="conv", weights=2000)
    claims = STAGENET.across([plain, conv])
    assert len(claims) == 3
    assert {claim.verdict for claim in claims} == {"holds"}
    assert all("conv has no more critical SDC and DUE than plain" in c.text for c in claims)


def test_design_is_that_of_the_paper():
    assert STAGENET.design.runs == 1000
    for reading in ("word", "bit"):
        rates = STAGENET.design.rates[reading]
        assert (rates[0], rates[-1]) == (1e-4, 1e-2)
    assert set(STAGENET.networks) <= set(NETWORKS)


def test_study_runs_from_a_terminal(tmp_path, monkeypatch):
    few = cohort(patients=60, steps=3, split="all")
    tiny = Network("tiny", "a few patients", stagenet(), few, few.first(20), 20)
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny)
    line = ["study", "stagenet", "--network", "tiny", "--runs", "1", "--quick"]
    assert main([*line, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "stagenet.md").read_text("utf-8")
    assert f"`radhard {' '.join(line)} --seed 0`" in page
    (of_tiny,) = json.loads((tmp_path / "stagenet.json").read_text("utf-8"))["networks"]
    assert of_tiny["weights"] == {WHOLE: 48764 + 51840 + 1800}
    assert of_tiny["left out"] == {}
    assert len(of_tiny["bit-wise"]["all tensors"]["accuracy"]) == 32
