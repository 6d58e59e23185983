"""What do changed words of a recurrent layer make of its gates, and how much at most?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.engines.first_order.goals import Goal
from radhard.engines.first_order.gradient_weights import MarginGradients
from radhard.engines.first_order.outlook import Outlook
from radhard.replay.recurrent.recurrent_cell import Side
from radhard.replay.word_change import WordChange
from radhard.space import Numbers

__all__ = ["GateWords"]


@dataclass(frozen=True)
class GateWords:
    """Changes of words of a recurrent layer, as they show in its gates, in all time steps.

    Each adds ``by``, times what it finds in row ``sources`` of ``seen`` (None: a bias, added to
    every time step of every sample alike), to one of the ``columns``.
    """

    weights: MarginGradients
    columns: Tensor
    by: Tensor
    seen: Tensor | None
    sources: Tensor

    @classmethod
    def of(
        cls,
        outlook: Outlook,
        goal: Goal,
        weights: MarginGradients,
        place: int,
        changes: Sequence[WordChange],
    ) -> "GateWords":
        """Changes of words of the parameter of a site, whose goal is at the gates."""
        plan, gates, like = outlook.plan, weights.gates, weights.weight
        assert gates is not None
        node = plan.replayer.graph.nodes[goal.steps[0]]
        (slot,) = plan.replayer.slots[place]
        argument = next(
            n for n, arg in enumerate(node.args) if getattr(arg, "number", None) == slot
        )
        side: Side = 1 if argument in (2, 4) else 0
        rows = [gates.cell.column(side, change.at[0]) for change in changes]
        columns = torch.tensor(rows, dtype=torch.int64, device=like.device)
        by = torch.tensor([change.difference for change in changes], dtype=like.dtype)
        seen = None if argument > 2 else gates.before if side == 1 else gates.inputs
        sources = torch.tensor(
            [0 if seen is None else change.at[1] for change in changes],
            dtype=torch.int64,
            device=like.device,
        )
        return cls(weights, columns, by.to(like.device), seen, sources)

    def effects(self, groups: Numbers | None = None) -> tuple[Tensor, Tensor]:
        """The change of each margin as a share of the margin, and the norm of the difference.

        ``groups``: the group of each, ascending, if several occur together in a column.
        """
        gates, like, by = self.weights.gates, self.weights.weight, self.by[:, None, None]
        assert gates is not None
        columns = self.columns
        if self.seen is None:
            change = by.repeat(1, *like.shape[1:])
        else:
            change = self.seen.index_select(0, self.sources).mul_(by)
        if groups is not None:
            of = torch.from_numpy(groups).to(like.device)
            sums = change.new_zeros(int(groups[-1]) + 1, *change.shape[1:])
            change = sums.index_add_(0, of, change)
            columns = columns[torch.from_numpy(np.flatnonzero(np.diff(groups, prepend=-1)))]
        difference = gates.difference(columns, change)
        length = torch.linalg.vector_norm(difference, dim=2)
        moved = difference.mul_(like.index_select(0, columns)).abs_().sum(dim=2)
        return moved, length

    def bounds(self) -> tuple[Tensor, Tensor]:
        """Upper bounds on the same, without the gates: these are no steeper than their slopes.

        The sum over the time steps is at most the product of two norms (Cauchy-Schwarz).
        """
        gates, by = self.weights.gates, self.by.abs()[:, None]
        assert gates is not None
        if self.seen is None:
            seen = torch.full_like(by, self.weights.weight.shape[2] ** 0.5)
        else:
            seen = torch.linalg.vector_norm(self.seen, dim=2).index_select(0, self.sources)
        length = by * seen * gates.slopes.index_select(0, self.columns)[:, None]
        weight = self.weights.over_steps
        return length * weight.index_select(0, self.columns), length
