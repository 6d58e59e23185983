"""Which predictions are inferred to be unchanged by a faulty parameter?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.engines.bracket.lines import Flags
from radhard.engines.first_order.bounds import Bounds, share_of
from radhard.engines.first_order.effects_by_uses import effects_by_uses
from radhard.engines.first_order.gate_words import GateWords
from radhard.engines.first_order.goals import Goal
from radhard.engines.first_order.gradient_weights import MarginGradients
from radhard.engines.first_order.outlook import Outlook
from radhard.replay.crop import crop
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.patch import Patch
from radhard.replay.propagation import propagate
from radhard.replay.replayer import Replayer
from radhard.replay.word_change import WordChange, changed_output
from radhard.space import Numbers

__all__ = ["Effects", "effects", "unchanged"]

_ELEMENTS = 2**20
"""Elements evaluated together; beyond a few times the cache, nothing is gained."""


@dataclass(frozen=True)
class Effects:
    """What some changes do to some samples, to first order, both ``(changes, samples)``."""

    changes: slice
    """Which changes; or which groups of those that occur together."""
    samples: slice
    moved: Tensor
    """The change of the margins, as a share of these, at most; infinite where it is not known."""
    reached: Tensor
    """The norm of the difference as a share of that of the golden value."""


def unchanged(outlook: Outlook, place: int, changes: Sequence[WordChange], bounds: Bounds) -> Flags:
    """Where the prediction is inferred to be unchanged, ``(changes, samples)``."""
    samples = len(outlook.plan.replayer.golden_outputs)
    stays = np.zeros((len(changes), samples), dtype=bool)
    if outlook.goals[place].gates:
        stays[:] = _surely_unchanged(outlook, place, changes, bounds)[:, None]
    left = np.flatnonzero(~stays.all(axis=1))
    for part in effects(outlook, place, [changes[n] for n in left.tolist()]):
        held = bounds.hold(part.moved, part.reached)
        stays[left[part.changes], part.samples] = held.cpu().numpy()
    return stays


def _surely_unchanged(
    outlook: Outlook, place: int, changes: Sequence[WordChange], bounds: Bounds
) -> Flags:
    """For which changes no gate has to be computed to infer this for all samples."""
    replayer, goal = outlook.plan.replayer, outlook.goals[place]
    sure = np.ones(len(changes), dtype=bool)
    for piece in replayer.pieces:
        weights = outlook.weights(piece).get((goal.slot, True))
        if weights is None:
            return np.zeros_like(sure)
        moved, length = GateWords.of(outlook, goal, weights, place, changes).bounds()
        held = bounds.hold(moved, share_of(length, weights.length))
        sure &= held.all(dim=1).cpu().numpy()
    return sure


def effects(
    outlook: Outlook, place: int, changes: Sequence[WordChange], firsts: Numbers | None = None
) -> Iterator[Effects]:
    """The effects of changes of words of a site on all samples, some at a time.

    The effect of a change is bounded by the sum of its differences times the weights, in absolute
    value, so that differences of opposite sign do not cancel. ``firsts``, if given, are where
    groups of changes begin that occur together, in one channel of the output each.
    """
    plan, goal = outlook.plan, outlook.goals[place]
    replayer = plan.replayer
    alone = firsts is None
    edges = np.append(np.arange(len(changes)) if firsts is None else firsts, len(changes))
    for piece in replayer.pieces:
        known = outlook.weights(piece)
        if not all((slot, goal.gates) in known for slot in goal.slots):
            # Behind the site, samples depend on each other.
            every = (len(edges) - 1, piece.stop - piece.start)
            unknown = torch.full(every, torch.inf, device=replayer.golden_outputs.device)
            yield Effects(slice(0, len(edges) - 1), piece, unknown, unknown)
            continue
        if goal.uses:
            assert alone, "what several uses make of changes adds up without being joined"
            for some, *found in effects_by_uses(outlook, place, changes, piece):
                yield Effects(some, piece, *found)
            continue
        weights = known[goal.slot, goal.gates]
        samples = piece.stop - piece.start
        # Gates are weighed in all time steps at once, other values by channel.
        each = samples * (
            weights.weight.shape[2] if goal.gates else _spot(replayer.golden(piece), goal)
        )
        size = max(1, _ELEMENTS // each)
        measure = _at_gates if goal.gates else _at_values
        for at in range(0, len(edges) - 1, size):
            some = slice(at, min(at + size, len(edges) - 1))
            here = changes[edges[some.start] : edges[some.stop]]
            counts = np.diff(edges[some.start : some.stop + 1])
            groups = None if (counts == 1).all() else np.repeat(np.arange(len(counts)), counts)
            moved, length = measure(outlook, goal, weights, place, here, piece, groups)
            yield Effects(some, piece, moved, share_of(length, weights.length))


def _spot(golden: dict[int, Tensor], goal: Goal) -> int:
    """Approximate number of elements of one channel of a sample."""
    shape = golden[goal.slot].shape
    return max(1, int(np.prod(shape[2:])))


def _at_values(
    outlook: Outlook,
    goal: Goal,
    weights: MarginGradients,
    place: int,
    changes: Sequence[WordChange],
    piece: slice,
    groups: Numbers | None,
) -> tuple[Tensor, Tensor]:
    """The change of each margin as a share of the margin, and the norm of the difference."""
    replayer = outlook.plan.replayer
    samples = piece.stop - piece.start
    golden = replayer.golden(piece)
    if len(changes) > 1:
        state = _tiled(replayer, piece, len(changes))
    else:
        state = FaultyPass(replayer.graph, golden)
    first = replayer.graph.nodes[goal.steps[0]]
    patch = changed_output(state, first, replayer.slots[place][0], list(changes))
    state.patches[first.slot] = patch
    if groups is not None:
        state = _joined(replayer, piece, state.delta(first.slot), first.slot, groups)
    if len(goal.steps) > 1:
        propagate(state, goal.steps[1:], goal.slot, drop=False)
    delta = state.delta(goal.slot)
    # Absolute values, so that differences of opposite sign do not cancel in the bound.
    sizes = delta.values.abs()
    length = torch.linalg.vector_norm(sizes.flatten(1), dim=1)
    moved = (sizes * crop(weights.weight, state.rows, delta.starts, sizes)).flatten(1).sum(dim=1)
    return moved.view(-1, samples), length.view(-1, samples)


def _tiled(replayer: Replayer, piece: slice, many: int) -> FaultyPass:
    """A pass of all samples of a piece, once for each of many changes."""
    golden, samples = replayer.golden(piece), piece.stop - piece.start
    device = replayer.golden_outputs.device
    rows = torch.arange(samples, device=device).repeat(many)
    owner = torch.arange(many, device=device).repeat_interleave(samples)
    state = FaultyPass(replayer.graph, golden, rows, owner)
    # All golden rows in order, once for each change: differences are added without an index.
    state.tiles = many
    return state


def _joined(
    replayer: Replayer, piece: slice, delta: Patch, slot: int, groups: Numbers
) -> FaultyPass:
    """A pass in which the differences of the changes of each group are added up."""
    samples, many = piece.stop - piece.start, int(groups[-1]) + 1
    of = torch.from_numpy(groups).to(delta.values.device)
    each = delta.values.reshape(len(groups), samples, -1)
    sums = each.new_zeros(many, *each.shape[1:]).index_add_(0, of, each)
    # All changes of a group are in one place.
    firsts = torch.from_numpy(np.flatnonzero(np.diff(groups, prepend=-1))).to(of.device)
    rows = (firsts[:, None] * samples + torch.arange(samples, device=of.device)).flatten()
    starts = tuple(at[rows] if isinstance(at, Tensor) else at for at in delta.starts)
    state = _tiled(replayer, piece, many)
    values = sums.view(many * samples, *delta.values.shape[1:])
    golden = crop(state.golden[slot], state.rows, starts, values)
    state.patches[slot] = Patch(golden + values, starts, own=True)
    return state


def _at_gates(
    outlook: Outlook,
    goal: Goal,
    weights: MarginGradients,
    place: int,
    changes: Sequence[WordChange],
    piece: slice,  # noqa: ARG001
    groups: Numbers | None,
) -> tuple[Tensor, Tensor]:
    """The same for the outputs of the gates of a recurrent layer, in all time steps."""
    return GateWords.of(outlook, goal, weights, place, changes).effects(groups)
