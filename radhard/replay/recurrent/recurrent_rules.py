"""How does a difference pass a recurrent layer, step by step, for many trials at once?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from radhard.internals import product
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Node, Slot
from radhard.replay.patch import Patch
from radhard.replay.recurrent.recurrent_cell import Kind, Side
from radhard.replay.recurrent.trajectory import Trajectory, golden_trajectory
from radhard.replay.recurrent.weight_changes import WeightChanges, faulty_states

__all__ = ["RULES", "gru", "kept_trajectory", "lstm", "states_after_change"]

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
    return golden_trajectory("lstm", inputs, weight, recurrent, *rest).outputs(last=bool(rest[-1]))


def gru(inputs: Tensor, weight: Tensor, recurrent: Tensor, *rest: Any) -> Tensor:
    """The states of a GRU that starts from zero; see `lstm`."""
    return golden_trajectory("gru", inputs, weight, recurrent, *rest).outputs(last=bool(rest[-1]))


def states_after_change(
    state: FaultyPass, node: Node, argument: int, changes: Sequence[_Changed]
) -> Patch:
    """The states of the rows at hand once a weight or a bias changed, one change a trial."""
    golden = state.golden[node.slot]
    trajectory = kept_trajectory(state.golden, node)
    side: Side = 1 if argument in (2, 4) else 0
    cell, device = trajectory.cell, golden.device
    columns = torch.tensor([cell.column(side, c.at[0]) for c in changes], device=device)
    # The differences and not the new values: the golden sums are there, and get what is added.
    by = torch.tensor([c.difference for c in changes], dtype=golden.dtype, device=device)
    sources = None
    if argument < 3:
        sources = torch.tensor([c.at[1] for c in changes], device=device)
    rows = torch.arange(len(golden), device=device) if state.rows is None else state.rows
    owner = torch.zeros_like(rows) if state.owner is None else state.owner
    weight_changes = WeightChanges(trajectory, side, columns, sources, by)
    states = faulty_states(weight_changes, owner, rows, golden, last=bool(node.args[-1]))
    if states.rounded.any():
        state.rounded |= set(owner[states.rounded].tolist())
    values = states.values
    return Patch(values, (None,) * (golden.ndim - 1))


def kept_trajectory(golden: dict[int, Any], node: Node) -> Trajectory:
    """The golden trajectory, kept with the golden values under a number that is no slot."""
    # Golden values are kept by slot, which is never negative.
    key = -1 - node.slot
    if key not in golden:
        arguments = [golden[a.number] if isinstance(a, Slot) else a for a in node.args]
        golden[key] = golden_trajectory(_KINDS[node.op], *arguments)
    found: Trajectory = golden[key]
    return found


def states_after_inputs(state: FaultyPass, node: Node) -> Patch | None:
    """A layer whose inputs differ; weights that differ are not for this rule."""
    if any(slot in state.others or slot in state.patches for slot in node.inputs[1:]):
        return None
    trajectory = kept_trajectory(state.golden, node)
    inputs = state.whole(node.args[0].number)
    rows, last = state.rows, bool(node.args[-1])
    if rows is None:
        rows = torch.arange(len(inputs), device=inputs.device)
    # Until the first step that differs the states are golden: rows that differ late join late.
    differs = (inputs != trajectory.inputs.index_select(0, rows)).any(dim=2)
    first = torch.where(differs.any(dim=1), differs.int().argmax(dim=1), differs.shape[1])
    first, order = first.sort(stable=True)
    recurrent = trajectory.recurrent.contiguous()
    values = state.golden[node.slot].index_select(0, rows)
    # How many rows of the sorted ones differ at each step or before.
    ends = torch.arange(differs.shape[1], device=rows.device)
    for at in range(0, int((first < differs.shape[1]).sum()), _ROWS):
        some = order[at : at + _ROWS]
        joined = torch.searchsorted(first[at : at + _ROWS], ends, right=True).tolist()
        states = _rows(trajectory, rows[some], inputs[some], recurrent, joined)
        for t, found in states:
            if not last:
                values[some[: len(found)], t] = found
        if last:
            values[some[: len(found)]] = found
    return Patch(values, (None,) * (values.ndim - 1), own=True)


def _rows(
    trajectory: Trajectory, rows: Tensor, inputs: Tensor, recurrent: Tensor, joined: Sequence[int]
) -> Iterator[tuple[int, Tensor]]:
    """Each step with the states after it; ``joined`` is how many rows differ up to each step."""
    cell = trajectory.cell
    state = memory = golden = trajectory.inputs.new_zeros(0, cell.hidden)
    for t, step in enumerate(trajectory.steps):
        if not joined[t]:
            continue
        if joined[t] > len(state):
            more = rows[len(state) : joined[t]]
            before = trajectory.before(t, more)
            state, memory, golden = (
                torch.cat(pair)
                for pair in ((state, before[0]), (memory, before[1]), (golden, before[0]))
            )
        number = step.of[rows[: joined[t]]]
        sums = step.sums[number]
        # Differences only, so that a row that does not differ gives the golden states bit for bit.
        change = inputs[: joined[t], t] - trajectory.inputs[rows[: joined[t]], t]
        sums += cell.input_sums(change, trajectory.weight)
        sums[:, cell.recurrent] += product(state - golden, recurrent)
        golden = step.state[number]
        state, memory = cell.step(sums, state, memory)
        yield t, state


_KINDS: dict[Callable[..., Any], Kind] = {lstm: "lstm", gru: "gru"}
RULES = dict.fromkeys(_KINDS, states_after_inputs)
