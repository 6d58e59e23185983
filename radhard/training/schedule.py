"""In which steps of a training do faults occur, and which faults?"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Literal

import numpy as np

from radhard.arguments import whole
from radhard.errors import InputError
from radhard.samplers import ErrorRate, Stratum, Trials
from radhard.samplers.base import trial_key
from radhard.space import FaultSpace, Numbers
from radhard.spec import Component, Family, component

__all__ = [
    "SCHEDULES",
    "FixedSteps",
    "NoFaults",
    "RandomSteps",
    "Schedule",
    "StepRate",
    "check_schedule",
    "training_seed",
]

_MOST_STEPS = 2**40
"""Steps that a training may have at an error rate."""

Draw = Callable[[int], Numbers]
"""The numbers of the faults of a step."""

_NONE = np.zeros(0, np.int64)


class Schedule(Component):
    """In which steps of a training faults occur; a step is one update by the optimizer."""

    @abstractmethod
    def draw(self, space: FaultSpace, seed: int) -> Draw:
        """The faults of one training, by step; a function of the seed and the step alone.

        Raises:
            InputError: more distinct faults are requested than the space has.
        """

    @property
    @abstractmethod
    def steps_needed(self) -> int:
        """The smallest number of steps of a training in which every fault can occur."""


SCHEDULES: Family[Schedule] = Family(Schedule)
"""The schedules of radhard, and how one is read from text."""


@component
class FixedSteps(Schedule):
    """``n`` distinct faults in each of these steps, numbered from 0: ``FixedSteps((100,))``.

    Every fault of the space has the same probability.
    """

    steps: tuple[int, ...]
    n: int = 1

    def check(self) -> None:
        if not self.steps or min(self.steps) < 0 or len(set(self.steps)) < len(self.steps):
            raise InputError(
                f"FixedSteps: steps={self.steps} is not allowed; give different steps from 0"
            )
        _check_number(self)

    @property
    def steps_needed(self) -> int:
        return max(self.steps) + 1

    def draw(self, space: FaultSpace, seed: int) -> Draw:
        # Distinct over all steps together, as faults that stay in memory would otherwise undo each
        # other.
        faults = _distinct(self, space, seed, len(self.steps) * self.n)
        places = {step: place for place, step in enumerate(self.steps)}

        def of_step(step: int) -> Numbers:
            place = places.get(step)
            return _NONE if place is None else faults[place * self.n : (place + 1) * self.n]

        return of_step


@component
class RandomSteps(Schedule):
    """``n`` distinct faults, each in a step drawn from the first ``within`` steps.

    ``RandomSteps(1000)`` is a single upset at a random time of a training of 1,000 steps.
    """

    within: int
    n: int = 1

    def check(self) -> None:
        if self.within < 1:
            raise InputError(
                f"RandomSteps: within={self.within} is not allowed; give a number of steps from 1"
            )
        _check_number(self)

    @property
    def steps_needed(self) -> int:
        return self.within

    def draw(self, space: FaultSpace, seed: int) -> Draw:
        faults = _distinct(self, space, seed, self.n)
        # The key differs from those of the permutations that draw the faults.
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, self.within))))
        steps = rng.integers(self.within, size=self.n)
        return lambda step: faults[steps == step]


@component
class StepRate(Schedule):
    """In each step every fault of the space occurs with this probability: ``StepRate(1e-9)``.

    ``per="bit"``: each fault of the space independently, the bit error rate of a step if faults are
    bit flips; ``"word"``: a word is faulty with this probability, with one variant drawn uniformly.
    """

    rate: float
    per: Literal["bit", "word"] = "bit"

    def check(self) -> None:
        if not 0 <= self.rate <= 1:
            raise InputError(
                f"StepRate: rate={self.rate} is not allowed; give a probability from 0 to 1"
            )

    @property
    def steps_needed(self) -> int:
        return 0

    def draw(self, space: FaultSpace, seed: int) -> Draw:
        # A step takes the place of a trial. Nothing is drawn for the steps that a training does not
        # reach.
        trials = ErrorRate(self.rate, trials=_MOST_STEPS, per=self.per).draw(space, seed)
        return trials.__getitem__


@component
class NoFaults(Schedule):
    """No step has faults: the schedule of a fault-free training."""

    @property
    def steps_needed(self) -> int:
        return 0

    def draw(self, space: FaultSpace, seed: int) -> Draw:  # noqa: ARG002
        return lambda step: _NONE  # noqa: ARG005


def check_schedule(schedule: object) -> None:
    """Check the argument of a verb.

    Raises:
        InputError: it is no `Schedule`.
    """
    if not isinstance(schedule, Schedule):
        raise InputError(
            f"the schedule is {type(schedule).__name__}; give FixedSteps(...), RandomSteps(...) or "
            "StepRate(...) of radhard.training"
        )


def _check_number(schedule: FixedSteps | RandomSteps) -> None:
    if schedule.n < 1:
        raise InputError(
            f"{type(schedule).__name__}: n={schedule.n} is not allowed; give a number of faults "
            "from 1"
        )


def _distinct(schedule: Schedule, space: FaultSpace, seed: int, count: int) -> Numbers:
    if count > len(space):
        raise InputError(
            f"{schedule!r} asks for {count:,} distinct faults, and there are {len(space):,}; ask "
            "for fewer"
        )
    trials = Trials([Stratum("the space", 0, 1, len(space), count)], seed)
    return trials.at(np.arange(count, dtype=np.int64))


def training_seed(seed: int, trial: int) -> int:
    """The seed of the draws of one training."""
    key = trial_key(whole(seed, "seed", least=0), whole(trial, "trial", least=0))
    state = np.random.SeedSequence(key).generate_state(4, np.uint32)
    # All 128 bits: of a shorter seed, two of many trainings might have the same.
    return int.from_bytes(state.tobytes(), "little")
