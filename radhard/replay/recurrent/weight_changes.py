"""What does a changed weight or bias make of the states of a recurrent layer, step by step?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.internals import product
from radhard.replay.recurrent.branches import Branches
from radhard.replay.recurrent.recurrent_cell import Side
from radhard.replay.recurrent.trajectory import Trajectory

__all__ = ["FaultyStates", "WeightChanges", "faulty_states"]

_ROWS = 3200
"""Rows of one loop over the steps: what a step computes of them fits into a processor's cache."""

_ALIGNED = 64
"""Rows of which a product is a multiple."""

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

    def first_steps(self, owner: Tensor, samples: Tensor) -> Tensor:
        """In which step the sums of each row differ first; the number of steps: never.

        Up to then the states are golden. A change below half a last bit of a sum is rounded away.
        """
        trajectory, hidden = self.trajectory, self.trajectory.cell.hidden
        found = torch.full_like(owner, len(trajectory.steps))
        left, here = torch.arange(len(owner), device=owner.device), self.of(owner)
        # The states begin as zeros, of one history.
        state, past = trajectory.inputs.new_zeros(1, hidden), torch.zeros_like(owner)
        for t, step in enumerate(trajectory.steps):
            history = step.of.index_select(0, samples)
            sums = step.sums.view(-1).index_select(0, history * (4 * hidden) + here.columns)
            more = here.by
            if here.sources is not None and self.side == 0:
                more = more * trajectory.inputs[samples, t, here.sources]
            elif here.sources is not None:
                more = more * state.view(-1).index_select(0, past * hidden + here.sources)
            shows = sums + more != sums
            found[left[shows]] = t
            alike = shows.logical_not().nonzero().squeeze(1)
            if not len(alike):
                break
            left, samples, here = left[alike], samples[alike], here.of(alike)
            state, past = step.state, history[alike]
        return found

    @property
    def huge(self) -> Tensor | None:
        """Which weights multiply the rounding of a state so that it shows; None: none of them."""
        if self.side == 0 or self.sources is None:
            return None
        by, steps = self.by.abs(), len(self.trajectory.steps)
        # A state is at most 1.
        huge = by > _NOISE / (torch.finfo(by.dtype).eps * steps)
        return huge if bool(huge.any()) else None


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
    firsts = changes.first_steps(owner, samples)
    rows = (firsts < len(changes.trajectory.steps)).nonzero().squeeze(1)
    if (huge := changes.huge) is not None:
        # Those of huge weights in as few loops as can be, from the beginning: there rounding is
        # followed.
        watched = huge[owner]
        rows = rows[watched[rows].logical_not().argsort(stable=True)]
        firsts = firsts.where(~watched, 0)
    for some in rows.tensor_split(max(1, -(-len(rows) // _ROWS))):
        if len(some):
            followed = _Followed(changes, owner[some], samples[some], firsts[some])
            own = some[followed.branches.rows]
            values.index_copy_(0, own, followed.run(None if last else golden))
            rounded[own] = followed.rounded
    return FaultyStates(values, rounded)


class _Followed:
    """Some rows on their way through the steps, in the order of their branches."""

    def __init__(
        self, changes: WeightChanges, owner: Tensor, samples: Tensor, firsts: Tensor
    ) -> None:
        self.trajectory = trajectory = changes.trajectory
        self.branches = branches = Branches.of(trajectory, owner, samples, firsts)
        self.changes, self.samples = changes.of(owner[branches.rows]), samples[branches.rows]
        hidden, like, many = trajectory.cell.hidden, trajectory.inputs, len(samples)
        self.rounded = torch.zeros(many, dtype=torch.bool, device=samples.device)
        room = many + -many % _ALIGNED
        self._state, self._memory, self._change = like.new_zeros(3, room, hidden)
        self._sums = like.new_empty(room, 4 * hidden)
        self._recurrent = trajectory.recurrent.contiguous()
        # Where each change lies in the sums, row after row in one line, and where its source does.
        numbers = torch.arange(many, device=samples.device)
        self._entries = numbers * (4 * hidden) + self.changes.columns
        if self.changes.sources is not None:
            wide = numbers * hidden if changes.side == 1 else self.samples * like.shape[2]
            self._sources = wide + self.changes.sources
        huge = self.changes.huge
        self._noise = None if huge is None else _Noise.of(self.changes, huge)

    def run(self, golden: Tensor | None) -> Tensor:
        """The last states of all rows; or those of every step, if the golden ones are given."""
        found = None if golden is None else golden.index_select(0, self.samples)
        begun, steps = 0, len(self.trajectory.steps)
        # What is left after the last step is equal to another row in every step.
        for t, (joined, end) in enumerate(
            zip(self.branches.joined, self.branches.ends, strict=True)
        ):
            if begun < joined:
                self._join(t, begun, joined, found)
            if t and t < steps and joined < end:
                before = self.trajectory.before(t, self.samples[joined:end])
                self._state[joined:end], self._memory[joined:end] = before
            if t < steps and end:
                self._advance(t, end)
                if found is not None:
                    found[:end, t] = self._state[:end]
            begun = end
        return self._state[: len(self.samples)] if found is None else found

    def _join(self, t: int, begun: int, end: int, found: Tensor | None) -> None:
        """Let rows go on from what their parents have come to before a step."""
        parents = self.branches.parents[begun:end]
        parts = [self._state, self._memory, self.rounded]
        parts += [] if self._noise is None else [self._noise.kept, self._noise.noise]
        for part in parts:
            part[begun:end] = part.index_select(0, parents)
        if found is not None:
            found[begun:end, :t] = found[parents, :t]

    def _advance(self, t: int, end: int) -> None:
        """The step of the first rows."""
        step, cell = self.trajectory.steps[t], self.trajectory.cell
        samples, state, memory = self.samples[:end], self._state[:end], self._memory[:end]
        sums = self._sums[:end]
        torch.index_select(step.sums, 0, step.of.index_select(0, samples), out=sums)
        if t:
            before, change = self.trajectory.steps[t - 1], self._change[:end]
            torch.index_select(before.state, 0, before.of.index_select(0, samples), out=change)
            # Golden sums and what differences make of them, so that no difference makes none.
            torch.sub(state, change, out=change)
            whole = self._change[: end + -end % _ALIGNED]
            sums[:, cell.recurrent].add_(product(whole, self._recurrent)[:end])
        more = self._more(t, end)
        line, entries = self._sums.view(-1), self._entries[:end]
        line.index_add_(0, entries, more)
        if self._noise is None:
            cell.advance(sums, state, memory)
            return
        self.rounded[:end].logical_or_(self._noise.decides(more))
        kept = self._memory.view(-1).index_select(0, self._sources[:end])
        cell.advance(sums, state, memory)
        self._noise.advance(line, kept)

    def _more(self, t: int, end: int) -> Tensor:
        """What each change adds to its column."""
        by = self.changes.by[:end]
        if self.changes.sources is None:
            return by
        seen = self._state if self.changes.side == 1 else self.trajectory.inputs_by_step[t]
        return by * seen.view(-1).index_select(0, self._sources[:end])


class _Noise:
    """The rounding in the states by which huge weights are multiplied, of some rows.

    ``kept`` is what is in the memory of the source of each, ``noise`` what the weight makes of it.
    """

    def __init__(self, changes: WeightChanges, factors: Tensor, gates: Tensor) -> None:
        self._cell, self._factors, self._gates = changes.trajectory.cell, factors, gates
        self.kept, self.noise = torch.zeros_like(factors), torch.zeros_like(factors)

    @classmethod
    def of(cls, changes: WeightChanges, huge: Tensor) -> "_Noise":
        """None so far, in rows of which some weights are ``huge``."""
        assert changes.sources is not None
        hidden, by = changes.trajectory.cell.hidden, changes.by.abs()
        numbers = torch.arange(len(by), device=by.device) * (4 * hidden)
        parts = torch.arange(4, device=by.device) * hidden
        gates = (numbers + changes.sources)[:, None] + parts
        return cls(changes, by.where(huge, 0), gates.view(-1))

    def decides(self, more: Tensor) -> Tensor:
        """In which of the first rows rounding decides what is added to their sums."""
        noise = self.noise[: len(more)]
        # A gate is known where it is saturated whatever the rounding is, and where that is too
        # little to matter.
        return (noise > _NOISE) & (more.abs() < _SATURATION + 2 * noise)

    def advance(self, gates: Tensor, memory: Tensor) -> None:
        """A step of the first rows: ``gates`` in one line, what the sources remembered before."""
        end = len(memory)
        own = gates.index_select(0, self._gates[: 4 * end]).view(end, 4)
        error = self._cell.rounding(own.unbind(1), memory, self.kept[:end])
        self.kept[:end] = error.kept
        torch.mul(self._factors[:end], error.state, out=self.noise[:end])
