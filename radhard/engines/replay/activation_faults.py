"""How are faults in values of single samples executed, many in one pass?"""

import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.engines.base import Figures
from radhard.engines.replay.cache_faults import cache_passes
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.replay.register_faults import register_passes
from radhard.engines.replay.sample_faults import SampleFaults
from radhard.engines.replay.state_faults import state_pass
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.overflow import may_overflow
from radhard.replay.patch import Patch, Start
from radhard.replay.propagation import propagate
from radhard.replay.replayer import ELEMENTS
from radhard.space import Numbers

__all__ = ["flowing", "in_every_sample"]


def flowing(plan: ReplayPlan, trials: Numbers, rows: int, *, by_order: bool = True) -> Figures:
    """The figures of trials with one faulty activation, state or register, of one sample each.

    A pass has at most ``rows`` rows. With ``by_order``, `Serial` executes trials whose overflow may
    depend on the order of summation.
    """
    campaign = plan.campaign
    places, words, variants = campaign.space.locate(campaign.trials.at(trials))
    # Words are numbered sample by sample.
    inner = np.array([math.prod(campaign.space.sites[place].shape) for place in places.tolist()])
    samples = words // inner
    outputs, risky = _outputs(plan, places, samples, words % inner, variants, rows)
    figures = plan.panel.score_samples(outputs, torch.from_numpy(samples))
    for number in np.flatnonzero(risky).tolist() if by_order else ():
        figures[number] = plan.reference.figures(int(trials[number]))[0]
    return figures


def in_every_sample(plan: ReplayPlan, trials: Numbers, rows: int) -> Figures:
    """The figures of trials with one value that is faulty at the same place in every sample.

    As `flowing`, with a row for each sample of each trial.
    """
    campaign, golden = plan.campaign, plan.replayer.golden_outputs
    faults = campaign.trials.at(trials)
    places, words, variants = (
        np.repeat(part, len(golden)) for part in campaign.space.locate(faults)
    )
    samples = np.tile(np.arange(len(golden)), len(trials))
    outputs, risky = _outputs(plan, places, samples, words, variants, rows)
    outputs = outputs.reshape(len(trials), *golden.shape)
    outputs = plan.golden_where(campaign.absent(faults), outputs)
    figures = plan.panel.score(outputs)
    for number in np.flatnonzero(risky.reshape(len(trials), -1).any(axis=1)).tolist():
        figures[number] = plan.reference.figures(int(trials[number]))[0]
    return figures


def _outputs(
    plan: ReplayPlan,
    places: Numbers,
    samples: Numbers,
    words: Numbers,
    variants: Numbers,
    most: int,
) -> tuple[Tensor, npt.NDArray[np.bool_]]:
    """The outputs of one sample each, ``(rows, ...)``, with a fault, and which may overflow.

    Every fault is a row of a batch. At each bottleneck of the graph, where all paths meet in one
    value, rows from different tensors whose differences are windows of the same size are joined,
    so that few passes continue from there; a pass has at most ``most`` rows. Rows whose difference
    vanishes need no second look, however large their faulty value was. ``words`` are those of a
    sample.
    """
    replayer = plan.replayer
    # Row by row golden; rows that never reach the output, because their difference vanished, stay
    # so.
    outputs = replayer.golden_outputs[torch.from_numpy(samples)]
    risky, touched = torch.zeros(len(places), dtype=torch.bool), torch.zeros(len(places)).bool()
    for piece in replayer.pieces:
        here = (samples >= piece.start) & (samples < piece.stop)
        if not here.any():
            continue
        values = replayer.golden(piece)
        entering: dict[int, list[FaultyPass]] = defaultdict(list)
        for place in np.unique(places[here]).tolist():
            some = np.flatnonzero(here & (places == place))
            faults = SampleFaults(
                plan, place, values, some, samples[some] - piece.start, words[some], variants[some]
            )
            if replayer.has_cache(place):
                for state, large in cache_passes(faults, most):
                    assert state.owner is not None
                    outputs[state.owner] = state.whole(replayer.graph.output)
                    risky[state.owner], touched[state.owner] = large, True
                continue
            if replayer.has_registers(place):
                enter = register_passes
            else:
                enter = state_pass if place in replayer.state_nodes else _faulty_pass
            for state, large in enter(faults):
                assert state.owner is not None
                risky[state.owner] = large
                # Under the first operation that reads the tensor; -1 if none does, as of the output
                # itself.
                entering[replayer.steps(place)[0] if replayer.steps(place) else -1].append(state)
        for state in _through(plan, entering, most):
            assert state.owner is not None
            outputs[state.owner] = state.whole(replayer.graph.output)
            touched[state.owner] = True
    return outputs, (risky & touched).numpy()


