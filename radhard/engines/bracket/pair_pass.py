"""What are the predictions for single samples, each with its own fault in one parameter?"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.engines.bracket.lines import Floats, Predictions
from radhard.engines.bracket.passes import predictions_of
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.propagation import propagate
from radhard.replay.repeated_change import RepeatedChange
from radhard.replay.word_change import changed_rows
from radhard.space import Numbers

__all__ = ["PairPass"]

aten: Any = torch.ops.aten

_CONVOLUTION, _MATRIX = aten.conv2d.default, aten.linear.default


class PairPass:
    """Forward passes in which each row is a sample with its own changed word of one parameter.

    Audits draw pairs of a trial and a sample. A pass for each of these trials would compute all
    samples of the operation; here each row computes only its own pair.
    """

    def __init__(self, plan: ReplayPlan, place: int, rows: int) -> None:
        self._plan, self._rows, self._steps = plan, rows, plan.replayer.steps(place)
        self.possible = bool(self._steps) and plan.replayer.shares_passes(place)
        """Whether many such rows can share a pass."""
        self._uses = plan.replayer.uses(place)
        if self.possible and not self._uses:
            self._node = plan.replayer.graph.nodes[self._steps[0]]
            slot = plan.replayer.slots[place][0]
            args = self._node.args
            self._argument = next(
                n for n, arg in enumerate(args) if getattr(arg, "number", None) == slot
            )
            # A linear layer on sequences changes a column of all positions, not one value.
            flat = len(plan.replayer.shapes.get(self._node.slot, ())) == 1
            op = self._node.op
            self.possible = op is _CONVOLUTION or (op is _MATRIX and flat)

    def __call__(self, at: tuple[Numbers, ...], by: Floats, samples: Numbers) -> Predictions:
        """The predictions ``(rows,)``; see `outputs`."""
        golden = self._plan.panel.golden
        rows = torch.from_numpy(samples).to(golden.outputs.device)
        return predictions_of(self.outputs(at, by, samples), golden, rows)

    def outputs(self, at: tuple[Numbers, ...], by: Floats, samples: Numbers) -> Tensor:
        """The outputs ``(rows, ...)``; words are ``at`` these coordinates, and change by ``by``."""
        replayer = self._plan.replayer
        # Rows whose difference vanishes keep the golden outputs.
        found = replayer.golden_outputs[torch.from_numpy(samples)].clone()
        for piece in replayer.pieces:
            here = np.flatnonzero((samples >= piece.start) & (samples < piece.stop))
            values = replayer.golden(piece)
            for start in range(0, len(here), self._rows):
                some = here[start : start + self._rows]
                rows = torch.from_numpy(samples[some] - piece.start).to(
                    replayer.golden_outputs.device
                )
                owner = torch.arange(len(some), device=rows.device)
                state = FaultyPass(replayer.graph, values, rows, owner, grouped=False)
                where = tuple(torch.from_numpy(axis[some]).to(rows.device) for axis in at)
                size = torch.from_numpy(by[some]).to(replayer.golden_outputs)
                change = None
                if self._uses:
                    source = where[1] if len(where) > 1 else None
                    change = RepeatedChange(self._uses, where[0], source, size)
                else:
                    patch = changed_rows(state, self._node, self._argument, where, size)
                    state.patches[self._node.slot] = patch
                if propagate(state, self._steps, drop=True, change=change) is None:
                    continue
                assert state.owner is not None
                left = torch.from_numpy(some).to(found.device)[state.owner]
                found[left] = state.whole(replayer.graph.output)
        return found
