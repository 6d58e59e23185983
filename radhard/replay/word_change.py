"""How does a changed parameter show in the output of the first operation that uses it?"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as nnf

from radhard.replay import recurrent
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Node
from radhard.replay.kernel import Kernel
from radhard.replay.patch import Patch

__all__ = [
    "WordChange",
    "changed_output",
    "changed_rows",
    "computes_rows",
    "concerned_samples",
    "coordinates",
    "has_change_rule",
]

aten: Any = torch.ops.aten


class WordChange(NamedTuple):
    """One word of a parameter takes another value: ``difference`` is new less old.

    ``value`` is the new one; None where the parameter is folded.
    """

    at: tuple[int, ...]
    difference: float
    value: float | None

    def folded(self, factor: float) -> "WordChange":
        """The change of a parameter into which a factor is folded."""
        return WordChange(self.at, self.difference * factor, None)

    def value_from(self, old: Tensor) -> Tensor | float:
        """The new value of a word that is ``old`` in the graph."""
        return old + self.difference if self.value is None else self.value


def coordinates(shape: tuple[int, ...], words: npt.NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Where the words of a tensor lie."""
    if not shape:
        return [()] * len(words)
    return list(zip(*(axis.tolist() for axis in np.unravel_index(words, shape)), strict=True))


def has_change_rule(node: Node, slot: int) -> bool:
    """Whether there is a rule for a change of one word of the node's parameter."""
    where = [n for n, arg in enumerate(node.args) if getattr(arg, "number", None) == slot]
    places = [[1], [2], [3], [4]] if node.op in recurrent.RULES else [[1], [2]]
    if node.op is aten.embedding.default:
        places = [[0]]
    elif node.op is aten.batch_norm.default and node.args[5]:
        return False  # with statistics of the batch, a sample depends on the others
    elif node.op is aten.layer_norm.default:
        # Over one axis: over several, a word is not one feature.
        places = [[2], [3]] if len(node.args[1]) == 1 else []
    # In one place only: a tensor that is input and weight of one operation changes both.
    if node.op not in _RULES or where not in places:
        return False
    return not any(isinstance(arg, str) for arg in node.args)


def computes_rows(node: Node) -> bool:
    """Whether `changed_output` takes the rows that are there, as there is much to do for each."""
    return node.op in recurrent.RULES or node.op is aten.embedding.default