def _faulty_pass(faults: SampleFaults) -> Iterator[tuple[FaultyPass, Tensor]]:
    """A pass with faults in one tensor, and which values may overflow.

    Nothing if no fault changes a value.
    """
    replayer, golden = faults.plan.replayer, faults.golden
    (slot,), shape = replayer.slots[faults.place], replayer.sites[faults.place].shape
    rows = torch.from_numpy(faults.samples)
    starts = tuple(torch.from_numpy(axis) for axis in np.unravel_index(faults.words, shape))
    before = golden[slot][(rows, *starts)]
    after = faults.values(before)
    # NaN differs from itself, so that a value that becomes NaN counts as moved.
    moved = (after != before).nonzero().squeeze(1)
    if not len(moved):
        return
    owner = torch.from_numpy(faults.owners)[moved]
    state = FaultyPass(replayer.graph, golden, rows[moved], owner, grouped=False)
    values = after[moved].reshape(-1, *[1] * len(shape))
    state.patches[slot] = Patch(values, tuple(start[moved] for start in starts))
    yield state, may_overflow(after[moved])


def _through(
    plan: ReplayPlan, entering: dict[int, list[FaultyPass]], most: int
) -> list[FaultyPass]:
    """Propagate rows to the output, from one bottleneck of the graph to the next."""
    graph = plan.replayer.graph
    waiting: list[FaultyPass] = []
    there = entering.pop(-1, [])  # faults in the output itself
    begin = 0
    for end, slot in plan.replayer.bottlenecks:
        steps = range(begin, end + 1)
        arrived = []
        # Rows that were joined at the bottleneck before go on beside those that begin in this
        # section.
        for state in waiting + [state for at in steps for state in entering.pop(at, [])]:
            size = max(
                1, min(most, ELEMENTS // plan.replayer.section(begin, end).elements(state.patches))
            )
            for part in _parts(state, size):
                if propagate(part, steps, slot, drop=True) is not None:
                    arrived.append(part)
        waiting = _joined(arrived, slot)
        begin = end + 1
    assert not entering
    assert plan.replayer.bottlenecks[-1][1] == graph.output
    return waiting + there


def _parts(state: FaultyPass, size: int) -> list[FaultyPass]:
    assert state.rows is not None
    if len(state.rows) <= size:
        return [state]
    return [state.some(rows) for rows in torch.split(torch.arange(len(state.rows)), size)]


def _joined(passes: list[FaultyPass], slot: int) -> list[FaultyPass]:
    """Join passes whose differences in a slot have the same geometry."""
    alike: dict[tuple[object, ...], list[FaultyPass]] = defaultdict(list)
    for state in passes:
        patch = state.patches[slot]
        # A start that is one number holds for all rows and must be the same; starts by row are
        # simply put one after another.
        starts = tuple("each" if isinstance(s, Tensor) else s for s in patch.starts)
        alike[(patch.values.shape[1:], *starts)].append(state)
    return [group[0] if len(group) == 1 else _one(group, slot) for group in alike.values()]


def _one(passes: list[FaultyPass], slot: int) -> FaultyPass:
    first = passes[0]
    patches = [state.patches[slot] for state in passes]
    rows, owner = ([getattr(state, of) for state in passes] for of in ("rows", "owner"))
    state = FaultyPass(first.graph, first.golden, torch.cat(rows), torch.cat(owner), grouped=False)
    starts: list[Start] = []
    for axis, start in enumerate(patches[0].starts):
        own = [patch.starts[axis] for patch in patches]
        tensors = [s for s in own if isinstance(s, Tensor)]
        starts.append(torch.cat(tensors) if tensors else start)
    state.patches[slot] = Patch(torch.cat([p.values for p in patches]), tuple(starts))
    return state
