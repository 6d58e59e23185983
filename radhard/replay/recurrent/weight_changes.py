"""What does a changed weight or bias make of the states of a recurrent layer, step by step?"""

from collections.abc import Sequence
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

    def meets(self, owner: Tensor, samples: Tensor) -> Tensor:
        """Which rows have a source that is not always zero, as far as that is known before."""
        if self.sources is None or self.side == 1:
            return torch.ones(len(owner), dtype=torch.bool, device=owner.device)
        return self.trajectory.present[samples, self.sources[owner]]

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
    for some in _blocks(changes, owner, changes.meets(owner, samples).nonzero().squeeze(1)):
        followed = _Followed(changes, owner[some], samples[some], last=last)
        states, rows = followed.run(), some[followed.branches.rows]
        # Where nothing differed the states are golden, whatever a kernel makes of their place.
        differs = followed.differs.nonzero().squeeze(1)
        values.index_copy_(0, rows[differs], states.index_select(0, differs))
        rounded[rows] = followed.rounded
    return FaultyStates(values, rounded)


def _blocks(changes: WeightChanges, owner: Tensor, rows: Tensor) -> Sequence[Tensor]:
    """Rows that go through the steps together, as many in each."""
    huge = changes.huge
    if huge is not None:
        # Those of huge weights first, as in few blocks as can be: there rounding is followed.
        rows = rows[huge[owner[rows]].logical_not().argsort(stable=True)]
    return rows.tensor_split(max(1, -(-len(rows) // _ROWS)))


class _Followed:
    """Some rows on their way through the steps, in the order of their branches."""

    def __init__(
        self, changes: WeightChanges, owner: Tensor, samples: Tensor, *, last: bool
    ) -> None:
        self.trajectory = trajectory = changes.trajectory
        self.branches = branches = Branches.of(trajectory, owner, samples)
        self.changes, self.samples = changes.of(owner[branches.rows]), samples[branches.rows]
        hidden, like, many = trajectory.cell.hidden, trajectory.inputs, len(samples)
        self.differs = torch.zeros(many, dtype=torch.bool, device=samples.device)
        self.rounded = self.differs.clone()
        self._room = many + -many % _ALIGNED
        self._state, self._memory, self._change = like.new_zeros(3, self._room, hidden)
        self._sums = like.new_empty(self._room, 4 * hidden)
        self._recurrent = trajectory.recurrent.contiguous()
        # Where each change lies in the sums, row after row in one line, and where its source does.
        numbers = torch.arange(many, device=samples.device)
        self._entries = numbers * (4 * hidden) + self.changes.columns
        if self.changes.sources is not None:
            wide = numbers * hidden if changes.side == 1 else self.samples * like.shape[2]
            self._sources = wide + self.changes.sources
        huge = self.changes.huge
        self._noise = None if huge is None else _Noise.of(self.changes, huge)
        self._found = None if last else like.new_empty(many, len(trajectory.steps), hidden)

    def run(self) -> Tensor:
        """The states of all rows."""
        begun = 0
        for t, end in enumerate(self.branches.ends):
            if t:
                self._branch(t, begun, end)
            self._advance(t, end)
            if self._found is not None:
                self._found[:end, t] = self._state[:end]
            begun = end
        # What is left is equal to another row in every step.
        self._branch(len(self.branches.ends), begun, len(self.samples))
        return self._state[: len(self.samples)] if self._found is None else self._found

    def _branch(self, t: int, begun: int, end: int) -> None:
        """Let rows go on from what their parents have come to before a step."""
        if begun == end:
            return
        parents = self.branches.parents[begun:end]
        parts = [self._state, self._memory, self.differs, self.rounded]
        parts += [] if self._noise is None else [self._noise.kept, self._noise.noise]
        for part in parts:
            part[begun:end] = part.index_select(0, parents)
        if self._found is not None:
            self._found[begun:end, :t] = self._found[parents, :t]

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
        without = line.index_select(0, entries)
        changed = without + more
        # Rounded as the sum is: a change below half a last bit changes no gate.
        self.differs[:end].logical_or_(changed != without)
        line.scatter_(0, entries, changed)
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
