"""Does a plan say what a campaign then takes?"""

import math
from dataclasses import astuple, replace
from html import escape

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.planning import plan
from radhard.planning.campaign_speed import CampaignSpeed, campaign_speed
from radhard.samplers import Adaptive, PerTensor, Uniform
from radhard.stats import sample_size
from tests.small import data, network


def test_the_expected_trials_are_about_those_of_the_campaign():
    found = plan(network(), data(), margin=0.01, compare=False)
    rows = {type(row.sampler): row for row in found.rows if not capped(row)}
    adaptive = rows[Adaptive]
    taken = len(run(network(), data(), None, adaptive.sampler, progress=False, audit=0))
    assert 0.6 * taken < adaptive.trials < 1.6 * taken
    assert rows[Uniform].trials == math.ceil(sample_size(len(found.space), 0.01))
    assert found.floor <= taken
    assert all(row.seconds >= 0 for row in found.rows)


def test_a_plan_runs_its_choice_with_its_own_data_and_options():
    found = plan(network(), data(), margin=0.05, by="tensor", compare=False, seed=3, batch=7)
    results = found.run(progress=False)
    assert (results.sampler, results.seed) == (found.choice.sampler, 3)
    assert results.manifest["batch"] == 7
    assert repr(found.choice.sampler) in repr(found)
    assert escape(repr(found.choice.sampler)) in found._repr_html_()


def test_a_run_file_goes_on_with_its_own_sampler_for_the_same_margin_only(tmp_path):
    path = tmp_path / "run.db"
    found = plan(network(), data(), margin=0.05, compare=False, names={"model": "net.py:build"})
    begun = found.run(path, progress=False)
    assert begun.manifest["model"] == "net.py:build"
    other = next(row for row in found.rows if row.sampler != found.choice.sampler)
    # As if another pilot had timed another sampler as the fastest.
    fastest = replace(other, seconds=0.0)
    again = replace(found, rows=(fastest, *found.rows))
    assert again.choice.sampler != begun.sampler
    assert again.run(path, progress=False).sampler == begun.sampler
    for changed in ({"margin": 0.04}, {"confidence": 0.9}, {"by": "tensor"}):
        other = replace(found, precision=replace(found.precision, **changed))
        with pytest.raises(InputError, match="not for a margin"):
            other.run(path, progress=False)


def capped(row):
    return isinstance(row.sampler, Adaptive) and row.sampler.caps is not None


def test_to_prove_to_draw_and_to_try_all_are_compared_and_no_assumption_is_chosen():
    found = plan(network(), data(), margin=0.01, metrics="Critical()")
    ways = {repr(row.sampler): row for row in found.rows}
    assert ways["Exhaustive()"].trials == len(found.space)
    proven, stated = (ways[f"Adaptive(0.01, caps={text}())"] for text in ("Certified", "Stated"))
    free = ways["Adaptive(0.01)"]
    assert proven.trials <= stated.trials < free.trials
    assert "Stated" not in repr(found.choice.sampler)
    least = min(row.seconds for row in found.rows if row is not stated)
    assert found.choice.seconds == least


def test_caps_are_no_way_to_figures_for_which_they_do_not_hold():
    found = plan(network(), data(), margin=0.05, metrics="Accuracy()")
    assert not any(map(capped, found.rows))


def test_a_proof_that_would_take_minutes_is_only_estimated(monkeypatch):
    monkeypatch.setattr("radhard.planning.cap_plans._LONGEST", 0.0)
    deep = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)).eval()
    inputs = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    found = plan(deep, Data(inputs), margin=0.05, metrics="Critical()")
    (row,) = (row for row in found.rows if "Certified" in repr(row.sampler))
    assert row.trials is None
    assert "estimated roughly" in row.basis


def test_every_tensor_has_the_margin():
    found = plan(network(), data(), margin=0.02, by="tensor", compare=False)
    assert found.groups == 2
    samplers = {type(row.sampler): row for row in found.rows}
    fixed = samplers[PerTensor]
    assert fixed.trials == len(PerTensor(margin=0.02).draw(found.space, 0))
    assert [row.seconds for row in found.rows] == sorted(row.seconds for row in found.rows)


