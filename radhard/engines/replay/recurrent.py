"""How does a difference pass a recurrent layer, step by step, for many trials at once?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from radhard.engines.replay.cells import Kind, Side
from radhard.engines.replay.graph import Node, Slot
from radhard.engines.replay.patch import Patch
from radhard.engines.replay.state import Pass
from radhard.engines.replay.trajectories import Trajectory, trajectory_of

__all__ = ["RULES", "gru", "lstm", "struck_sequence"]

_ROWS = 1600
"""Rows of one loop over the steps: what a step computes of them fits into a processor's cache."""


class _Changed(Protocol):
    """One word of a weight or a bias takes another value; `Change` is one."""

    @property
    def at(self) -> tuple[int, ...]: ...
    @property
    def difference(self) -> float: ...


def lstm(inputs: Tensor, weight: Tensor, recurrent: Tensor, *rest: Any) -> Tensor:
    """The states of an LSTM that starts from zero: ``(samples, steps, hidden)``, or the last one.

    ``rest`` is both biases or none, then whether only the last state is asked for.
    """
    return trajectory_of("lstm", inputs, weight, recurrent, *rest).outputs(last=bool(rest[-1]))


def gru(inputs: Tensor, weight: Tensor, recurrent: Tensor, *rest: Any) -> Tensor:
    """The states of a GRU that starts from zero; see `lstm`."""
    return trajectory_of("gru", inputs, weight, recurrent, *rest).outputs(last=bool(rest[-1]))


