"""What does a changed weight or bias make of the states of a recurrent layer, step by step?"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.internals import product
from radhard.replay.recurrent.recurrent_cell import Side
from radhard.replay.recurrent.trajectory import Trajectory

__all__ = ["FaultyStates", "WeightChanges", "faulty_states"]

_ROWS = 3200
"""Rows of one loop over the steps: what a step computes of them fits into a processor's cache."""


_SPARSE = 4
"""Pairs of a trial and a sample for each that is needed from which each is looked at by itself."""

_SATURATION = 100
"""A gate whose pre-activation is further from zero than this is 0 or 1, whatever is added."""

_NOISE = 1e-2
"""Rounding of a pre-activation that changes a gate too little to be seen in the outputs."""


@dataclass
class WeightChanges:
    """Changes of a weight or a bias, one a trial: ``by`` times a source enters a column.

    The source is a feature or a unit; a bias has none, and adds ``by`` itself.
    """

    trajectory: Trajectory
    side: Side
    columns: Tensor
    sources: Tensor | None
    by: Tensor

    def of(self, trials: Tensor) -> "WeightChanges":
        """Those of some trials."""
        sources = None if self.sources is None else self.sources[trials]
        return WeightChanges(
            self.trajectory, self.side, self.columns[trials], sources, self.by[trials]
        )

    def added(self, step: int, samples: Tensor, states: Tensor) -> Tensor:
        """What each change adds to its column in a step: one sample and state before it each."""
        if self.sources is None:
            return self.by
        if self.side == 0:
            return self.by * self.trajectory.inputs[samples, step, self.sources]
        return self.by * states[torch.arange(len(states), device=states.device), self.sources]

    def reached(self, owner: Tensor, samples: Tensor) -> Tensor:
        """Which rows differ at all: where nothing is rounded away, with golden states."""
        if len(owner) * _SPARSE < len(self.by) * len(self.trajectory.inputs):
            return self._reached_by_row(owner, samples)
        reached = torch.zeros(len(owner), dtype=torch.bool, device=owner.device)
        steps, by = self.trajectory.steps, self.by[:, None]
        for t, step in enumerate(steps):
            sums = step.sums.t()[self.columns]  # trials, histories
            if self.sources is None:
                change = by.expand_as(sums)
            elif self.side == 0:
                change = by * self.trajectory.inputs[step.sample, t].t()[self.sources]
            elif t == 0:
                continue  # the states are zero
            else:
                before = steps[t - 1].state
                before = before if step.parent is None else before[step.parent]
                change = by * before.t()[self.sources]
            # Rounded as the sum is: a change below half a last bit changes no gate.
            differs = sums + change != sums
            reached |= differs[owner, step.of[samples]]
        return reached

    def _reached_by_row(self, owner: Tensor, samples: Tensor) -> Tensor:
        """The same for few of all pairs of a trial and a sample, one by one."""
        reached = torch.zeros(len(owner), dtype=torch.bool, device=owner.device)
        steps, mine = self.trajectory.steps, self.of(owner)
        for t, step in enumerate(steps):
            history = step.of[samples]
            sums = step.sums[history, mine.columns]
            change = mine.by
            if mine.sources is not None and mine.side == 0:
                change = change * self.trajectory.inputs[samples, t, mine.sources]
            elif mine.sources is not None:
                if t == 0:
                    continue  # the states are zero
                before = history if step.parent is None else step.parent[history]
                change = change * steps[t - 1].state[before, mine.sources]
            reached |= sums + change != sums
        return reached


@dataclass
class _Pairs:
    """Distinct pairs of a trial and a history: rows that are the same up to a step."""

    trial: Tensor
    history: Tensor
    of: Tensor
    """The pair of every row."""
    parent: Tensor
    """The pair of the step before that each goes on; at the first step all start from one."""


def _pairs(trajectory: Trajectory, owner: Tensor, samples: Tensor) -> Iterator[_Pairs | None]:
    """The pairs of every step; None where they are those of the step before."""
    trials = int(owner[-1]) + 1
    numbers, before = owner, 0
    for step in trajectory.steps:
        if before and step.parent is None:
            yield None
            continue
        count = len(step.sample)
        # Samples that began alike have the same history, and differ in nothing under one fault.
        keys = owner * count + step.of[samples]
        # A table of all possible pairs, which is small, instead of sorting the keys.
        there = torch.zeros(trials * count, dtype=torch.bool, device=owner.device)
        there[keys] = True
        found = there.nonzero().squeeze(1)
        trial, history = found // count, found % count
        parent = torch.zeros_like(found)
        if step.parent is not None and before:
            parent = numbers[trial * before + step.parent[history]]
        # The number of each pair that exists, at its key.
        numbers, before = there.cumsum(0) - 1, count
        yield _Pairs(trial, history, numbers[keys], parent)


