"""Are exhausted tables those of direct injection, and are estimators scored rightly on them?"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from radhard.caps import Stated
from radhard.caps.cap_table import Audit
from radhard.cli import main
from radhard.engines import FirstOrder
from radhard.errors import InputError
from radhard.formats import Float32, Int
from radhard.injection import inject
from radhard.samplers import PerTensor
from radhard.studies import NETWORKS, Plan
from radhard.studies.exhausted import MarginQuestion, Simulation
from radhard.studies.exhausted.estimator_campaigns import campaign_seconds, scores_of
from radhard.studies.exhausted.estimators import Estimator, estimator
from radhard.studies.exhausted.exhausted_table import exhausted_table
from radhard.studies.exhausted.kept_caps import kept_caps
from radhard.studies.exhausted.textbook import iterative_campaign, normal_estimates
from tests.caps.exhausted import true_harm
from tests.studies.tiny import tiny_network


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    network, folder = tiny_network(), tmp_path_factory.mktemp("tables")
    data = network.test.first(8)
    path = folder / "tiny.parquet"
    return exhausted_table("tiny", network.model, data, Float32(), path, Plan()), path


def test_table_has_the_harm_of_every_flip_injected_directly(made):
    table, path = made
    network = tiny_network()
    direct = true_harm(network.model, table.data, table.space)
    others = np.flatnonzero(np.abs(table.harm - direct) > 1e-6)
    # Directly counted are also outputs with NaN, which are no critical SDC.
    assert len(others) < 5
    for fault in others.tolist():
        with inject(table.model, table.space, fault), torch.no_grad():
            assert table.model(table.data.inputs).isnan().any()
    assert (table.checked, table.differing) == (1000, 0)
    frame = pd.read_parquet(path)
    assert len(frame) == len(table.space)
    assert frame["harmed"].to_numpy().tolist() == table.harmed.tolist()
    row = frame.iloc[70]
    assert (row["tensor"], row["word"], row["bit"]) == ("conv.weight", 2, 6)
    assert not list(path.parent.glob("*.db"))


def test_audited_table_has_the_same_harm_and_counts_its_verdicts_by_tensor(made, tmp_path):
    table, _ = made
    path, engine = tmp_path / "tiny.parquet", FirstOrder(audit=0.01)
    network = tiny_network()
    found = exhausted_table("tiny", network.model, table.data, Float32(), path, Plan(), engine)
    assert (found.harmed != table.harmed).sum() < 5
    audit = found.index["audit"]
    assert set(audit["tensors"]) == {r.site.name for r in found.space.regions}
    for name, rate in Simulation(found.model, found.space, found.harm).truth("tensor").items():
        one = audit["tensors"][name]
        assert one["rate"] == pytest.approx(rate)
        assert 0 <= one["wrong"] <= one["executed"] < one["inferred"] < one["verdicts"]
        assert one["verdicts"] == one["faults"] * len(table.data)
    value, low, high = audit["rate"]
    assert low <= value <= high
    again = exhausted_table("tiny", network.model, table.data, Float32(), path, Plan(), engine)
    assert again.index == found.index
    assert "audit" not in table.index


def test_time_of_a_campaign_is_that_of_its_own_trials(made):
    table, _ = made
    question = MarginQuestion("q", 0.05, 0.95, "tensor", ())
    for text in ("PerTensor(margin=0.05)", "Adaptive(0.05, by='tensor')"):
        chosen = estimator(text, question, table, {}, Path("scores.json"))
        assert campaign_seconds(chosen, table, 0, 40) > 0


def test_table_is_read_again_and_not_those_of_others(made):
    table, path = made
    network = tiny_network()
    data = network.test.first(8)
    before = path.stat().st_mtime_ns
    again = exhausted_table("tiny", network.model, data, Float32(), path, Plan())
    assert again.sha256 == table.sha256
    assert path.stat().st_mtime_ns == before
    with pytest.raises(InputError, match="another format"):
        exhausted_table("tiny", network.model, data, Int(8), path, Plan())
    with torch.no_grad():
        network.model.fc2.bias[0] += 1
    with pytest.raises(InputError, match="another model"):
        exhausted_table("tiny", network.model, data, Float32(), path, Plan())


def test_a_table_whose_content_changed_is_refused(made, tmp_path):
    table, path = made
    frame = pd.read_parquet(path)
    frame.loc[5, "harmed"] += 1
    frame.to_parquet(tmp_path / "tiny.parquet", index=False)
    with pytest.raises(InputError, match="damaged"):
        exhausted_table(
            "tiny", table.model, table.data, Float32(), tmp_path / "tiny.parquet", Plan()
        )
    (tmp_path / "other.parquet").write_text("no table")
    with pytest.raises(InputError, match="cannot be read"):
        exhausted_table(
            "tiny", table.model, table.data, Float32(), tmp_path / "other.parquet", Plan()
        )


def test_normal_interval_is_that_of_the_textbook(made):
    table, _ = made
    simulation = Simulation(table.model, table.space, table.harm)
    found = simulation.drawn(PerTensor(100), 3, None, 0.95)
    values = table.harm[found.trials.at(np.arange(len(found.trials)))]
    (estimate,) = normal_estimates(table.space, found.trials, values, None, 0.95).values()
    mean, variance, begin = 0.0, 0.0, 0
    for stratum in found.trials.strata:
        own = values[begin : begin + stratum.trials]
        begin += stratum.trials
        weight = stratum.population / len(table.space)
        left = (stratum.population - len(own)) / (stratum.population - 1)
        mean += weight * own.mean()
        variance += weight**2 * own.var() / len(own) * left
    assert estimate.value == pytest.approx(mean)
    assert estimate.high - estimate.value == pytest.approx(1.96 * variance**0.5)
    by_tensor = normal_estimates(table.space, found.trials, values, "tensor", 0.95)
    assert set(by_tensor) == set(simulation.truth("tensor"))
    # All of 96 flips of the bias were tried.
    assert by_tensor["conv.bias"].low == by_tensor["conv.bias"].high


def test_iterative_sampling_stops_at_its_margin(made):
    table, _ = made
    simulation = Simulation(table.model, table.space, table.harm)
    found = iterative_campaign(simulation, 0.004, 0.95, None, 0)
    (estimate,) = found.estimates.values()
    p, n, every = estimate.value, len(found.trials), len(table.space)

    def margin(n):
        return 1.96 * (p * (1 - p) / n * (every - n) / (every - 1)) ** 0.5

    assert margin(n) <= 0.004 < 1.1 * margin(n - 100)
    assert n % 100 == 0
    each = iterative_campaign(simulation, 0.01, 0.95, "tensor", 0)
    assert set(each.estimates) == set(simulation.truth("tensor"))


def test_study_runs_from_a_terminal_and_keeps_its_campaigns(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())
    line = ["study", "ground-truth", "--network", "tiny", "--quick", "--runs", "2"]
    line += ["--images", "6", "--store", str(tmp_path / "store")]
    assert main([*line, "-o", str(tmp_path)]) == 0
    facts = json.loads((tmp_path / "ground-truth.json").read_text("utf-8"))
    (table,) = facts["networks"][0]["tables"]
    assert (table["format"], table["samples"]) == ("Float32()", 6)
    assert len(table["sha256"]) == 64
    assert {one["estimator"].partition("(")[0] for one in table["estimators"]} >= {
        "PerTensor",
        "PerBit",
        "Adaptive",
    }
    for one in table["estimators"]:
        assert one["held"]["trials"] == 2
        assert 0 <= one["held"]["low"] <= one["held"]["value"] <= one["held"]["high"] <= 1
    kept = sorted((tmp_path / "store" / "ground-truth" / "tiny").glob("*.jsonl"))
    lines = [path.read_text("utf-8") for path in kept]
    assert main([*line, "-o", str(tmp_path)]) == 0
    assert [path.read_text("utf-8") for path in kept] == lines


def test_campaigns_are_kept_until_an_estimator_finds_something_else(made, tmp_path):
    table, _ = made
    question = MarginQuestion("q", 0.05, 0.95, None, ())
    truth = Simulation(table.model, table.space, table.harm).truth(None)
    seeds = []

    def scores(trials, seed=0):
        chosen = estimator(f"Uniform({trials})", question, table, {}, Path("scores.json"))

        def campaign(number):
            seeds.append(number)
            return chosen.campaign(number)

        # The name of another sampler stands for one whose draws changed under its name.
        changed = Estimator("Uniform", campaign)
        found = scores_of(changed, question, table, truth, tmp_path, seed, 4, 4)
        return {score.trials for score in found}

    assert scores(100) == {100}
    assert seeds == [0, 1, 2, 3]
    assert scores(100) == {100}
    assert seeds[4:] == [0]
    assert scores(100, seed=2) == {100}
    assert seeds[5:] == [0, 4, 5]
    assert scores(120) == {120}
    assert seeds[8:] == [0, 0, 1, 2, 3]
    assert len(list(tmp_path.iterdir())) == 1


def test_caps_are_kept_with_their_audit_until_something_else_is_asked(made, tmp_path):
    table, _ = made
    source = Stated(audit=10)
    found, seconds = kept_caps(source, table, table.data, tmp_path, 0)
    (path,) = tmp_path.iterdir()
    before = path.stat().st_mtime_ns
    again, spent = kept_caps(source, table, table.data, tmp_path, 0)
    assert path.stat().st_mtime_ns == before
    assert spent == seconds > 0
    assert again.caps.tolist() == found.caps.tolist()
    assert again.notes == found.notes
    assert again.audit == Audit(10, 0)
    kept_caps(source, table, table.data, tmp_path, 1)
    assert path.stat().st_mtime_ns > before