def struck_sequence(state: Pass, node: Node, argument: int, changes: Sequence[_Changed]) -> Patch:
    """The states once a weight or a bias changed, one change a trial."""
    golden = state.golden[node.slot]
    trajectory = _kept(state, node)
    side: Side = 1 if argument in (2, 4) else 0
    cell, dtype, device = trajectory.cell, golden.dtype, golden.device
    columns = torch.tensor([cell.column(side, c.at[0]) for c in changes], device=device)
    sources = torch.tensor([c.at[1] if len(c.at) > 1 else -1 for c in changes], device=device)
    by = torch.tensor([c.difference for c in changes], dtype=dtype, device=device)
    strike = _Strike(trajectory, side, columns, sources, by)
    reached = strike.reached().nonzero().squeeze(1)
    values = golden.repeat(len(changes), *[1] * (golden.ndim - 1))
    trials = values.view(len(changes), *golden.shape)
    size = max(1, _ROWS // len(golden))
    for at in range(0, len(reached), size):
        some = reached[at : at + size]
        trials[some] = _followed(strike.of(some), last=bool(node.args[-1]))
    return Patch(values, (None,) * (golden.ndim - 1))


def _kept(state: Pass, node: Node) -> Trajectory:
    """The golden trajectory, kept with the golden values under a number that is no slot."""
    key = -1 - node.slot
    if key not in state.golden:
        arguments = [state.golden[a.number] if isinstance(a, Slot) else a for a in node.args]
        state.golden[key] = trajectory_of(_KINDS[node.op], *arguments)
    found: Trajectory = state.golden[key]
    return found


@dataclass
class _Strike:
    """Changes of a weight or a bias, one a trial: ``by`` times a source enters a column."""

    trajectory: Trajectory
    side: Side
    columns: Tensor
    sources: Tensor
    by: Tensor

    def of(self, trials: Tensor) -> "_Strike":
        """Those of some trials."""
        return _Strike(
            self.trajectory, self.side, self.columns[trials], self.sources[trials], self.by[trials]
        )

    def difference(self, t: int, states: Tensor) -> Tensor:
        """What enters the columns: ``(trials, histories)``; ``states``: those of the step before.

        ``states`` is ``(trials, histories, hidden)``.
        """
        step = self.trajectory.steps[t]
        trials = torch.arange(len(self.by), device=self.by.device)
        if int(self.sources[0]) < 0:
            return self.by[:, None].expand(-1, len(step.sample))
        if self.side == 0:
            seen = self.trajectory.inputs[step.sample, t].t()[self.sources]
        else:
            seen = states[trials, :, self.sources]
        return self.by[:, None] * seen

    def reached(self) -> Tensor:
        """Which trials differ at all: where nothing is rounded away, given golden states."""
        reached = torch.zeros(len(self.by), dtype=torch.bool, device=self.by.device)
        steps = self.trajectory.steps
        for t, step in enumerate(steps):
            if t == 0:
                before = step.state.new_zeros(len(step.sample), step.state.shape[1])
            else:
                before = steps[t - 1].state
                before = before if step.parent is None else before[step.parent]
            given = step.given.t()[self.columns]
            change = self.difference(t, before.expand(len(self.by), -1, -1))
            reached |= (given + change != given).any(dim=1)
        return reached


def _followed(strike: _Strike, *, last: bool) -> Tensor:
    """The faulty states: ``(trials, samples, steps, hidden)``, or the last ones.

    The golden values are added to what the differences make, so that no difference makes none.
    """
    trajectory = strike.trajectory
    cell, steps, many = trajectory.cell, trajectory.steps, len(strike.by)
    trials = torch.arange(many, device=strike.by.device)
    recurrent = trajectory.recurrent.t().contiguous()
    state = memory = trajectory.inputs.new_zeros(many, len(steps[0].sample), cell.hidden)
    found = []
    for t, step in enumerate(steps):
        given = step.given.repeat(many, 1)
        if t:
            change = state - steps[t - 1].state
            if step.parent is not None:
                change, state, memory = (
                    part.index_select(1, step.parent) for part in (change, state, memory)
                )
            given[:, cell.recurrent].addmm_(change.flatten(0, 1), recurrent)
        apart = given.view(many, len(step.sample), -1)
        apart[trials, :, strike.columns] += strike.difference(t, state)
        flat, flat_memory = cell.step(given, state.flatten(0, 1), memory.flatten(0, 1))
        state, memory = (part.view(*apart.shape[:2], -1) for part in (flat, flat_memory))
        if not last:
            found.append(state[:, step.of])
    return state[:, steps[-1].of] if last else torch.stack(found, dim=2)


def followed_rows(state: Pass, node: Node) -> Patch | None:
    """A layer whose inputs differ; weights that differ are not for this rule."""
    if any(slot in state.others or slot in state.patches for slot in node.inputs[1:]):
        return None
    trajectory = _kept(state, node)
    inputs = state.whole(node.args[0].number)
    rows = state.rows
    last = bool(node.args[-1])
    if rows is None:
        rows = torch.arange(len(inputs), device=inputs.device)
    recurrent, weight = trajectory.recurrent.t().contiguous(), trajectory.weight
    parts = []
    for at in range(0, len(rows), _ROWS):
        which, here = rows[at : at + _ROWS], inputs[at : at + _ROWS]
        parts.append(torch.stack(list(_rows(trajectory, which, here, weight, recurrent)), dim=1))
    values = torch.cat(parts)
    values = values[:, -1] if last else values
    return Patch(values, (None,) * (values.ndim - 1))


def _rows(
    trajectory: Trajectory, rows: Tensor, inputs: Tensor, weight: Tensor, recurrent: Tensor
) -> Iterator[Tensor]:
    cell, zero = trajectory.cell, trajectory.inputs.new_zeros(len(rows), trajectory.cell.hidden)
    state, memory, golden = zero, zero, zero
    for t, step in enumerate(trajectory.steps):
        number = step.of[rows]
        given = step.given[number]
        given += cell.given(inputs[:, t] - trajectory.inputs[rows, t], weight)
        given[:, cell.recurrent].addmm_(state - golden, recurrent)
        golden = step.state[number]
        state, memory = cell.step(given, state, memory)
        yield state


_KINDS: dict[Callable[..., Any], Kind] = {lstm: "lstm", gru: "gru"}
RULES = dict.fromkeys(_KINDS, followed_rows)
