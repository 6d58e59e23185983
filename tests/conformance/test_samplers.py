"""Does every sampler keep the contract?"""

import numpy as np
import pytest

from radhard import samplers
from radhard.faults import BitFlip, Burst
from radhard.formats import Float32
from radhard.samplers import SAMPLERS as FAMILY
from radhard.samplers import (
    Adaptive,
    Cumulative,
    ErrorRate,
    Exhaustive,
    FaultCount,
    Given,
    Guided,
    PerBit,
    PerTensor,
    Sampler,
    StagedSampler,
    Uniform,
    Until,
    UpsetRate,
    Words,
)
from radhard.space import FaultSpace
from radhard.targets import Activations, Site, Weights

# Each one suits the spaces below, the smallest of which has words for two trials a bit.
SAMPLERS: list[Sampler] = [
    Uniform(7),
    PerTensor(4),
    PerTensor(margin=0.1),
    PerTensor(margin=0.05, confidence=0.99, p=0.2),
    PerBit(2),
    PerBit(margin=0.3),
    PerBit(margin=0.3, confidence=0.9),
    Exhaustive(),
    Words(3),
    Given((5, 0, 7)),
    Given((("t0", 1, 0), 1)),
    ErrorRate(0.01),
    ErrorRate((0.001, 0.1), trials=7),
    ErrorRate(0.2, trials=5, per="word"),
    ErrorRate((0.05, 0.5), trials=3, count="floor"),
    Cumulative(7, repeats=2),
    FaultCount(5, trials=6),
    FaultCount((1, 4), trials=3),
    UpsetRate(0.5, trials=5),
    UpsetRate((0.2, 1.0), count=2, trials=4),
]

# Their trials depend on a model and on results: `test_adaptive.py` tests them on exhausted spaces.
STAGED: list[StagedSampler] = [
    Adaptive(0.01),
    Adaptive(0.005, by="tensor"),
    Adaptive(0.02, confidence=0.99, relative=0.1, figure="critical"),
    Guided("scores.json", 0.01),
    Guided("scores.json", 0.01, by="tensor", relative=0.1),
    Until(0.02),
    Until(0.001, confidence=0.99, figure="critical"),
]

every = pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
shapes = pytest.mark.parametrize("sizes", [[4], [3, 40, 2]], ids=repr)
faults = pytest.mark.parametrize("fault", [BitFlip(), BitFlip((3, 31)), Burst(29)], ids=repr)


def space_of(sizes: list[int], fault: BitFlip | Burst, sampler: Sampler) -> FaultSpace:
    """A space that suits the sampler: of weights, or of activations of three samples."""
    if isinstance(sampler, UpsetRate):
        sites = [
            Site(f"t{number}", (size,), "activation", "", "Linear", "float32", samples=3)
            for number, size in enumerate(sizes)
        ]
        return FaultSpace.of_sites(sites, fault, Float32(), targets=[Activations("*")])
    sites = [
        Site(f"t{number}", (size,), "weight", "", "Linear", "float32")
        for number, size in enumerate(sizes)
    ]
    return FaultSpace.of_sites(sites, fault, Float32(), targets=[Weights("*")])


def test_every_sampler_has_an_example():
    assert {type(s).__name__ for s in [*SAMPLERS, *STAGED]} == {name for name, _ in FAMILY.listed()}


def test_every_name_in_all_exists_and_says_what_it_is():
    assert sorted(set(samplers.__all__)) == sorted(samplers.__all__)
    assert all(getattr(samplers, name).__doc__ for name in samplers.__all__)


@pytest.mark.parametrize("sampler", [*SAMPLERS, *STAGED], ids=repr)
def test_repr_is_the_spec(sampler):
    assert FAMILY.parse(repr(sampler)) == sampler


@every
@shapes
@faults
def test_trials_are_faults_of_the_space_and_of_their_stratum(sampler, sizes, fault):
    space = space_of(sizes, fault, sampler)
    trials = sampler.draw(space, 9)
    assert len(trials) == sum(stratum.trials for stratum in trials.strata) > 0
    for i in range(len(trials)):
        numbers = trials[i]
        stratum = trials.strata[trials.stratum(i)]
        assert numbers.dtype == np.int64
        assert len(np.unique(numbers)) == len(numbers)
        if trials.listed is not None:
            assert numbers[0] == trials.listed[i]
            assert 0 <= numbers[0] < len(space)
        else:
            member, rest = np.divmod(numbers - stratum.start, stratum.step)
            assert not rest.any()
            assert ((member >= 0) & (member < stratum.population)).all()
        assert not trials.single or len(numbers) == 1
    if trials.single:
        whole = len(trials) if isinstance(sampler, Given) else len(space)
        assert sum(stratum.population for stratum in trials.strata) == whole
        drawn = trials.at(np.arange(len(trials)))
        assert len(np.unique(drawn)) == len(trials)


@every
def test_trials_depend_on_the_seed_and_their_number_only(sampler):
    space = space_of([4, 40], BitFlip((1, 2, 30)), sampler)
    trials = sampler.draw(space, 9)
    for i in range(0, len(trials), 5)[::-1]:
        assert sampler.draw(space, 9)[i].tolist() == trials[i].tolist()
    other = sampler.draw(space, 10)
    same = [trials[i].tolist() == other[i].tolist() for i in range(len(trials))]
    assert all(same) is isinstance(sampler, Exhaustive | Given)
