"""Does an adaptive campaign reach its margin, and does its interval hold the rate?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import DIRECTIONS, Directions
from radhard.samplers import SAMPLERS, Adaptive, StageDraw, StageResults, stage_draw
from radhard.space import FaultSpace
from radhard.stats import Estimate, floor_size
from radhard.studies.exhausted.simulation import Simulation
from radhard.targets import Weights
from tests.small import campaign


@pytest.fixture(scope="module")
def simulation():
    """A space of 4,000 words in which harm depends on bit, direction and tensor."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(60, 50, bias=False), nn.Linear(50, 20, bias=False))
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    faults = np.arange(len(space))
    places, _, variants = space.locate(faults)
    up = Directions(model, space).of(faults) == DIRECTIONS.index("up")
    chance = np.random.default_rng(0).random((2, len(space)))
    harm = np.where(up & (variants >= 29), 0.2 + 0.6 * chance[0], 0.0)
    rare = (chance[1] < 0.02) & (variants < 29)
    return Simulation(model, space, np.where(rare, chance[0], harm) / (1 + places))


def outcome(simulation, sampler, seed):
    return simulation.run(
        sampler, StageDraw(sampler.divide(simulation.space, simulation.census), seed)
    )


@pytest.mark.parametrize(
    "sampler",
    [
        Adaptive(0.005),
        Adaptive(0.02, confidence=0.99, by="tensor"),
        Adaptive(0.1, by="bit"),
        Adaptive(0.001, relative=0.3),
    ],
    ids=repr,
)
def test_intervals_have_the_margin_and_hold_the_rate(simulation, sampler):
    truth, held, seeds = simulation.truth(sampler.by), [], 6
    for seed in range(seeds):
        found = outcome(simulation, sampler, seed)
        for key, estimate in found.estimates.items():
            target = max(sampler.margin, sampler.relative * estimate.value)
            assert estimate.high - estimate.low <= 2 * target * (1 + 1e-6)
            held.append(estimate.low <= truth[key] <= estimate.high)
        assert set(found.estimates) == set(truth)
    # Groups of one campaign are independent, or all of one campaign's is one.
    assert np.mean(held) >= sampler.confidence - 4 * 0.22 / np.sqrt(len(held))


@pytest.mark.parametrize("rate", [0.2, 0.9])
def test_the_rate_is_held_where_all_strata_are_alike(simulation, rate):
    # Few trials of a stratum often are all equal then, although its values vary as all others do.
    harm = (np.random.default_rng(2).random(len(simulation.space)) < rate).astype(float)
    alike = Simulation(simulation.model, simulation.space, harm)
    truth, held = alike.truth(None)[""], 0
    for seed in range(16):
        (estimate,) = outcome(alike, Adaptive(0.03), seed).estimates.values()
        held += estimate.low <= truth <= estimate.high
    assert held >= 13


def test_it_needs_fewer_trials_than_uniform_and_more_than_the_floor(simulation):
    found = outcome(simulation, Adaptive(0.005), 1)
    floor = floor_size(1.0, 0.005, 0.95)
    variance = simulation.harm.var()
    assert floor < len(found.trials) < 1.96**2 * variance / 0.005**2


def test_stages_grow_at_most_eightfold_and_faults_are_distinct(simulation):
    found = outcome(simulation, Adaptive(0.003), 2)
    trials = found.trials
    assert len(trials.stages) > 1
    tried = np.zeros(len(trials.strata))
    for stage in trials.stages:
        more = tried + np.bincount(stage.strata, minlength=len(tried))
        assert (more[tried > 0] <= np.maximum(8 * tried[tried > 0], 2)).all()
        tried = more
    faults = trials.at(np.arange(len(trials)))
    assert len(np.unique(faults)) == len(faults)


def test_no_stage_is_drawn_once_half_the_width_is_the_margin(simulation):
    sampler = Adaptive(0.005)
    found = outcome(simulation, sampler, 3)
    draw = StageDraw(sampler.divide(simulation.space, simulation.census), 3)
    for stages in range(1, found.stages):
        trials = draw.trials(found.trials.stages[:stages])
        values = simulation.harm[trials.at(np.arange(len(trials)))]
        (estimate,) = simulation.estimates(sampler, trials, values).values()
        assert (estimate.high - estimate.low) / 2 > sampler.margin


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0099), (0.0001, 0.01)])
def test_the_margin_is_of_half_the_width_and_not_of_the_longer_side(simulation, low, high):
    sampler = Adaptive(0.005)
    draw = StageDraw(sampler.divide(simulation.space, simulation.census), 0)
    trials = draw.trials([sampler.first_stage(draw)])
    estimate = Estimate(0.001, low, high, 0.95, len(trials))
    found = StageResults(np.zeros(len(trials)), {"": estimate})
    assert sampler.next_stage(draw, trials, found) is None


def test_a_small_group_is_exhausted(simulation):
    sampler = Adaptive(0.001, by="tensor")
    found = outcome(simulation, sampler, 0)
    assert found.half_width <= 0.001
    assert all(s.trials <= s.population for s in found.trials.strata)


@pytest.mark.parametrize("margin", [1e-20, 1e-310])
def test_a_margin_that_no_number_of_trials_has_takes_all_faults(margin):
    found = campaign(sampler=Adaptive(margin))
    assert len(found) == len(found.space)
    assert found.rate().low == found.rate().high


def test_no_run_has_more_trials_than_its_limit(monkeypatch):
    monkeypatch.setattr(stage_draw, "MOST_TRIALS", 200)
    with pytest.raises(InputError, match="at most 200"):
        campaign(sampler=Adaptive(0.001))
    # The first stage has no more, and the next one would have.
    found = campaign(sampler=Adaptive(0.015))
    assert len(found) <= 200
    assert found.complete
    assert (found.rate().high - found.rate().low) / 2 > 0.015
    assert "trial limit" in {note.kind for note in found.notes}


def test_the_same_seed_gives_the_same_trials_and_another_one_does_not(simulation):
    first, again, other = (outcome(simulation, Adaptive(0.01), seed) for seed in (4, 4, 5))
    faults = [o.trials.at(np.arange(len(o.trials))).tolist() for o in (first, again, other)]
    assert faults[0] == faults[1]
    assert faults[0] != faults[2]


def test_the_spec_is_read_as_it_is_written():
    for text in ("Adaptive(0.005, by='tensor')", "Adaptive(0.01, confidence=0.99, relative=0.1)"):
        assert repr(SAMPLERS.parse(text)) == text


def test_words_say_the_relative_margin_and_the_figure():
    plain = Adaptive(0.001).in_words([BitFlip()], 10)
    other = Adaptive(0.001, relative=0.1, figure="drop").in_words([BitFlip()], 10)
    assert "the rate" in plain
    assert "itself" not in plain
    assert "10 % of itself" in other
    assert "drop" in other


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"margin": 0.0}, "margin=0.0"),
        ({"margin": 1.5}, "margin=1.5"),
        ({"margin": 0.1, "confidence": 1.0}, "confidence=1.0"),
        ({"margin": 0.1, "relative": -0.1}, "relative=-0.1"),
    ],
)
def test_arguments_that_cannot_be_are_refused(given, problem):
    with pytest.raises(InputError, match=problem):
        Adaptive(**given)