@dataclass(frozen=True)
class FaultyStates:
    """The states of some rows, ``(rows, steps, hidden)`` or the last ones, after changes.

    ``rounded`` are the rows in which a huge weight multiplies a state that cancelled to little
    more than rounding: the model, which adds in another order, may have computed other states.
    """

    values: Tensor
    rounded: Tensor


def faulty_states(
    changes: WeightChanges, owner: Tensor, samples: Tensor, golden: Tensor, *, last: bool
) -> FaultyStates:
    """The faulty states of some rows.

    ``owner`` is the trial of each row, in ascending order, ``samples`` its sample; ``golden`` are
    the states of all samples without a fault.
    """
    values = golden.index_select(0, samples)
    rounded = torch.zeros(len(samples), dtype=torch.bool, device=samples.device)
    possible = rounded.clone()
    reached, until = changes.reached(owner, samples).nonzero().squeeze(1), 0
    for at in range(0, len(reached), _ROWS):
        some = reached[at : at + _ROWS]
        found = []
        for t, (state, of, small) in enumerate(_steps(changes, owner[some], samples[some])):
            if small is not None:
                possible[some] |= small.index_select(0, of)
                until = max(until, t)
            if not last or t == len(changes.trajectory.steps) - 1:
                found.append(state.index_select(0, of))
        values[some] = found[0] if last else torch.stack(found, dim=1)
    # To follow the rounding of every row costs as much as many a row; few products are so small.
    watched = possible.nonzero().squeeze(1)
    for at in range(0, len(watched), _ROWS):
        some = watched[at : at + _ROWS]
        followed = _steps(changes, owner[some], samples[some], rounding=True)
        for _, of, unsure in itertools.islice(followed, until + 1):
            if unsure is not None:
                rounded[some] |= unsure.index_select(0, of)
    return FaultyStates(values, rounded)


def _steps(
    changes: WeightChanges, owner: Tensor, samples: Tensor, *, rounding: bool = False
) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
    """Step by step the faulty states of all pairs of some rows, and the pair of each row.

    Last, of which pairs the product of changed weight and state may be little but rounding, or,
    with ``rounding``, of which it is; None: of none. The golden values are added to what the
    differences make, so that no difference makes none.
    """
    trajectory, first = changes.trajectory, int(owner[0])
    cell, steps = trajectory.cell, trajectory.steps
    recurrent = trajectory.recurrent.contiguous()
    state = memory = trajectory.inputs.new_zeros(1, cell.hidden)
    huge = None if rounding else _huge(changes)
    kept = noise = state.new_zeros(1)
    for t, pairs in enumerate(_pairs(trajectory, owner - first, samples)):
        step = steps[t]
        if pairs is not None:
            trials = pairs.trial + first
            here = changes.of(trials)
            factors = None if huge is None else huge[trials]
            # The place of each change in the sums, row after row in one line.
            first_of_row = torch.arange(len(here.by), device=owner.device) * (4 * cell.hidden)
            entries = first_of_row + here.columns
            of, history, sample = pairs.of, pairs.history, step.sample[pairs.history]
            state = state.index_select(0, pairs.parent)
            memory = memory.index_select(0, pairs.parent)
            if rounding:
                kept, noise = (part.index_select(0, pairs.parent) for part in (kept, noise))
        sums = step.sums.index_select(0, history)
        if t:
            before = history if step.parent is None else step.parent[history]
            change = state - steps[t - 1].state.index_select(0, before)
            sums[:, cell.recurrent] += product(change, recurrent)
        more = here.added(t, sample, state)
        sums.view(-1).index_add_(0, entries, more)
        unsure, before = None, memory
        if rounding:
            # A gate is known where it is saturated whatever the rounding is, and where that is
            # too little to matter.
            unsure = (noise > _NOISE) & (more.abs() < _SATURATION + 2 * noise)
        elif factors is not None and t:  # the first step starts from zeros, which are exact
            # A bound on twice the rounding, as in the condition above, and a quarter for the
            # roundings of the bound itself. Few products are so small.
            bound = 2.5 * cell.largest_rounding(t, state.dtype)
            small = more.abs() < (factors * bound).add_(_SATURATION)
            unsure = small if small.any() else None
        state, memory = cell.step(sums, state, memory)
        if rounding:
            assert here.sources is not None
            error = cell.rounding(sums, before, kept, here.sources)
            kept, noise = error.kept, here.by.abs() * error.state
        yield state, of, unsure


def _huge(changes: WeightChanges) -> Tensor | None:
    """By what the rounding of a state is multiplied if the changed weight is huge, for each trial.

    Minus infinity where it is not, so that no product is small beside it; None if none is.
    """
    if changes.side == 0 or changes.sources is None:
        return None
    by, steps = changes.by.abs(), len(changes.trajectory.steps)
    # Of smaller weights no rounding of a state, which is at most 1, can be seen.
    huge = by > _NOISE / (torch.finfo(by.dtype).eps * steps)
    return by.where(huge, -torch.inf) if huge.any() else None
