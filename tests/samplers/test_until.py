"""Is each trial of `Until` an unbiased estimate, and does its interval hold the rate?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.caps import CapTable
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float16, Float32, stored_as
from radhard.injection import DIRECTIONS, Directions
from radhard.samplers import SAMPLERS, Stage, StageDraw, Until
from radhard.samplers.until import _Strata
from radhard.space import FaultSpace
from radhard.studies.exhausted.simulation import Simulation
from radhard.targets import Weights
from tests.small import BEFORE, Counting, campaign, network


def table(shape, format):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = stored_as(nn.Linear(*shape, bias=False), format)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), format)
    faults = np.arange(len(space))
    _, _, variants = space.locate(faults)
    up = Directions(model, space).of(faults) == DIRECTIONS.index("up")
    chance = np.random.default_rng(0).random((2, len(space)))
    harm = np.where(up & (variants >= format.bits - 4), chance[0], 0.0)
    return Simulation(model, space, np.where(chance[1] < 0.01, chance[0], harm))


@pytest.fixture(scope="module")
def small():
    """192 faults, of which a campaign exhausts some strata."""
    return table((4, 3), Float16())


@pytest.fixture(scope="module")
def large():
    """96,000 faults."""
    return table((60, 50), Float32())


def test_every_trial_is_an_unbiased_estimate_of_the_rate():
    """Without replacement, and after a stratum is exhausted, which happens in most draws."""
    populations, shares = np.array([4, 30, 200]), np.array([0.3, 0.4, 0.3])
    rng = np.random.default_rng(5)
    harm = [rng.random(size) ** power for size, power in zip(populations, (1, 4, 9), strict=True)]
    rate = float(np.concatenate(harm).mean())
    sums, squares, seeds = 0.0, 0.0, 1500
    for _ in range(seeds):
        orders = [iter(rng.permutation(values).tolist()) for values in harm]
        left, strata, values = populations.copy(), [], []
        for _ in range(25):
            chances = np.where(left > 0, shares, 0)
            strata.append(int(rng.choice(3, p=chances / chances.sum())))
            values.append(next(orders[strata[-1]]))
            left[strata[-1]] -= 1
        known = _Strata(populations / populations.sum(), np.ones(3), populations)
        # The first stage has ten trials, from which the second one starts.
        facts = {"shares": shares.tolist(), "planned": 50.0}
        first = Stage(np.array(strata[:10]), np.arange(10), facts)
        found = [known.bets(first, np.array(values[:10]))]
        known.learn(first.strata, np.array(values[:10]))
        open_ = np.where(known.tried < populations, shares, 0)
        facts = {"shares": (open_ / open_.sum()).tolist(), "planned": 50.0}
        found.append(
            known.bets(Stage(np.array(strata[10:]), np.arange(15), facts), np.array(values[10:]))
        )
        for part in found:
            assert (part.least - 1e-9 <= part.values).all()
            assert (part.values <= part.most + 1e-9).all()
        estimates = np.concatenate([part.values for part in found])
        sums, squares = sums + estimates, squares + estimates**2
    means = sums / seeds
    errors = np.sqrt((squares / seeds - means**2) / seeds)
    assert np.abs((means - rate) / errors).max() < 4


def test_intervals_hold_the_rate_and_reach_the_margin(large):
    sampler, held = Until(0.02, confidence=0.9), 0
    division = sampler.divide(large.space, large.census)
    for seed in range(10):
        found = large.run(sampler, StageDraw(division, seed))
        estimate = found.estimates[""]
        assert found.half_width <= 0.02
        held += estimate.low <= large.harm.mean() <= estimate.high
        faults = found.trials.at(np.arange(len(found.trials)))
        assert len(np.unique(faults)) == len(faults)
    assert held >= 7


def test_caps_that_tell_little_do_not_take_the_place_of_bits(large):
    # Two thirds of the faults of one tenth of the words have caps below 1.
    caps = np.ones(len(large.space), np.float32)
    few = np.arange(len(large.space)) < len(large.space) // 10
    caps[few] = np.random.default_rng(1).choice([0, 0.05, 1], few.sum())
    caps = np.maximum(caps, large.harm)
    table = CapTable("told", caps, {}, {}, 0.0)
    capped = Simulation(large.model, large.space, large.harm, table)
    sampler = Until(0.001)
    division = sampler.divide(large.space, capped.census)
    bits = {s.name.partition(",")[0] for s in division.strata if s.cap == 1}
    assert len(bits) > 10
    assert sum(s.cap == 1 for s in Until(0.05).divide(large.space, capped.census).strata) <= 4


def test_a_small_space_is_exhausted_at_most(small):
    sampler = Until(0.0001)
    found = small.run(sampler, StageDraw(sampler.divide(small.space, small.census), 1))
    assert len(found.trials) <= len(small.space)
    assert found.estimates[""].low <= small.harm.mean() <= found.estimates[""].high


def test_a_rate_of_which_every_fault_was_tried_is_exact():
    found = campaign(sampler=Until(1e-4))
    exact = campaign(sampler="Exhaustive()").rate().value
    assert len(found) == len(found.space)
    rate = found.rate()
    assert rate.low == rate.value == rate.high == pytest.approx(exact, abs=1e-12)


def test_limits_are_within_what_untried_faults_can_add(small):
    sampler = Until(0.0001)
    found = small.run(sampler, StageDraw(sampler.divide(small.space, small.census), 2))
    values, size = small.harm[found.trials.at(np.arange(len(found.trials)))], len(small.space)
    for tried in (0, 50, 150, size - 3, size):
        low, high = sampler.anytime(found.trials, values[:tried], 0.95, capped=False)
        least = values[:tried].sum() / size
        assert least - 1e-12 <= low <= high <= least + (size - tried) / size + 1e-12


def test_a_campaign_that_is_stopped_has_a_valid_interval_and_goes_on(tmp_path):
    reference = campaign(sampler=Until(0.03))
    rate = reference.rate()
    assert (rate.high - rate.low) / 2 <= 0.03
    exact = campaign(sampler="Exhaustive()").rate().value
    assert rate.low <= exact <= rate.high

    def stop(passes):
        if passes == BEFORE + 130:
            raise KeyboardInterrupt

    path = tmp_path / "run.db"
    with pytest.raises(KeyboardInterrupt):
        campaign(path, sampler=Until(0.03), model=Counting(network(), stop))
    model = Counting(network())
    begun = campaign(path, sampler=Until(0.03), model=model, workers=2)
    assert begun.values().tolist() == reference.values().tolist()
    assert begun.rate() == rate
    # An interval of fewer trials is wider, and of groups there are others.
    early = begun.only(begun.numbers[:120]).rate()
    assert early.low <= rate.low <= rate.high <= early.high
    assert set(begun.rate(by="bit")) >= {"30", "31"}
    assert begun.rate(confidence=0.99).high >= rate.high


def test_the_spec_is_read_as_it_is_written():
    assert repr(SAMPLERS.parse("Until(0.002, confidence=0.9)")) == "Until(0.002, confidence=0.9)"
    for wrong in (0, 1, -0.5):
        with pytest.raises(InputError, match="margin="):
            Until(wrong)
    with pytest.raises(InputError, match="confidence=2"):
        Until(0.1, confidence=2)
