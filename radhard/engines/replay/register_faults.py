"""How are faults in registers of an accelerator executed, many in one pass?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from radhard.accelerators import Accelerator, IntegerLayer, Register, RegisterUse
from radhard.engines.base import Figures
from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.plan import ReplayPlan
from radhard.engines.replay.sample_faults import SampleFaults
from radhard.replay.deviation import Deviation
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.overflow import may_overflow
from radhard.space import Numbers
from radhard.targets.registers import Registers, layer_of, register_of

__all__ = ["deviations", "in_registers", "register_passes"]

_ELEMENTS = 2**22
"""Differences of sums that are computed at a time."""


def in_registers(plan: ReplayPlan, place: int, trials: Numbers, most: int) -> Figures:
    """The figures of trials with one faulty register word each, in the inference of every sample.

    What a fault does to the layer's output follows in closed form; from there on the difference is
    propagated, up to ``most`` samples of several trials in a pass.
    """
    replayer, space = plan.replayer, plan.campaign.space
    faults = plan.campaign.trials.at(trials)
    _, words, variants = space.locate(faults)
    outputs = replayer.golden_outputs.expand(len(trials), *replayer.golden_outputs.shape).clone()
    # Trials in which the output of the layer is so large that sums behind it may overflow, in an
    # order that is not that of the model.
    risky = torch.zeros(len(trials), dtype=torch.bool)
    for piece in replayer.pieces:
        for which, found in deviations(plan, place, replayer.golden(piece), words, variants):
            deviation = replace(found, samples=found.samples + piece.start)
            faulty, extremes = replayer.outputs_and_extremes(place, deviation, rows=most)
            outputs[which, deviation.samples] = faulty
            risky[which[extremes]] = True
    outputs = plan.golden_where(plan.campaign.absent(faults), outputs)
    figures = plan.panel.score(outputs)
    for number in risky.nonzero().squeeze(1).tolist():
        figures[number] = plan.reference.figures(int(trials[number]))[0]
    return figures


def register_passes(faults: SampleFaults) -> Iterator[tuple[FaultyPass, Tensor]]:
    """Passes with faults in one register, and which values may overflow.

    Each fault that changes the layer's output is a row.
    """
    plan, golden, owner = faults.plan, faults.golden, torch.from_numpy(faults.owners)
    (slot,), of = plan.replayer.slots[faults.place], torch.from_numpy(faults.samples)
    for which, deviation in deviations(
        plan, faults.place, golden, faults.words, faults.variants, of
    ):
        rows = deviation.samples
        state = FaultyPass(plan.replayer.graph, golden, rows, owner[which], grouped=False)
        patch = deviation.on(golden[slot], rows)
        state.patches[slot] = patch
        yield state, may_overflow(patch.values).flatten(1).any(1)


def deviations(
    plan: ReplayPlan,
    place: int,
    golden: dict[int, Tensor],
    words: Numbers,
    variants: Numbers,
    one: Tensor | None = None,
) -> Iterator[tuple[Tensor, Deviation]]:
    """What deviates in the layer's output: the trial of each probe, and the deviation.

    ``golden`` are the values of some samples; ``one`` is the only faulty one of each trial.
    """
    region, replayer = plan.campaign.space.regions[place], plan.replayer
    site, target = region.site, region.target
    assert isinstance(target, Registers)
    (slot,) = replayer.slots[place]
    node = next(node for node in replayer.graph.nodes if node.slot == slot)
    inputs = golden[node.inputs[0]]
    layer_module = plan.campaign.workload.model.get_submodule(site.layer)
    layer = layer_of(layer_module, site, target.array, tuple(inputs.shape[1:]))
    faults = _RegisterFaults(plan, place, layer, inputs, words, variants)
    # A permanent fault alters a register in every cycle in which it is used, so that the sums of a
    # whole layer change; one trial is computed at a time. A transient one alters one cycle, whose
    # sums are the same in number for all trials.
    if target.duration == "permanent":
        yield from faults.permanent()
    else:
        yield from faults.transient(one)


@dataclass(frozen=True)
class _RegisterFaults:
    """A faulty word of one register in each trial, while a layer computes."""

    plan: ReplayPlan
    place: int
    layer: IntegerLayer
    inputs: Tensor
    """Of the layer, for some samples."""
    words: Numbers
    variants: Numbers

    @property
    def _array(self) -> Accelerator:
        target = self.plan.campaign.space.regions[self.place].target
        assert isinstance(target, Registers)
        return target.array

    @property
    def _register(self) -> Register:
        return register_of(self.plan.campaign.space.sites[self.place])

    def permanent(self) -> Iterator[tuple[Tensor, Deviation]]:
        """What deviates if the fault is there in every cycle in which the register is used."""
        layer, contents = self.layer, self.layer.contents(self.inputs)
        array, register = self._array, self._register
        for number, (word, variant) in enumerate(zip(self.words, self.variants, strict=True)):
            corrupt = partial(_corrupted, self.plan, self.place, int(word), int(variant))
            always = array.permanent_use(layer.layer.product, register, int(word))
            sums = contents.permanent_differences(always, corrupt)
            by = layer.layer.as_output(sums * layer.step).to(self.inputs.dtype)
            yield from _permanent_deviation(by, number)

    def transient(self, one: Tensor | None) -> Iterator[tuple[Tensor, Deviation]]:
        """What deviates if the fault is there in one cycle; ``one`` as in `deviations`."""
        layer, inputs = self.layer, self.inputs
        contents, product = layer.contents(inputs), layer.layer.product
        use = self._array.use(product, self._register, self.words)
        # In the other cycles the register holds nothing that is used, so that the outputs are
        # golden.
        here, use = np.flatnonzero(use.live), use.some(use.live)
        widths = {"input": product.columns, "weight": product.rows, "sum": product.depth}
        width = widths[use.content]
        each = (1 if one is not None else len(inputs)) * width
        size = max(1, _ELEMENTS // each)
        for at in range(0, len(here), size):
            mask = np.zeros(len(here), bool)
            mask[at : at + size] = True
            mine = here[mask]
            every = torch.arange(len(inputs))[None]
            samples_of = every if one is None else one[torch.from_numpy(mine)][:, None]
            some = use.some(mask)
            before = contents.held(some, samples_of)
            flat = before.reshape(-1)
            repeats = before.shape[1]
            after = faulty_values(
                self.plan.campaign.space,
                self.place,
                flat,
                np.repeat(self.words[mine], repeats),
                np.repeat(self.variants[mine], repeats),
            ).reshape(before.shape)
            by = contents.differences(some, samples_of, before, after)
            # Many differences are zero, as those of a weight that is multiplied by a zero; only the
            # others become rows of a pass.
            fault, column = by.ne(0).any(-1).nonzero(as_tuple=True)
            if not len(fault):
                continue
            samples = samples_of.expand(before.shape)[fault, column]
            deviation = _deviation(layer, some, by[fault, column], samples, fault, inputs.dtype)
            yield torch.from_numpy(mine)[fault], deviation


def _permanent_deviation(by: Tensor, number: int) -> Iterator[tuple[Tensor, Deviation]]:
    """The deviation of a layer's output ``(samples, ...)`` in one trial, where there is one."""
    deviating = by.flatten(1).ne(0).any(1).nonzero().squeeze(1)
    if len(deviating):
        everywhere = (None,) * (by.ndim - 1)
        trials = torch.full_like(deviating, number)
        yield trials, Deviation(deviating, everywhere, by[deviating])


