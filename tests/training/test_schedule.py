"""Do schedules draw what they say?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.training import SCHEDULES, FixedSteps, RandomSteps, StepRate
from tests.small import space

EXAMPLES = [
    FixedSteps((0, 5)),
    FixedSteps((3,), n=4),
    RandomSteps(10),
    RandomSteps(6, n=5),
    StepRate(0.2),
    StepRate(0.5, per="word"),
]

every = pytest.mark.parametrize("schedule", EXAMPLES, ids=repr)


@every
def test_repr_is_the_spec(schedule):
    assert SCHEDULES.parse(repr(schedule)) == schedule


@every
def test_faults_of_a_step_are_distinct_and_do_not_depend_on_other_steps(schedule):
    faults = space()
    draw, again = schedule.draw(faults, 7), schedule.draw(faults, 7)
    steps = {step: draw(step) for step in range(12)}
    for step in reversed(range(12)):
        assert np.array_equal(again(step), steps[step])
        assert len(set(steps[step].tolist())) == len(steps[step])
        assert ((steps[step] >= 0) & (steps[step] < len(faults))).all()


@given(st.integers(0, 2**40))
def test_given_steps_have_their_faults_and_others_none(seed):
    draw = FixedSteps((1, 4), n=2).draw(space(), seed)
    assert [len(draw(step)) for step in range(6)] == [0, 2, 0, 0, 2, 0]
    assert len(set(draw(1).tolist()) | set(draw(4).tolist())) == 4


@given(st.integers(0, 2**40))
def test_random_steps_are_among_the_first(seed):
    draw = RandomSteps(5, n=3).draw(space(), seed)
    numbers = [number for step in range(20) for number in draw(step).tolist()]
    assert len(numbers) == len(set(numbers)) == 3
    assert not any(len(draw(step)) for step in range(5, 20))


def test_every_step_and_every_fault_is_equally_likely():
    faults, trials = space(), 800
    steps, numbers = np.zeros(4), np.zeros(len(faults))
    for seed in range(trials):
        draw = RandomSteps(4).draw(faults, seed)
        for step in range(4):
            steps[step] += len(draw(step))
            numbers[draw(step)] += 1
    assert steps.sum() == numbers.sum() == trials
    # Five standard deviations of a binomial count.
    assert abs(steps - trials / 4).max() < 5 * (trials * 3 / 16) ** 0.5
    assert abs(numbers - trials / 8).max() < 5 * (trials * 7 / 64) ** 0.5


def test_a_rate_is_the_share_of_faults_of_a_step():
    faults = space()
    draw = StepRate(0.25).draw(faults, 1)
    counts = np.bincount(np.concatenate([draw(step) for step in range(500)]), minlength=8)
    assert abs(counts / 500 - 0.25).max() < 5 * (0.25 * 0.75 / 500) ** 0.5
    assert not len(StepRate(0.0).draw(faults, 1)(0))
    assert len(StepRate(1.0).draw(faults, 1)(0)) == len(faults)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FixedSteps(()),
        lambda: FixedSteps((-1,)),
        lambda: FixedSteps((2, 2)),
        lambda: FixedSteps((2,), n=0),
        lambda: RandomSteps(0),
        lambda: RandomSteps(5, n=0),
        lambda: StepRate(-0.1),
        lambda: StepRate(float("nan")),
        lambda: FixedSteps((1, 2), n=5).draw(space(), 0),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(wrong):
    with pytest.raises(InputError) as error:
        wrong()
    assert "\n" not in str(error.value)
