"""Do post-strata by bit and direction keep the mean right, and make its interval narrower?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.groups import Groups
from radhard.groups.post_strata import PostStratum, joined
from radhard.injection import DIRECTIONS
from radhard.samplers import PerBit, PerTensor, TrialDirections, Uniform, Words
from radhard.samplers.bit_classes import bit_class
from radhard.space import FaultSpace
from radhard.stats import stratified_mean
from radhard.targets import Weights
from tests.small import network

UP, DOWN = DIRECTIONS.index("up"), DIRECTIONS.index("down")


@pytest.fixture(scope="module")
def large():
    """A space of 4,000 words, its directions, and harm that depends on bit and direction."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(60, 50, bias=False), nn.Linear(50, 20, bias=False))
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    every = TrialDirections.of(model, space, np.arange(len(space)))
    _, _, variants = space.locate(np.arange(len(space)))
    chance = np.random.default_rng(0).random(len(space))
    up = every.codes == UP
    harm = np.where(up & (variants >= 28), 0.3 + 0.7 * chance, 0.0)
    return space, every, np.where(up & (variants == 25), (chance < 0.2) * 0.1, harm)


def estimate(large, sampler, seed, by=None, *, directed=True):
    space, every, harm = large
    trials = sampler.draw(space, seed)
    numbers = np.arange(len(trials))
    faults = trials.at(numbers)
    if directed:
        trials.directions = TrialDirections(every.counts, every.codes[faults])
    groups = Groups(space, trials, numbers, by)
    return {
        key: (stratified_mean(groups.cells(parts, harm[faults])), parts)
        for key, parts in groups.split()
    }


@pytest.mark.parametrize("sampler", [Uniform(4000), PerTensor(2500), PerBit(160)], ids=repr)
def test_intervals_are_narrower_and_hold_the_mean(large, sampler):
    _, _, harm = large
    held, widths, plain = 0, [], []
    for seed in range(40):
        found = estimate(large, sampler, seed)[""][0]
        held += found.low <= harm.mean() <= found.high
        widths.append(found.high - found.low)
        before = estimate(large, sampler, seed, directed=False)[""][0]
        plain.append(before.high - before.low)
    assert held >= 36
    # Bits are strata of PerBit already, so that only directions are new.
    assert np.mean(widths) < (0.85 if isinstance(sampler, PerBit) else 0.7) * np.mean(plain)


@pytest.mark.parametrize("by", ["direction", "direction, tensor", "bit, direction"])
def test_groups_by_direction_have_their_faults_and_rates(large, by):
    space, every, harm = large
    found = estimate(large, PerTensor(4000), 1, by)
    places, _, variants = space.locate(np.arange(len(space)))
    texts = {
        "tensor": np.array([site.name for site in space.sites])[places],
        "bit": variants.astype(str),
        "direction": np.array(DIRECTIONS)[every.codes],
    }
    names = np.array([", ".join(k) for k in zip(*(texts[b] for b in by.split(", ")), strict=True)])
    assert set(found) == set(names)
    missed = 0
    for key, (rate, parts) in found.items():
        assert sum(size for _, size in parts) == (names == key).sum()
        missed += not rate.low <= harm[names == key].mean() <= rate.high
    assert missed <= max(1, 0.1 * len(found))


def test_few_trials_are_not_divided(large):
    (_, parts) = estimate(large, Uniform(1500), 0)[""]
    assert len(parts) == 1
    (_, parts) = estimate(large, Uniform(4000), 0)[""]
    assert len(parts) > 20


def test_classes_join_directions_or_all_where_trials_are_too_few():
    def cell(number, trials, population=1000):
        return PostStratum(number, np.arange(trials) + 1000 * number, population)

    several = len(DIRECTIONS)
    apart = [cell(1, 100), cell(2, 90), cell(several + 1, 70)]
    assert joined(apart) == apart
    # All three faults of a cell that has three are known.
    small = [cell(1, 300), cell(2, 1), cell(several + 1, 3, 3)]
    assert [len(c.rows) for c in joined(small)] == [301, 3]
    assert [c.population for c in joined(small)] == [2000, 3]
    assert len(joined([cell(1, 300), cell(several + 1, 1)])) == 1
    assert len(joined([cell(1, 63), cell(2, 64)])) == 1


def test_lower_bits_of_a_mantissa_are_one_class():
    space = FaultSpace.of(network(), Weights("*"), BitFlip(), Float32())
    region = space.regions[0]
    names = [bit_class(region, variant) for variant in range(32)]
    assert names == ["low"] * 18 + [str(bit) for bit in range(18, 32)]


def test_words_drawn_whole_have_no_groups_by_direction(large):
    with pytest.raises(InputError, match="together"):
        estimate(large, Words(50), 0, "direction")
    with pytest.raises(InputError, match="does not record"):
        estimate(large, Uniform(50), 0, "direction", directed=False)
