"""Do the claims about early stops come out where they are true, and do groups add up?"""

import json

import pytest

from radhard.cli import main
from radhard.studies import NETWORKS
from radhard.studies.early_stops import EarlyStopFindings, StoppedTrials
from radhard.studies.hybrid_systolic import HYBRID_SYSTOLIC
from tests.studies.tiny import tiny_network


def findings(ended: int, wrong: int) -> EarlyStopFindings:
    """Of 10,000 trials so many end at the layer, of which 5,000 change no neuron."""
    groups = [
        StoppedTrials(dataflow, "conv1", register, inputs, 3.0, 10_000, 5000, ended - 5000, wrong)
        for dataflow in ("output_stationary", "weight_stationary")
        for register in ("weight", "sum")
        for inputs in ("analyzed", "unseen")
    ]
    return EarlyStopFindings("made up", 3.0, 50, 1.0, groups)


def verdicts(of: EarlyStopFindings) -> list[str]:
    return [claim.verdict for claim in HYBRID_SYSTOLIC.claims(of)]


def test_where_most_faults_end_early_and_rightly_the_claims_hold():
    assert verdicts(findings(9000, 0)) == ["holds"] * 3


def test_where_few_do_or_many_wrongly_they_do_not():
    assert verdicts(findings(6000, 100)) == ["does not hold"] * 3


def test_shares_and_agreements_are_those_of_the_chosen_trials():
    of = findings(8000, 30)
    first = of.groups[0]
    share, agreement = of.share(lambda g: g is first), of.agreement(lambda g: g is first)
    assert (share.value, share.trials) == (0.8, 10_000)
    assert agreement is not None
    assert (agreement.value, agreement.trials) == (pytest.approx(0.99), 3000)
    assert of.agreement(lambda g: g.settled == 0) is None


def test_study_runs_from_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())
    line = ["study", "hybrid-systolic", "--network", "tiny", "--runs", "15", "--quick"]
    line += ["--images", "4", "--store", str(tmp_path / "store")]
    assert main([*line, "-o", str(tmp_path)]) == 0
    assert "by register" in (tmp_path / "hybrid-systolic.md").read_text("utf-8").lower()
    facts = json.loads((tmp_path / "hybrid-systolic.json").read_text("utf-8"))
    groups = facts["networks"][0]["groups"]
    # Layers, registers, and inputs that were analyzed, held out, or neither.
    assert len(groups) == 3 * 4 * 3
    assert {group["trials"] for group in groups} == {15}
    assert all(g["masked"] + g["settled"] <= 15 and g["wrong"] <= g["settled"] for g in groups)
    assert any(group["settled"] for group in groups)


def test_design_is_that_of_the_source():
    design = HYBRID_SYSTOLIC.design
    flows = [array.dataflow for array in design.arrays]
    assert flows == ["output_stationary", "weight_stationary", "input_stationary"]
    assert set(HYBRID_SYSTOLIC.networks) <= set(NETWORKS)
