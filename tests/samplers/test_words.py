"""Are whole words drawn, and does an interval know that their faults are not independent?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.samplers import Words
from radhard.space import FaultSpace
from radhard.stats import stratified_mean
from radhard.stats.means import Cell
from radhard.targets import Site, Weights
from tests.small import prepared


def space_of(sizes: list[int]) -> FaultSpace:
    sites = [
        Site(f"t{number}", (size,), "weight", "", "Linear", "float32")
        for number, size in enumerate(sizes)
    ]
    return FaultSpace.of_sites(sites, BitFlip(), Float32(), targets=[Weights("*")])


SPACE = space_of([40, 160])


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    seed=st.integers(0, 2**40),
    data=st.data(),
)
def test_every_fault_of_distinct_words_is_drawn(sizes, seed, data):
    space = space_of(sizes)
    n = data.draw(st.integers(1, sum(sizes)))
    trials = Words(n).draw(space, seed)
    assert len(trials) == 32 * n
    words, bits = np.divmod(trials.at(np.arange(len(trials))), 32)
    assert (words.reshape(n, 32) == words[::32, None]).all()
    assert (bits.reshape(n, 32) == np.arange(32)).all()
    assert len(set(words.tolist())) == n


def test_every_word_is_drawn_as_often():
    space = space_of([10])
    drawn = [Words(3).draw(space, seed).at(np.arange(0, 96, 32)) // 32 for seed in range(2000)]
    counts = np.bincount(np.concatenate(drawn), minlength=10)
    assert np.abs(counts - 600).max() < 5 * np.sqrt(600 * 0.7)


@pytest.mark.parametrize("n", [0, -1])
def test_no_words_are_refused(n):
    with pytest.raises(InputError, match="at least 1 word"):
        Words(n)


def test_more_words_than_there_are_is_refused():
    with pytest.raises(InputError, match="asks for 201 distinct words, and there are 200"):
        Words(201).draw(SPACE, 0)


@pytest.fixture(scope="module")
def harm() -> np.ndarray:
    """Of every fault; words differ much more than the faults of one word do."""
    chance = np.random.default_rng(5)
    word = np.where(chance.random(200) < 0.15, chance.uniform(0.2, 1, 200), 0.0)
    noise = chance.random((200, 32)) < 0.9
    return (word[:, None] * noise).round(2).reshape(-1)


def drawn(harm, n, seed):
    return prepared(SPACE, Words(n), lambda faults: harm[faults], seed=seed)


@pytest.mark.parametrize("by", [None, "tensor", "bit", "field", "tensor,bit"])
def test_95_percent_intervals_hold_the_true_rate_in_95_of_100_campaigns(harm, by):
    column = "Outcome().critical"
    truth = drawn(harm, 200, 0).estimates(column, by, 0.95)
    if by is None:
        assert truth[""].value == pytest.approx(harm.mean())
    assert all(rate.low == rate.high for rate in truth.values())
    held = []
    for seed in range({None: 100, "bit": 4, "tensor,bit": 2}.get(by, 50)):
        for group, rate in drawn(harm, 40, seed).estimates(column, by, 0.95).items():
            held.append(rate.low - 1e-12 <= truth[group].value <= rate.high + 1e-12)
    # Of 100 intervals that hold the truth nine times in ten, 95 hold it with probability 6 %.
    assert len(held) >= 100
    assert np.mean(held) >= 0.95


def test_intervals_that_take_faults_for_independent_are_wrong(harm):
    held = []
    for seed in range(100):
        naive = stratified_mean([Cell(drawn(harm, 40, seed).values(), len(SPACE))])
        held.append(naive.low <= harm.mean() <= naive.high)
    assert np.mean(held) < 0.8


def test_words_of_which_only_some_faults_were_executed_do_not_count(harm):
    whole = drawn(harm, 3, 1)
    part = prepared(
        SPACE, Words(4), lambda faults: harm[faults], seed=1, executed=np.arange(96 + 7)
    )
    assert part.rate().value == whole.rate().value
    assert part.rate().high == whole.rate().high


def test_quantiles_over_words_are_refused(harm):
    with pytest.raises(InputError, match="or words, is not offered"):
        drawn(harm, 40, 0).quantile("critical")