def concerned_samples(
    golden: Mapping[int, Any], node: Node, changes: Sequence[WordChange]
) -> Tensor | None:
    """Which samples read a word at all, ``(changes, samples)``, as those that look its row up.

    None where all samples may.
    """
    if node.op is not aten.embedding.default:
        return None
    numbers = golden[node.args[1].number].flatten(1)
    changed = torch.tensor([change.at[0] for change in changes], device=numbers.device)
    # A row of the table is looked up by few of the words: sorted, these are found at once.
    found = torch.zeros(len(changes), len(numbers), dtype=torch.bool, device=numbers.device)
    order, at = numbers.reshape(-1).sort()
    first, end = (torch.searchsorted(order, changed, right=right) for right in (False, True))
    # All finds of all changes in one line: which change each belongs to, and which of its finds it
    # is.
    which = torch.arange(len(changes), device=numbers.device).repeat_interleave(end - first)
    within = (
        torch.arange(len(which), device=numbers.device)
        - ((end - first).cumsum(0) - (end - first))[which]
    )
    found[which, at[first[which] + within] // numbers.shape[1]] = True
    return found


def changed_output(state: FaultyPass, node: Node, slot: int, changes: list[WordChange]) -> Patch:
    """The node's output once the parameter in ``slot`` changed, one change a trial.

    The rows of a trial are all golden rows, trial after trial, if the node is not `computes_rows`.
    """
    argument = next(n for n, arg in enumerate(node.args) if getattr(arg, "number", None) == slot)
    return _RULES[node.op](state, node, argument, changes)


def changed_rows(
    state: FaultyPass, node: Node, argument: int, at: tuple[Tensor, ...], by: Tensor
) -> Patch:
    """The node's output where the parameter changed, one word a row.

    The operation is a convolution or a linear layer on ``(samples, features)``; ``argument`` is the
    position of the parameter among its arguments, ``at`` the coordinates of the words, ``by`` the
    differences, each ``(rows,)``.
    """
    golden, inputs = state.golden[node.slot], state.golden[node.args[0].number]
    assert state.rows is not None
    rows, out = state.rows, at[0]
    if node.op is aten.linear.default:
        values = golden[rows, out]
        values = values + (by if argument == 2 else by * inputs[rows, at[1]])
        return Patch(values[:, None], (out,), own=True)
    values, by = golden[rows, out], by[:, None, None]
    if argument == 2:
        return Patch((values + by)[:, None], (out, None, None), own=True)
    weight = state.golden[node.args[1].number]
    stride, padding, dilation, groups = (
        state.argument(node, n, default) for n, default in ((3, 1), (4, 0), (5, 1), (6, 1))
    )
    kernel = Kernel(weight.shape[2:], stride, padding, dilation)
    # The weight counts input channels from the beginning of its group.
    source = out // (weight.shape[0] // groups) * weight.shape[1] + at[1]
    if any(kernel.padding):
        inputs = nnf.pad(inputs, (kernel.padding[1],) * 2 + (kernel.padding[0],) * 2)
    y, x = (
        at[2 + axis][:, None] * kernel.dilation[axis]
        + torch.arange(size, device=out.device) * kernel.stride[axis]
        for axis, size in enumerate(values.shape[1:])
    )
    # One word of a kernel sees the whole input once, shifted by its place in the kernel: what it is
    # multiplied by at each position of the output.
    seen = inputs[rows[:, None, None], source[:, None, None], y[:, :, None], x[:, None, :]]
    return Patch((values + by * seen)[:, None], (out, None, None), own=True)


def _joined(parts: list[Tensor], starts: list[int], golden: Tensor, axes: int) -> Patch:
    """Patches of one channel each, one after another."""
    rest = (None,) * axes
    if len(parts) == 1:
        return Patch(parts[0], (starts[0], *rest), own=True)
    first = torch.tensor(starts, device=golden.device).repeat_interleave(len(golden))
    return Patch(torch.cat(parts), (first, *rest), own=True)


def _convolution(state: FaultyPass, node: Node, argument: int, changes: list[WordChange]) -> Patch:
    golden, inputs = state.golden[node.slot], state.golden[node.args[0].number]
    weight = state.golden[node.args[1].number]
    stride, padding, dilation, groups = (
        state.argument(node, at, default) for at, default in ((3, 1), (4, 0), (5, 1), (6, 1))
    )
    kernel = Kernel(weight.shape[2:], stride, padding, dilation)
    parts, starts = [], []
    height, width = golden.shape[2:]
    for change in changes:
        out = change.at[0]
        # A view: what is added to it makes a new tensor.
        channel = golden[:, out : out + 1]
        if argument == 2:
            parts.append(channel + change.difference)
        else:
            _, inner, i, j = change.at
            source = out // (weight.shape[0] // groups) * weight.shape[1] + inner
            picture = inputs[:, source : source + 1]
            if any(kernel.padding):
                picture = nnf.pad(picture, (kernel.padding[1],) * 2 + (kernel.padding[0],) * 2)
            top, left = i * kernel.dilation[0], j * kernel.dilation[1]
            # The input at which this word of the kernel looks, for every position of the output.
            seen = picture[
                :,
                :,
                top : top + (height - 1) * kernel.stride[0] + 1 : kernel.stride[0],
                left : left + (width - 1) * kernel.stride[1] + 1 : kernel.stride[1],
            ]
            parts.append(torch.add(channel, seen, alpha=change.difference))
        starts.append(out)
    return _joined(parts, starts, golden, 2)


def _convolution_1d(
    state: FaultyPass, node: Node, argument: int, changes: list[WordChange]
) -> Patch:
    golden, inputs = state.golden[node.slot], state.golden[node.args[0].number]
    weight = state.golden[node.args[1].number]
    groups = state.argument(node, 6, 1)
    stride, padding, dilation = (
        int(np.ravel(state.argument(node, at, default))[0])
        for at, default in ((3, 1), (4, 0), (5, 1))
    )
    inputs = nnf.pad(inputs, (padding, padding))
    parts = []
    for change in changes:
        out, *rest = change.at
        channel = golden[:, out : out + 1]
        if argument == 2:
            parts.append(channel + change.difference)
            continue
        inner, at = rest
        source, left = out // (weight.shape[0] // groups) * weight.shape[1] + inner, at * dilation
        end = left + (golden.shape[2] - 1) * stride + 1
        seen = inputs[:, source : source + 1, left:end:stride]
        parts.append(torch.add(channel, seen, alpha=change.difference))
    return _joined(parts, [change.at[0] for change in changes], golden, 1)


def _matrix(state: FaultyPass, node: Node, argument: int, changes: list[WordChange]) -> Patch:
    golden, inputs = state.golden[node.slot], state.golden[node.args[0].number]
    outs = [change.at[0] for change in changes]
    if len(changes) == 1 or golden.ndim > 2:
        parts = []
        for change, out in zip(changes, outs, strict=True):
            column = golden[..., out : out + 1]
            if argument == 2:
                parts.append(column + change.difference)
            else:
                seen = inputs[..., change.at[1] : change.at[1] + 1]
                parts.append(torch.add(column, seen, alpha=change.difference))
        ordered = _joined(parts, outs, golden, golden.ndim - 2)
        first, *rest = ordered.starts
        return Patch(ordered.values, (*rest, first))
    by = torch.tensor(np.array([change.difference for change in changes]), dtype=golden.dtype)
    by = by.to(golden.device)[:, None]
    rows = torch.tensor(outs, device=golden.device)
    # A product and a sum for all trials at once; one at a time, calls would cost more than
    # arithmetic.
    columns = golden.t()[rows]  # trials, samples
    if argument == 2:
        columns = columns + by
    else:
        source = torch.tensor([change.at[1] for change in changes], device=golden.device)
        columns = columns + by * inputs.t()[source]
    return Patch(columns.reshape(-1, 1), (rows.repeat_interleave(len(golden)),))


def _batch_norm(state: FaultyPass, node: Node, argument: int, changes: list[WordChange]) -> Patch:
    """Statistics are fixed: a word scales or shifts one channel."""
    golden, inputs = state.golden[node.slot], state.golden[node.args[0].number]
    mean, variance = (state.argument(node, n, None) for n in (3, 4))
    parts, starts = [], [change.at[0] for change in changes]
    for change, out in zip(changes, starts, strict=True):
        channel = golden[:, out : out + 1]
        if argument == 2:
            parts.append(channel + change.difference)
            continue
        scale = (variance[out] + node.args[7]).rsqrt()
        seen = (inputs[:, out : out + 1] - mean[out]) * scale
        parts.append(torch.add(channel, seen, alpha=change.difference))
    return _joined(parts, starts, golden, golden.ndim - 2)


def _layer_norm(state: FaultyPass, node: Node, argument: int, changes: list[WordChange]) -> Patch:
    """A word scales or shifts one feature, the last axis, of what is normalised without it."""
    golden, inputs = state.golden[node.slot], state.golden[node.args[0].number]
    eps = node.args[4] if len(node.args) > 4 else 1e-5
    seen = nnf.layer_norm(inputs, list(node.args[1]), eps=eps) if argument == 2 else None
    parts, starts = [], [change.at[0] for change in changes]
    for change, out in zip(changes, starts, strict=True):
        column = golden[..., out : out + 1]
        if seen is None:
            parts.append(column + change.difference)
        else:
            parts.append(torch.add(column, seen[..., out : out + 1], alpha=change.difference))
    ordered = _joined(parts, starts, golden, golden.ndim - 2)
    first, *rest = ordered.starts
    return Patch(ordered.values, (*rest, first))


def _embedding(state: FaultyPass, node: Node, argument: int, changes: list[WordChange]) -> Patch:
    """The values looked up in a table, of the rows at hand."""
    golden = state.golden[node.slot]
    numbers = state.golden[node.args[1].number]
    device = numbers.device
    rows = torch.arange(len(numbers), device=device) if state.rows is None else state.rows
    owner = torch.zeros_like(rows) if state.owner is None else state.owner
    changed = torch.tensor([change.at[0] for change in changes], device=device)[owner]
    found = numbers.index_select(0, rows) == changed.view(-1, *[1] * (numbers.ndim - 1))
    values = golden.index_select(0, rows)
    table = state.golden[node.args[argument].number]
    columns = torch.tensor([change.at[1] for change in changes], device=device)
    # The new value itself and not a difference: a table is looked up, nothing is added.
    news = torch.tensor(
        [float(change.value_from(table[change.at])) for change in changes],
        dtype=golden.dtype,
        device=device,
    )
    where = found.nonzero().unbind(1)
    trial = owner[where[0]]
    values[(*where, columns[trial])] = news[trial]
    return Patch(values, (None,) * (values.ndim - 1), own=True)


_RULES = {
    aten.batch_norm.default: _batch_norm,
    aten.embedding.default: _embedding,
    aten.layer_norm.default: _layer_norm,
    aten.conv1d.default: _convolution_1d,
    aten.conv2d.default: _convolution,
    aten.linear.default: _matrix,
    **dict.fromkeys(recurrent.RULES, recurrent.states_after_change),
}