def _corrupted(plan: ReplayPlan, place: int, word: int, variant: int, values: Tensor) -> Tensor:
    """What becomes of values that are all written to one register."""
    flat = values.reshape(-1)
    words, variants = (np.full(len(flat), number) for number in (word, variant))
    faulty = faulty_values(plan.campaign.space, place, flat, words, variants)
    return faulty.reshape(values.shape)


def _deviation(
    layer: IntegerLayer,
    use: RegisterUse,
    by: Tensor,
    samples: Tensor,
    fault: Tensor,
    dtype: torch.dtype,
) -> Deviation:
    """Differences of sums, ``(probes, outputs)``, as a deviation of the layer's output."""
    product, shape = layer.layer.product, layer.layer.output
    # The dataflow decides which element of the matrix product a cycle concerns; from here on it is
    # a place in the output of the layer, whose channels are groups times columns.
    group, row, column = (
        torch.from_numpy(np.ascontiguousarray(part))[fault]
        for part in (use.groups, use.rows[0], use.columns[0])
    )
    step = layer.step.expand(product.groups, 1, product.columns)[:, 0]
    channels_first = layer.layer.rows_first
    positions = shape[1:] if channels_first else shape[:-1]
    place = torch.unravel_index(row, positions) if positions else ()
    none = (None,) * len(positions)
    ones = (1,) * len(positions)
    # An input meets every weight of its row: all channels of its group, at one position. A weight
    # meets every position of one channel, and a partial sum is one element.
    if use.content == "input":
        by = (by * step[group]).to(dtype)
        values = by.new_zeros(len(by), product.groups, product.columns)
        values[torch.arange(len(by)), group] = by
        flat = values.reshape(len(by), -1)
        if channels_first:
            return Deviation(samples, (None, *place), flat.reshape(len(by), -1, *ones))
        return Deviation(samples, (*place, None), flat.reshape(len(by), *ones, -1))
    channel = group * product.columns + column
    by = (by * step[group, column][:, None]).to(dtype)
    if use.content == "weight":
        values = by.reshape(len(by), *positions)
        if channels_first:
            return Deviation(samples, (channel, *none), values.unsqueeze(1))
        return Deviation(samples, (*none, channel), values.unsqueeze(-1))
    values = by.reshape(len(by), 1, *ones)
    at = (channel, *place) if channels_first else (*place, channel)
    return Deviation(samples, at, values)
