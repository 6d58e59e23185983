"""Can an outsider compute the rates of a run from the table of its trials?"""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from radhard import analyses
from radhard.caps import Certified
from radhard.engines import FirstOrder
from radhard.faults import BitFlip
from radhard.formats import Float16, Float32
from radhard.metrics import Critical
from radhard.results import Results
from radhard.samplers import (
    Adaptive,
    ErrorRate,
    Exhaustive,
    Guided,
    PerBit,
    PerTensor,
    Uniform,
    Until,
    Words,
)
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from tests.engines.test_correction import RASH, ran, small
from tests.small import campaign, data, network, prepared, space


def outsiders(results: Results, name: str, folder) -> float:
    """The line of docs/statistics.md, on the exported table."""
    results.export(folder / "trials.csv")
    trials = pd.read_csv(folder / "trials.csv")
    rate = (trials["weight"] * (trials[name] + trials.get(f"{name} correction", 0))).sum()
    return float(rate)


def three_bits(model: nn.Module) -> FaultSpace:
    return FaultSpace.of(model, Weights("*"), BitFlip(bits=(29, 30, 31)), Float32())


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 60), nn.ReLU(), nn.Linear(60, 8), nn.Linear(8, 2)).eval()


@pytest.mark.parametrize(
    "sampler", [Uniform(700), PerTensor(400), PerBit(8), Words(40), Adaptive(0.1), Until(0.2)]
)
def test_weights_give_the_rates_of_every_sampler(sampler, model, tmp_path):
    results = campaign(model=model, space=three_bits(model), sampler=sampler)
    for column in results.columns:
        expected = pytest.approx(results.rate(column).value, abs=1e-10)
        assert outsiders(results, column, tmp_path) == expected


def test_weights_give_the_rate_where_scores_decide_what_is_drawn(model, tmp_path):
    analyses.VulnerabilityGain()(model, data()).save(tmp_path / "scores.json")
    sampler = Guided(str(tmp_path / "scores.json"), 0.1)
    results = campaign(model=model, space=three_bits(model), sampler=sampler)
    expected = pytest.approx(results.rate().value, abs=1e-10)
    assert outsiders(results, results.headline, tmp_path) == expected


def test_weights_sum_to_less_where_caps_leave_harmless_faults_untried(tmp_path):
    results = campaign(sampler=Adaptive(0.05, caps=Certified()))
    assert results.untried
    expected = pytest.approx(results.rate().value, abs=1e-10)
    assert outsiders(results, results.headline, tmp_path) == expected
    assert results.to_frame()["weight"].sum() == pytest.approx(
        1 - results.untried / len(results.space)
    )


def test_weights_hold_for_the_trials_executed_so_far(tmp_path):
    harm = np.array([1.0, 0.5, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0])
    results = prepared(
        space(), PerTensor(3), lambda faults: harm[faults], executed=np.array([0, 3, 4])
    )
    assert outsiders(results, results.headline, tmp_path) == pytest.approx(results.rate().value)
    assert results.to_frame()["weight"].tolist() == pytest.approx([3 / 8, 5 / 16, 5 / 16])


@pytest.mark.parametrize(("number", "sampler"), [(1, PerBit(20)), (3, Uniform(400))])
def test_under_inference_the_column_of_corrections_gives_the_rate(number, sampler, tmp_path):
    results = ran(number, FirstOrder(audit=0.2, **RASH), sampler)
    frame = results.to_frame()
    assert 0 < frame["inferred"].max() <= 1
    assert f"{results.headline} correction" in frame
    for name in results.columns:
        found = outsiders(results, name, tmp_path)
        low, high = results.ranges[name]
        assert min(max(found, low), high) == pytest.approx(results.rate(name).value, abs=1e-10)


@pytest.mark.parametrize("audit", [0.0, 0.2, 1.0])
def test_the_share_of_inferred_verdicts_is_without_those_that_were_executed(audit):
    results = ran(1, FirstOrder(audit=audit, **RASH), Uniform(200))
    shares = results.to_frame()["inferred"]
    every = [record.harmless + record.harmful for record in results.inferences]
    left = sum(tally.inferred - tally.tried for tally in every)
    assert shares.mean() == pytest.approx(left / (200 * 10))
    assert (shares.max() == 0) == (audit == 1.0)


def test_corrections_go_with_post_strata_too(tmp_path):
    model, given, _ = small(1)
    high = FaultSpace.of(model, Weights("*"), BitFlip(bits=(14, 15)), Float16())
    engine, metrics = FirstOrder(audit=0.2, **RASH), [Critical()]
    asked = {"data": given, "sampler": Uniform(270), "seed": 0, "audit": 0}
    found = campaign(model=model, space=high, engine=engine, metrics=metrics, **asked)
    frame = found.to_frame()
    assert frame["weight"].nunique() > 1
    assert f"{found.headline} correction" in frame
    assert outsiders(found, found.headline, tmp_path) == pytest.approx(found.rate().value)


def test_trials_of_many_faults_count_alike_at_each_error_rate():
    results = prepared(space(), ErrorRate((0.1, 0.5), 10), lambda faults: len(faults) / 8)
    frame = results.to_frame()
    sums = (frame["weight"] * frame[results.headline]).groupby(frame["rate"]).sum()
    expected = [rate.value for rate in results.rate(by="rate").values()]
    assert sums.tolist() == pytest.approx(expected)


def test_strata_and_directions_of_trials_are_named(model):
    frame = campaign(model=model, space=three_bits(model), sampler=PerTensor(30)).to_frame()
    assert (frame["stratum"] == frame["tensor"]).all()
    flips = frame[frame["bit"] == "31"]
    assert set(frame["direction"]) == {"up", "down"}
    assert "inferred" not in frame
    assert frame.columns[-len(flips.columns) :].tolist()[-1] == "Accuracy().drop"


def test_faults_without_a_direction_have_no_column_of_it():
    model, given = network(), data()
    flowing = FaultSpace.of(model, Activations("0"), BitFlip(), Float32(), data=given)
    frame = campaign(model=model, data=given, space=flowing, sampler=Uniform(20)).to_frame()
    assert "direction" not in frame
    assert frame["weight"].tolist() == [0.05] * 20


def test_every_fault_of_an_exhausted_space_has_the_same_weight():
    frame = campaign(sampler=Exhaustive(), space=three_bits(network())).to_frame()
    assert frame["weight"].tolist() == pytest.approx([1 / len(frame)] * len(frame))
