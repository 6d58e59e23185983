"""Do the claims about split neurons come out where they are true, and only there?"""

import json

import numpy as np
import pytest

from radhard.cli import main
from radhard.studies import NETWORKS
from radhard.studies.neuron_copies import NeuronCopiesFindings, Protected
from radhard.studies.qdeepvigor_copies import COMMON, LOWEST, QDEEPVIGOR_COPIES
from tests.studies.tiny import tiny_network

TRIALS = 4000


def protected(rate: float, neurons: int = 100, changed: float = 0.0) -> Protected:
    harmful = (np.arange(TRIALS) < rate * TRIALS).astype(float)
    return Protected(harmful, harmful / 2, neurons, changed)


def findings(split: float, three: float, changed: float = 0.0) -> NeuronCopiesFindings:
    after = {
        (threshold, method): protected(rate, changed=changed)
        for threshold in (COMMON, LOWEST)
        for method, rate in (("split", split), ("triplicated", three))
    }
    counts = {0.0: 90, LOWEST: 20, COMMON: 10}
    strata = np.zeros(TRIALS, np.int64)
    return NeuronCopiesFindings(
        "made up",
        50,
        20,
        (0.9, 0.9),
        strata,
        [COMMON],
        [10**6],
        counts,
        0.4,
        protected(0.2),
        after,
    )


def verdicts(of: NeuronCopiesFindings) -> list[str]:
    return [claim.verdict for claim in QDEEPVIGOR_COPIES.claims(of)]


def test_where_halves_protect_as_well_as_copies_the_claims_hold():
    assert verdicts(findings(0.05, 0.05)) == ["holds"] * 12


def test_where_they_do_not_protect_the_claims_do_not_hold():
    assert verdicts(findings(0.19, 0.02, changed=0.1)) == ["holds", *["does not hold"] * 11]


def test_without_critical_neurons_nothing_can_be_told():
    of = findings(0.05, 0.05)
    none = NeuronCopiesFindings(
        *(getattr(of, name) for name in ("network", "images", "analyzed", "accuracy", "strata")),
        of.since,
        of.populations,
        of.counts,
        of.largest,
        of.before,
        {},
    )
    assert verdicts(none) == ["holds", *["cannot be told"] * 8]


def test_strata_count_by_their_size():
    values = np.r_[np.ones(10), np.zeros(10)]
    of = findings(0.1, 0.1)
    weighted = NeuronCopiesFindings(
        "made up",
        1,
        1,
        (1.0, 1.0),
        np.repeat([0, 1], 10),
        [0.2, 0.0],
        [1000, 9000],
        of.counts,
        0.1,
        Protected(values, values, 1, 0.0),
        {},
    )
    assert weighted.critical(0.0, "unprotected").value == pytest.approx(0.1)
    assert weighted.critical(0.0, "unprotected", since=0.2).value == pytest.approx(1.0)


def test_study_runs_from_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())
    line = ["study", "qdeepvigor-protection", "--network", "tiny", "--runs", "20", "--quick"]
    line += ["--images", "5", "--store", str(tmp_path / "store")]
    assert main([*line, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "qdeepvigor-protection.md").read_text("utf-8")
    assert "54 neurons" in page
    facts = json.loads((tmp_path / "qdeepvigor-protection.json").read_text("utf-8"))
    (of_tiny,) = facts["networks"]
    assert of_tiny["neurons"]["0.0"] == 54
    methods = [each["method"] for each in of_tiny["protected"]]
    assert methods == ["unprotected", "split", "triplicated"]
    _, split, three = of_tiny["protected"]
    assert three["neurons"] - 54 == 2 * (split["neurons"] - 54) > 0
    before = (tmp_path / "qdeepvigor-protection.json").read_bytes()
    assert main([*line, "-o", str(tmp_path)]) == 0  # continued from the store
    assert (tmp_path / "qdeepvigor-protection.json").read_bytes() == before


def test_design_is_that_of_the_paper():
    design = QDEEPVIGOR_COPIES.design
    assert {round(0.05 * n, 2) for n in range(11)} <= set(design.counted)
    assert {COMMON, LOWEST} <= set(design.protected)
    assert set(QDEEPVIGOR_COPIES.networks) <= set(NETWORKS)
