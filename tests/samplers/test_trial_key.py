"""Are the random numbers of every trial different at every seed, and what they were before?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.samplers import Cumulative, ErrorRate, Sampler, UpsetRate
from radhard.samplers.base import trial_key
from radhard.samplers.permutation import Permutation
from radhard.space import FaultSpace
from radhard.training.schedule import training_seed
from tests import small

from .test_upset_rate import space as upsets

SEEDS = st.integers(0, 2**128 - 1) | st.integers(0, 3).map(lambda n: n << 32)
NUMBERS = st.integers(0, 2**62 - 1) | st.integers(0, 3)


def chance(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


@given(SEEDS, NUMBERS, SEEDS, NUMBERS)
def test_no_two_keys_give_the_same_random_numbers(seed, number, other_seed, other_number):
    states = [
        np.random.SeedSequence(trial_key(*pair)).generate_state(8).tolist()
        for pair in ((seed, number), (other_seed, other_number))
    ]
    assert (states[0] == states[1]) == ((seed, number) == (other_seed, other_number))


@pytest.mark.parametrize(
    ("sampler", "space"),
    [
        (ErrorRate(0.5, trials=3), small.space((300, 50))),
        (UpsetRate(0.5, trials=3), upsets((6, 20), samples=40)),
        (Cumulative(60, repeats=3), small.space((300, 50))),
    ],
    ids=repr,
)
@pytest.mark.parametrize("seed", [2**32 + 5, 2**64 + 2**32 + 5, 2**96 + 5, 2**127 + 5])
def test_a_seed_of_several_words_draws_other_faults(
    sampler: Sampler, space: FaultSpace, seed: int
) -> None:
    # At error rates the last trials; of histories the last steps.
    def drawn(one: int) -> list[list[int]]:
        trials = sampler.draw(space, one)
        return [trials[len(trials) - n].tolist() for n in (3, 2, 1)]

    mine = drawn(seed)
    # Seeds whose words, joined with the number of a trial, begin like those of this one.
    for other in (5, 2**32 + 5, 2**64 + 2**32 + 5):
        theirs = drawn(other)
        assert other == seed or not any(faults in theirs for faults in mine)


@given(seed=st.integers(0, 2**32 - 1) | st.integers(2**96, 2**128 - 1))
def test_trials_at_short_seeds_and_steps_of_trainings_are_what_they_were(seed):
    """Recorded runs are resumed; the seeds of trainings have all four words."""
    faults = small.space((300, 50))
    rates = ErrorRate(0.5, trials=4).draw(faults, seed)
    histories = Cumulative(7, repeats=4).draw(faults, seed)
    single = upsets((1,), samples=40)
    passes = UpsetRate(0.5, trials=4).draw(single, seed)
    for trial in range(4):
        assert rates.amount(trial) == len(rates[trial]) == chance(seed, trial).binomial(350, 0.5)
        order = Permutation(350, (seed, trial))(np.arange(7))
        assert histories[6 * 4 + trial].tolist() == order.tolist()
        hit = np.flatnonzero(chance(seed, trial).random(40) < 0.5)
        assert (passes[trial] // 32).tolist() == hit.tolist()


def test_trainings_at_long_seeds_draw_other_faults():
    assert training_seed(2**32 + 5, 0) != training_seed(5, 1)
    words = np.random.SeedSequence((5, 1)).generate_state(4).tolist()
    assert training_seed(5, 1) == sum(word << 32 * n for n, word in enumerate(words))
