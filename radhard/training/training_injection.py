"""How are faults injected into a training that the user runs?"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from radhard.errors import InputError, RadhardWarning
from radhard.module import compiled_parts, usable_module
from radhard.space import FaultSpace, Numbers, check_space
from radhard.training.check_targets import check_targets
from radhard.training.schedule import Schedule, check_schedule, training_seed
from radhard.training.step_faults import StepFaults
from radhard.workload.hooks import temporary_hooks

__all__ = ["TrainingInjection", "inject", "injected"]


@dataclass
class TrainingInjection:
    """What `inject` returns: which faults occurred in a training, and whether they reached a word.

    ``print(injection.table())`` shows them; it may be read during the training and after it.
    """

    space: FaultSpace
    steps: int = 0
    """Number of updates by the optimizer so far."""
    faults: dict[int, Numbers] = field(default_factory=dict)
    """The numbers of the faults of each step that has some."""
    arrived: dict[int, np.ndarray] = field(default_factory=dict)
    """Whether each of them reached a word: False if its tensor, or its row, did not exist then."""

    @property
    def drawn(self) -> int:
        """Number of faults in the steps so far."""
        return sum(map(len, self.faults.values()))

    @property
    def count(self) -> int:
        """Number of faults that reached a word."""
        return sum(int(mask.sum()) for mask in self.arrived.values())

    def table(self) -> pd.DataFrame:
        """The faults in order: step, number, description, and whether they reached a word."""
        rows = [
            (step, int(number), self.space.describe(int(number)), bool(here))
            for step, numbers in self.faults.items()
            for number, here in zip(numbers, self.arrived[step], strict=True)
        ]
        return pd.DataFrame(rows, columns=["step", "fault", "description", "arrived"])


@contextmanager
def inject(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    space: FaultSpace,
    schedule: Schedule,
    *,
    seed: int = 0,
    trial: int = 0,
) -> Iterator[TrainingInjection]:
    """Inject faults into a training while the context is open; the loop itself is not changed.

    A step is an update by the optimizer. The faults of step s, numbered from 0, fall

    - in weights, biases and buffers before the first forward pass of the step, and stay: later
      updates start from the faulty words;
    - in activations and inputs in the first forward pass of the step; gradients pass through the
      faulty words as if these were the fault-free ones;
    - in gradients when the first backward pass of the step has computed them;
    - in the state of the optimizer before its update, and stay.

    Only forward passes with gradients enabled count: an evaluation under ``torch.no_grad()``
    between two steps has no new faults. Everything before the first fault is bit-identical to the
    training without the context. Random draws depend on the seed, the trial and the step only, and
    leave the generators of torch, numpy and Python as they are. On exit all hooks are removed; the
    model keeps what the training made of it.

    Args:
        model: the model that is trained.
        optimizer: its optimizer; others are not observed.
        space: the possible faults, made from a model of the same structure: for activations and
            inputs with one batch as the data, so that a sample is a row of the batch. Words are
            those of the tensors' own dtype, such as ``Float32()``.
        schedule: the steps in which faults occur.
        seed: the seed of the draws.
        trial: a number that, with the seed, determines the faults, as in `radhard.training.run`.

    Raises:
        InputError: the space, the schedule or the model cannot be used, or the optimizer keeps no
            such state.

    Warns:
        RadhardWarning: a step with faults was not reached, or faults did not reach a word.
    """
    with injected(model, optimizer, space, schedule, training_seed(seed, trial)) as injection:
        yield injection
    for text in _doubts(injection, schedule):
        # Frames: this one, that of contextlib, and the user's.
        warnings.warn(text, RadhardWarning, stacklevel=3)


@contextmanager
def injected(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    space: FaultSpace,
    schedule: Schedule,
    seed: int,
) -> Iterator[TrainingInjection]:
    """As `inject`, with the seed of one training, and without warnings."""
    model = usable_module(model)
    _check(model, optimizer, space, schedule)
    draw, injection = schedule.draw(space, seed), TrainingInjection(space)
    current = StepFaults(model, optimizer, space)

    def begin() -> None:
        # From the step alone, so that faults do not depend on what happened before.
        numbers = draw(injection.steps)
        if len(numbers):
            injection.faults[injection.steps] = numbers
            injection.arrived[injection.steps] = current.open(numbers)

    def next_step(*_: object) -> None:
        current.close()
        injection.steps += 1
        begin()

    with ExitStack() as stack:
        hooks: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
            (model.register_forward_pre_hook, current.before_pass),
            (model.register_forward_hook, current.after_pass),
            (optimizer.register_step_pre_hook, current.before_update),
            # A step ends with the update, whatever the loop does between forward passes.
            (optimizer.register_step_post_hook, next_step),
            *current.gradient_hooks(),
        ]
        stack.enter_context(temporary_hooks(hooks))
        stack.callback(current.close)
        begin()
        yield injection
        # Of the step that was prepared after the last update.
        if not injection.arrived.get(injection.steps, np.ones(1, dtype=bool)).any():
            del injection.arrived[injection.steps], injection.faults[injection.steps]


def _check(model: nn.Module, optimizer: object, space: FaultSpace, schedule: object) -> None:
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise InputError(
            f"the optimizer is {type(optimizer).__name__}; give the torch.optim.Optimizer whose "
            "steps are to be counted"
        )
    check_space(space)
    check_schedule(schedule)
    if parts := compiled_parts(model):
        raise InputError(
            f"{', '.join(parts[:5])} is compiled (torch.compile), and compiled code ignores the "
            "hooks through which faults arrive; train the model as it was before, such as its "
            "._orig_mod"
        )
    check_targets(model, optimizer, space)


def _doubts(injection: TrainingInjection, schedule: Schedule) -> list[str]:
    """What did not happen as planned."""
    doubts = []
    if injection.steps < schedule.steps_needed:
        doubts.append(
            f"the training took {injection.steps:,} steps, but {schedule!r} has faults in steps up "
            f"to {schedule.steps_needed - 1:,}; faults in later steps did not occur"
        )
    if missed := injection.drawn - injection.count:
        doubts.append(
            f"{missed:,} of {injection.drawn:,} faults reached no word: no training pass with the "
            "model, no gradient or no state of the optimizer in their step, or a row beyond the "
            "batch; see table()"
        )
    return doubts