def test_a_limit_leaves_a_margin_above_the_rate_of_the_pilot():
    rate = plan(network(), data(), margin=0.02, compare=False).rate.value
    found = plan(network(), data(), max_rate=rate + 0.1, compare=False)
    room = rate + 0.1 - found.rate.value
    # Three digits, never more than there is.
    assert 0.99 * room < found.precision.margin <= room + 1e-12
    with pytest.raises(InputError, match="not below max_rate"):
        plan(network(), data(), max_rate=rate / 10)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "either margin"),
        ({"margin": 0.1, "max_rate": 0.1}, "either margin"),
        ({"margin": 1.5}, "margin=1.5"),
        ({"max_rate": 0.1, "by": "tensor"}, "limit of the whole"),
    ],
)
def test_what_cannot_be_planned_is_one_line(asked, told):
    with pytest.raises(InputError, match=told):
        plan(network(), data(), **asked)


@pytest.mark.parametrize("by", ["plane", "format", "fault", "layer", "bit"])
def test_groups_are_those_of_the_results(by):
    found = plan(network(), data(), margin=0.2, by=by, compare=False)
    assert found.groups == len(found.pilot.rate(by=by))


def test_too_many_groups_are_refused_before_any_trial(monkeypatch):
    monkeypatch.setattr("radhard.planning.pilot.run", None)
    with pytest.raises(InputError, match="groups, and a pilot"):
        plan(network(), data(), margin=0.2, by="tensor, bit, direction")


@pytest.mark.parametrize(
    "wrong", [{"margin": "one"}, {"max_rate": True}, {"margin": 0.1, "space": 5}]
)
def test_arguments_of_a_wrong_type_are_refused_before_the_pilot(wrong):
    with pytest.raises(InputError, match=r"is not allowed|the space is int"):
        plan(network(), data(), **wrong)


@pytest.mark.parametrize(
    ("setup", "each", "faults"), [(2.0, 1e-3, 10**6), (0.1, 0.5, 10**6), (0.3, 2e-2, 300)]
)
def test_set_up_and_trials_are_timed_apart(setup, each, faults):
    def timed(sampler):
        return range(sampler.n), setup + each * sampler.n

    assert astuple(campaign_speed(timed, faults, type_name)) == pytest.approx((setup, each))


def test_noise_larger_than_the_trials_makes_no_time_of_zero():
    seconds = iter([1.0, 0.9, 0.9, 0.8])
    found = campaign_speed(lambda sampler: (range(sampler.n), next(seconds)), 10**6, type_name)
    assert found.per_trial == pytest.approx(0.8 / 6400)
    assert found.setup > 0.9


def type_name(found):
    return type(found).__name__


def test_only_campaigns_of_the_same_engine_are_compared():
    """A large campaign whose verdicts are inferred: long to prepare, then quick."""

    def timed(sampler):
        small = sampler.n < 1600
        seconds = 0.1 + 1e-3 * sampler.n if small else 2.0 + 1e-4 * sampler.n
        return range(sampler.n), seconds

    def engine(found):
        return "Replay()" if len(found) < 1600 else "FirstOrder()"

    assert astuple(campaign_speed(timed, 10**6, engine)) == pytest.approx((2.0, 1e-4))


def test_what_is_drawn_at_once_has_the_speed_of_inference_and_stages_that_of_execution(monkeypatch):
    infers = {"Uniform": "FirstOrder()", "Adaptive": "Replay()"}

    def speed(timed, faults, engine):
        found, _ = timed(Uniform(20))
        return CampaignSpeed(0.0, 1.0 if found.manifest["exact"] else 1e-3)

    def ran(*given, exact=False, **options):
        found = run(*given, **options)
        found.manifest |= {"engine": infers[type(found.sampler).__name__], "exact": exact}
        return found

    monkeypatch.setattr("radhard.planning.pilot.campaign_speed", speed)
    monkeypatch.setattr("radhard.planning.pilot.run", ran)
    found = plan(network(), data(), margin=0.1, compare=False)
    for row in found.rows:
        each = 1.0 if isinstance(row.sampler, Adaptive) else 1e-3
        assert row.seconds == pytest.approx(each * row.trials)


def test_a_plan_for_a_limit_names_the_limit():
    found = plan(network(), data(), max_rate="60%", compare=False)
    assert found.max_rate == 0.6
    assert "60 %" in repr(found)
    assert "60 %" in found._repr_html_()
    assert found.rate.value + found.precision.margin <= 0.6
    # Three digits suffice, and the sampler can be read.
    assert found.precision.margin == float(f"{found.precision.margin:.3g}")
    assert found.seconds > 0
