"""Are the faults of every stratum drawn from it, distinct, and as many as asked for?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.samplers import Exhaustive, PerBit, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.stats import sample_size
from radhard.targets import Site, Weights

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=4)
seeds = st.integers(0, 2**40)


def space_of(sizes: list[int], bits: tuple[int, ...] | None = None) -> FaultSpace:
    sites = [
        Site(f"t{number}", (size,), "weight", "", "Linear", "float32")
        for number, size in enumerate(sizes)
    ]
    return FaultSpace.of_sites(sites, BitFlip(bits), Float32(), targets=[Weights("*")])


@given(sizes=SIZES, seed=seeds, data=st.data())
def test_uniform_draws_distinct_faults_and_fewer_are_the_first_of_more(sizes, seed, data):
    space = space_of(sizes)
    n = data.draw(st.integers(1, len(space)))
    more = Uniform(n).draw(space, seed)
    faults = more.at(np.arange(n))
    assert len(more) == len(set(faults.tolist())) == n
    assert all(0 <= fault < len(space) for fault in faults.tolist())
    fewer = Uniform(data.draw(st.integers(1, n))).draw(space, seed)
    assert fewer.at(np.arange(len(fewer))).tolist() == faults[: len(fewer)].tolist()


def test_a_hundred_faults_are_the_first_of_a_thousand():
    space = space_of([500])
    few, many = (Uniform(n).draw(space, 3) for n in (100, 1000))
    assert [few[i].tolist() for i in range(100)] == [many[i].tolist() for i in range(100)]


@pytest.mark.parametrize("sampler", [Uniform(20), PerTensor(5), PerBit(3), PerTensor(margin=0.2)])
def test_trial_i_depends_on_the_seed_and_i_only(sampler):
    space = space_of([9, 4, 30])
    trials = sampler.draw(space, 11)
    some = np.arange(len(trials))[:: -max(1, len(trials) // 20)]
    alone = [int(sampler.draw(space, 11)[i][0]) for i in some]
    assert trials.at(some).tolist() == alone
    assert sampler.draw(space, 12).at(some).tolist() != alone


@given(sizes=SIZES, seed=seeds, n=st.integers(1, 10))
def test_every_tensor_gets_its_own_trials(sizes, seed, n):
    space = space_of(sizes)
    trials = PerTensor(n).draw(space, seed)
    assert [s.name for s in trials.strata] == [site.name for site in space.sites]
    assert [s.population for s in trials.strata] == [32 * size for size in sizes]
    assert len(trials) == n * len(sizes)
    places, _, _ = space.locate(trials.at(np.arange(len(trials))))
    assert places.tolist() == [place for place in range(len(sizes)) for _ in range(n)]
    assert [trials.stratum(i) for i in range(len(trials))] == places.tolist()
    assert len({int(trials[i][0]) for i in range(len(trials))}) == len(trials)


@given(sizes=SIZES, seed=seeds, data=st.data())
def test_every_bit_of_every_tensor_gets_its_own_trials(sizes, seed, data):
    space = space_of(sizes, (0, 23, 31))
    n = data.draw(st.integers(1, min(sizes)))
    trials = PerBit(n).draw(space, seed)
    assert [s.name for s in trials.strata] == [
        f"t{place} bit {bit}" for place in range(len(sizes)) for bit in (0, 23, 31)
    ]
    assert [s.population for s in trials.strata] == [size for size in sizes for _ in range(3)]
    places, _, variants = space.locate(trials.at(np.arange(len(trials))))
    expected = [(p, v) for p in range(len(sizes)) for v in range(3) for _ in range(n)]
    assert list(zip(places.tolist(), variants.tolist(), strict=True)) == expected
    assert len({int(trials[i][0]) for i in range(len(trials))}) == len(trials)


@pytest.mark.parametrize("sampler", [PerTensor, PerBit])
@given(
    sizes=SIZES,
    margin=st.floats(0.001, 0.9),
    confidence=st.floats(0.5, 0.999),
    p=st.floats(0.01, 0.99),
)
def test_a_margin_asks_for_the_sample_size_rounded_up_and_never_more_than_there_are(
    sampler, sizes, margin, confidence, p
):
    trials = sampler(margin=margin, confidence=confidence, p=p).draw(space_of(sizes, (1, 2)), 0)
    for stratum in trials.strata:
        wanted = sample_size(stratum.population, margin, confidence, p)
        assert stratum.trials == min(math.ceil(wanted), stratum.population)
        assert 1 <= stratum.trials <= stratum.population


def test_a_narrow_margin_of_a_large_tensor_is_the_figure_of_the_literature():
    space = space_of([10**9])
    (stratum,) = PerTensor(margin=0.01, confidence=0.99).draw(space, 0).strata
    assert stratum.trials == 16590


@given(sizes=SIZES, seed=seeds)
def test_exhaustive_tries_every_fault_once(sizes, seed):
    space = space_of(sizes, (30, 31))
    trials = Exhaustive().draw(space, seed)
    assert [int(trials[i][0]) for i in range(len(trials))] == list(range(len(space)))


def test_more_faults_than_the_space_has_are_refused():
    with pytest.raises(InputError, match=r"Uniform\(449\) asks for 449 .*448.*Exhaustive"):
        Uniform(449).draw(space_of([10, 4]), 0)


def test_as_many_faults_as_there_are_is_all_of_them():
    space = space_of([4, 4])
    for sampler in (Uniform(256), PerTensor(128), PerBit(4)):
        trials = sampler.draw(space, 5)
        assert sorted(trials.at(np.arange(256)).tolist()) == list(range(256))


@pytest.mark.parametrize("trial", [-1, 8])
def test_trials_beyond_the_last_are_no_trials(trial):
    with pytest.raises(IndexError, match=r"of 8"):
        Uniform(8).draw(space_of([4]), 0)[trial]


@pytest.mark.parametrize("sampler", [Uniform(3), Exhaustive(), PerBit(1)], ids=repr)
def test_a_negative_seed_is_refused(sampler):
    with pytest.raises(InputError, match="seed=-1 is not allowed"):
        sampler.draw(space_of([4]), -1)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Uniform(0),
        lambda: PerTensor(),
        lambda: PerTensor(5, margin=0.1),
        lambda: PerTensor(0),
        lambda: PerTensor(margin=0.0),
        lambda: PerTensor(margin=1.0),
        lambda: PerBit(margin=0.1, confidence=1.0),
        lambda: PerBit(margin=0.1, p=0.0),
        lambda: PerBit(margin=float("nan")),
    ],
)
def test_sizes_that_make_no_sense_are_refused(build):
    with pytest.raises(InputError, match=r"not allowed|give the number of trials"):
        build()


def test_a_stratum_with_fewer_faults_than_asked_for_is_tried_whole_and_exact():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)).eval()
    inputs = torch.randn(12, 6)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    results = run(model, inputs, space, PerTensor(n=400), progress=False)
    truth = run(model, inputs, space, Exhaustive(), progress=False).rate(by="tensor")
    found = results.rate(by="tensor")
    assert [stratum.trials for stratum in results.trials.strata] == [400, 128, 384]
    for name in ("1.weight", "3.weight"):
        assert found[name].low == found[name].high == found[name].value == truth[name].value
    assert found["0.weight"].low < found["0.weight"].high
    assert any("1.weight (128)" in note for note in results.manifest["notes"])
    bits = PerBit(50).draw(space, 0)
    assert [s.trials for s in bits.strata] == 32 * [24] + 32 * [4] + 32 * [12]
    assert bits.notes
    assert not PerTensor(n=128).draw(space, 0).notes
