"""What are the predictions for some samples under some faults?"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from radhard.engines.bracket.lines import Flags, Floats, Predictions
from radhard.engines.replay.plan import ReplayPlan
from radhard.metrics.logits import real
from radhard.metrics.outputs import Faulty, Golden
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.word_change import WordChange, computes_rows
from radhard.space import Numbers

__all__ = ["Passes", "predictions_of"]

_ELEMENTS = 2**22
"""Elements of the largest value in one pass; beyond a few times the cache, nothing is gained."""

_CHANGES = 128
"""Maximum number of changes in one pass, since each starts with all samples."""

_CHANGES_BY_ROW = 1024
"""The same where the first operation computes only the samples that are requested."""


_End = tuple[Numbers, Tensor, Tensor]
"""The change and the sample of each row at the end of a pass, and its output."""


class Passes:
    """Forward passes that start at the words of one stored tensor, for requested samples.

    Up to ``rows`` samples of several changes share a pass if the graph allows it.
    """

    def __init__(self, plan: ReplayPlan, place: int, rows: int) -> None:
        self.plan, self.place = plan, place
        self.golden: Predictions = predictions_of(plan.replayer.golden_outputs, plan.panel.golden)
        self._together = plan.replayer.shares_passes(place)
        self.rows = max(1, min(rows, _ELEMENTS // plan.replayer.largest(place)))
        steps = plan.replayer.steps(place)
        early = bool(steps) and computes_rows(plan.replayer.graph.nodes[steps[0]])
        self.by_row = early and self._together
        """Whether nothing is computed of samples that are not requested."""
        self._most = _CHANGES_BY_ROW if early else _CHANGES
        self.rounded: set[int] = set()
        """Of the changes last executed, those whose predictions depend on rounding, which depends
        on the order of summation."""

    def __call__(self, changes: list[WordChange], requested: Flags) -> tuple[Predictions, Floats]:
        """The predictions for each change, ``(changes, samples)``, and their headroom.

        See `Evaluate` for headroom; predictions that are not requested are golden.
        """
        found = np.tile(self.golden, (len(changes), 1))
        headroom = np.full(found.shape, np.inf)
        golden = self.plan.panel.golden
        for of, samples, outputs in self._ends(changes, requested):
            at = of, samples.cpu().numpy()
            found[at] = predictions_of(outputs, golden, samples)
            headroom[at] = _headroom(outputs, golden, samples)
        return found, headroom

    def outputs(self, changes: list[WordChange], requested: Flags) -> Tensor:
        """The outputs of the requested samples, change after change: ``(requested, ...)``."""
        codes = np.flatnonzero(requested)
        samples = torch.from_numpy(codes % requested.shape[1])
        found = self.plan.replayer.golden_outputs[samples].clone()
        for of, rows, outputs in self._ends(changes, requested):
            code = of * requested.shape[1] + rows.cpu().numpy()
            # Rows that nobody requested may still be there.
            own = np.flatnonzero(requested.reshape(-1)[code])
            at = np.searchsorted(codes, code[own])
            found[torch.from_numpy(at)] = outputs[torch.from_numpy(own)]
        return found

    def _ends(self, changes: list[WordChange], requested: Flags) -> Iterator[_End]:
        """What comes out for the requested samples, except where the difference vanished."""
        self.rounded.clear()
        for piece in self.plan.replayer.pieces:
            here = requested[:, piece]
            self.plan.replayer.golden(piece)
            todo = np.flatnonzero(here.any(axis=1))
            for some in self._groups(here, todo):
                if (end := self._pass(piece, changes, some, here)) is not None:
                    yield end

    def _groups(self, requested: Flags, todo: np.ndarray) -> list[np.ndarray]:
        """Groups of changes that share a pass, with at most as many rows as fit."""
        if not self._together:
            return [todo[at : at + 1] for at in range(len(todo))]
        groups: list[list[int]] = []
        # More than fit, so that the first change opens a group.
        rows = self.rows + 1
        for change, more in zip(todo.tolist(), requested[todo].sum(axis=1).tolist(), strict=True):
            rows += more
            if rows > self.rows or len(groups[-1]) == self._most:
                groups.append([])
                rows = more
            groups[-1].append(change)
        return [np.array(group) for group in groups]

    def _pass(
        self,
        piece: slice,
        changes: list[WordChange],
        some: np.ndarray,
        requested: Flags,
    ) -> _End | None:
        plan = self.plan
        replayer = plan.replayer
        samples, device = piece.stop - piece.start, replayer.golden_outputs.device
        state = FaultyPass(replayer.graph, replayer.golden(piece), exact=replayer.exact)
        only = None
        if self.by_row:
            owners, numbers = np.nonzero(requested[some])
            state.owner, state.rows = (
                torch.from_numpy(part).to(device) for part in (owners, numbers)
            )
            state.tiles = 0
        elif len(some) > 1:
            state.rows = torch.arange(samples, device=device).repeat(len(some))
            state.owner = torch.arange(len(some), device=device).repeat_interleave(samples)
            state.tiles = len(some)
        if not self.by_row:
            # Rows that nobody requested leave at the first operation, in which they are cheap.
            only = torch.from_numpy(requested[some].reshape(-1)).to(device)
        changed = [changes[n] for n in some]
        end = replayer.carry(state, self.place, changed, drop=self._together, only=only)
        self.rounded |= set(some[list(state.rounded)].tolist())
        # The difference vanished on the way: the outputs are golden.
        if end is None:
            return None
        rows = torch.arange(samples, device=device) if state.rows is None else state.rows
        owner = torch.zeros_like(rows) if state.owner is None else state.owner
        return some[owner.cpu().numpy()], rows + piece.start, state.whole(replayer.graph.output)


def _headroom(outputs: Tensor, golden: Golden, rows: Tensor) -> Floats:
    """By which factor the change of the outputs must grow for another class to have the top logit.

    Changes of either sign count: the result is the smallest ratio, over the other classes, of the
    golden margin to the absolute change of the margin. Infinite if nothing changed.
    """
    if golden.classes is None:
        return np.full(len(outputs), np.inf)
    before, top = golden.logits[rows], golden.top1[rows][:, None]
    after = golden.scores(real(outputs))
    change = after - before
    margin = before.gather(1, top) - before
    # Of the margins, not of the logits: a change that moves all logits alike changes no prediction.
    change = (change.gather(1, top) - change).abs()
    times = (margin / change).masked_fill(change == 0, torch.inf).scatter(1, top, torch.inf)
    # 0 / 0 is a tie that does not move, and infinity less infinity is unknown: both count as no
    # headroom.
    least = times.amin(dim=1).nan_to_num(0.0, posinf=torch.inf)
    found: Floats = least.double().cpu().numpy()
    return found


def predictions_of(outputs: Tensor, golden: Golden, rows: Tensor | None = None) -> Predictions:
    """The prediction of every output, -1 if it contains NaN."""
    faulty = Faulty(real(outputs).unsqueeze(1), golden, rows)
    found: Predictions = (
        torch.where(faulty.nan, -1, faulty.top1)[:, 0].cpu().numpy().astype(np.int32)
    )
    return found
