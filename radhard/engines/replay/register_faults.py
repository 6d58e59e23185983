"""How are faults in registers of an accelerator executed, many in one pass?"""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from radhard.accelerators import IntegerLayer, RegisterUse
from radhard.engines.base import Figures
from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay.deviation import Deviation
from radhard.space import Numbers
from radhard.targets.registers import Registers, layer_of, register_of

__all__ = ["in_registers"]

_ELEMENTS = 2**22
"""Differences of sums that are computed at a time."""


def in_registers(plan: ReplayPlan, place: int, trials: Numbers, most: int) -> Figures:
    """The figures of trials with one faulty register word each.

    What a fault does to the layer's output follows in closed form; from there on the difference is
    propagated, up to ``most`` samples of several trials in a pass.
    """
    replayer, space = plan.replayer, plan.campaign.space
    site = space.sites[place]
    # The words of a site of single samples are numbered sample by sample: the quotient by a
    # sample's words is the sample, the remainder the word in it.
    _, words, variants = space.locate(plan.campaign.trials.at(trials))
    inner = math.prod(site.shape)
    one = None if site.samples is None else torch.from_numpy(words // inner)
    outputs = _golden_of(plan, trials, one)
    # Trials in which the output of the layer is so large that sums behind it may overflow, in an
    # order that is not that of the model.
    risky = torch.zeros(len(trials), dtype=torch.bool)
    for piece in replayer.pieces:
        if one is not None and not ((one >= piece.start) & (one < piece.stop)).any():
            continue
        for which, deviation in _deviations(plan, place, piece, words % inner, variants, one):
            faulty, extremes = replayer.outputs_and_extremes(place, deviation, rows=most)
            # With single samples, the outputs of a trial have one row only.
            rows = deviation.samples if one is None else torch.zeros_like(deviation.samples)
            outputs[which, rows] = faulty
            risky[which[extremes]] = True
    absent = plan.campaign.absent(plan.campaign.trials.at(trials))
    if absent is not None:
        # Computed as if the fault were always there, and put back where it is not: which samples an
        # intermittent fault misses has nothing to do with what it does in the others.
        alike = absent.reshape(*absent.shape, *[1] * (outputs.ndim - 2))
        outputs = torch.where(alike, replayer.golden_outputs, outputs)
    if one is None:
        figures = plan.panel.score(outputs)
    else:
        figures = plan.panel.score_samples(outputs[:, 0], one)
    for number in risky.nonzero().squeeze(1).tolist():
        figures[number] = plan.reference.figures(int(trials[number]))[0]
    return figures


def _golden_of(plan: ReplayPlan, trials: Numbers, one: Tensor | None) -> Tensor:
    """The golden outputs of the samples of each trial, ``(trials, samples, ...)``."""
    golden = plan.replayer.golden_outputs
    if one is not None:
        return golden[one].unsqueeze(1)
    return golden.expand(len(trials), *golden.shape).clone()


def _deviations(
    plan: ReplayPlan,
    place: int,
    piece: slice,
    words: Numbers,
    variants: Numbers,
    one: Tensor | None,
) -> Iterator[tuple[Tensor, Deviation]]:
    """What deviates in the layer's output: the trial of each probe, and the deviation."""
    region = plan.campaign.space.regions[place]
    site, target = region.site, region.target
    assert isinstance(target, Registers)
    replayer = plan.replayer
    (slot,) = replayer.slots[place]
    golden = replayer.golden(piece)
    node = next(node for node in replayer.graph.nodes if node.slot == slot)
    inputs = golden[node.inputs[0]]
    layer_module = plan.campaign.workload.model.get_submodule(site.layer)
    layer = layer_of(layer_module, site, target.array, tuple(inputs.shape[1:]))
    contents = layer.contents(inputs)
    # A permanent fault alters a register in every cycle in which it is used, so that the sums of a
    # whole layer change; one trial is computed at a time. A transient one alters one cycle, whose
    # sums are the same in number for all trials.
    if target.duration == "permanent":
        for number, (word, variant) in enumerate(zip(words, variants, strict=True)):
            corrupt = partial(_corrupted, plan, place, int(word), int(variant))
            always = target.array.permanent_use(layer.layer.product, register_of(site), int(word))
            sums = contents.permanent_differences(always, corrupt)
            by = layer.layer.as_output(sums * layer.step).to(inputs.dtype)
            yield from _permanent_deviation(by, number, piece)
        return
    here = np.arange(len(words))
    if one is not None:
        samples = one.numpy()
        here = here[(samples >= piece.start) & (samples < piece.stop)]
    use = target.array.use(layer.layer.product, register_of(site), words[here])
    # In the other cycles the register holds nothing that is used, so that the outputs are golden.
    here, use = here[use.live], use.some(use.live)
    product = layer.layer.product
    width = {"input": product.columns, "weight": product.rows, "sum": product.depth}[use.content]
    each = (1 if one is not None else len(inputs)) * width
    size = max(1, _ELEMENTS // each)
    for at in range(0, len(here), size):
        mask = np.zeros(len(here), bool)
        mask[at : at + size] = True
        mine = here[mask]
        if one is None:
            samples_of = torch.arange(len(inputs))[None]
        else:
            samples_of = one[torch.from_numpy(mine)][:, None] - piece.start
        some = use.some(mask)
        before = contents.held(some, samples_of)
        flat = before.reshape(-1)
        repeats = before.shape[1]
        after = faulty_values(
            plan.campaign.space,
            place,
            flat,
            np.repeat(words[mine], repeats),
            np.repeat(variants[mine], repeats),
        ).reshape(before.shape)
        by = contents.differences(some, samples_of, before, after)
        # Many differences are zero, as those of a weight that is multiplied by a zero; only the
        # others become rows of a pass.
        fault, column = by.ne(0).any(-1).nonzero(as_tuple=True)
        if not len(fault):
            continue
        samples = samples_of.expand(before.shape)[fault, column] + piece.start
        deviation = _deviation(layer, some, by[fault, column], samples, fault, inputs.dtype)
        yield torch.from_numpy(mine)[fault], deviation


def _permanent_deviation(
    by: Tensor, number: int, piece: slice
) -> Iterator[tuple[Tensor, Deviation]]:
    """The deviation of a layer's output ``(samples, ...)`` in one trial, where there is one."""
    deviating = by.flatten(1).ne(0).any(1).nonzero().squeeze(1)
    if len(deviating):
        everywhere = (None,) * (by.ndim - 1)
        trials = torch.full_like(deviating, number)
        yield trials, Deviation(deviating + piece.start, everywhere, by[deviating])


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
