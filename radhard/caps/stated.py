"""Which faults change no prediction, if first-order effects tell?"""

import time
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from radhard.caps.base import Caps
from radhard.caps.cap_table import Audit, CapTable
from radhard.caps.capped_words import CappedWords
from radhard.caps.slopes import Way, relative_gradients, way_of
from radhard.caps.weight_use import WeightUse
from radhard.errors import InputError
from radhard.injection import inject
from radhard.replay.graph import NoGraphError, graph_of
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.tree import tree_leaves
from radhard.workload import Workload

__all__ = ["Stated"]

_FARTHEST = 2.0**8
"""Displacements beyond it are never taken to be harmless."""


@component
class Stated(Caps):
    """Caps by a stated assumption: a fault is harmless if its first-order effect is small.

    A fault is taken to be harmless for a sample if ``safety`` times its displacement times the
    slope is less than every margin of the prediction. The slope is the sum of absolute golden
    gradients times absolute inputs, with the fault's own neuron taken to be active and its own
    max-pooling to pass the largest deviation; a slope of 0 tells nothing. For weights and biases of
    convolutions and linear layers, in front of any operations that have gradients; the other
    tensors are left out, with a reason.

    ``audit`` faults with a cap below 1 are drawn from the seed and executed. If one of them harms
    more samples than its cap, the assumption is refuted, and all caps are 1. If not, results hold
    if the assumption misses nothing. The audit alone shows only that it misses at most a share of
    about ``3 / audit``, which intervals do not include.

    ``rivals``: the number of other classes, those with the next largest logits, whose margins are
    considered.

    Raises:
        InputError: the model is no classifier, or has no graph.
    """

    safety: float = 4.0
    audit: int = 300
    rivals: int = 16

    def check(self) -> None:
        if not 1 <= self.safety < float("inf"):
            raise InputError(
                f"Stated: safety={self.safety} is not allowed; a factor from 1, 4 is usual"
            )
        if self.audit < 1:
            raise InputError(f"Stated: audit={self.audit} is not allowed; at least 1 fault")
        if self.rivals < 1:
            raise InputError(f"Stated: rivals={self.rivals} is not allowed; at least 1 class")

    def find(self, workload: Workload, space: FaultSpace) -> CapTable:
        began = time.perf_counter()
        workload.check_classifier(repr(self))
        try:
            graph = graph_of(workload.model, workload.call, workload.data)
        except NoGraphError as error:
            raise InputError(f"{self!r} needs the operations of the model: {error}") from None
        users = graph.users()
        words = CappedWords.of(space, graph)
        ways = {place: way_of(graph, users, use.node) for place, use in words.uses.items()}
        for place, way in list(ways.items()):
            # Slopes are compared with the margins of one sample, whose values have to be apart.
            if way.slot not in graph.by_sample:
                words.leave_out(place, "its outputs are not separate for each sample")
                del ways[place]
        slots = sorted({way.slot for way in ways.values()})
        with torch.inference_mode(False), torch.no_grad():
            for _, inputs in workload.batches():
                leaves = [one.clone() for one in tree_leaves(inputs)]
                values = graph.values(leaves)
                weights = relative_gradients(graph, leaves, slots, self.rivals)
                for sample in range(len(leaves[0])):
                    for place, use in words.uses.items():
                        limit = self._limit(use, ways[place], values, weights, sample)
                        words.add(place, -limit, limit)
        table = words.table(repr(self), len(workload.data), 0.0)
        table = self._audited(table, workload, space)
        return replace(table, seconds=time.perf_counter() - began)

    def _limit(
        self,
        use: WeightUse,
        way: Way,
        values: dict[int, Tensor],
        weights: dict[int, Tensor],
        sample: int,
    ) -> Tensor:
        """Up to which displacement each word is taken to be harmless, ``(channels, taps)``."""
        inputs = values[use.source][sample : sample + 1]
        like = values[use.node.slot][sample : sample + 1]
        if use.bias:
            patterns = use.ones(like[0].numel() // use.shape[0]).to(inputs)
        elif inputs.ndim == 2:
            # A linear layer that is given vectors has a single position.
            patterns = inputs[:, :, None]
        else:
            patterns = use.patterns(inputs)
        slopes = way.slopes(use, weights[way.slot][sample], patterns, like)
        limit = (1 / (self.safety * slopes)).clamp(max=_FARTHEST)
        # Where everything behind is silent, a first-order effect of 0 tells nothing.
        limit = limit.masked_fill(slopes == 0, 0.0)
        idle = (patterns == 0).all(2)
        each = idle.repeat_interleave(use.shape[0] // len(idle), dim=0)
        # A product with 0 is 0, whatever the weight.
        return limit.masked_fill(each, torch.inf)

    def _audited(self, table: CapTable, workload: Workload, space: FaultSpace) -> CapTable:
        """The table with the result of its audit; without caps if that refutes them."""
        # A cap of 1 claims nothing that could be wrong.
        capped = np.flatnonzero(table.caps < 1)
        count = min(self.audit, len(capped))
        drawn = np.sort(workload.random(_AUDIT).choice(capped, count, replace=False))
        wrong = 0
        for number in drawn.tolist():
            with inject(workload.model, space, number), torch.no_grad():
                parts = [workload.forward(inputs) for _, inputs in workload.batches()]
            outputs = torch.cat(parts)
            # NaN counts as harm, whatever argmax makes of it.
            harmed = (outputs.argmax(1) != workload.predictions) | outputs.isnan().any(1)
            # Caps are multiples of 1 / samples, in float32.
            allowed = round(float(table.caps[number]) * len(harmed))
            wrong += int(harmed.sum()) > allowed
        table = replace(table, audit=Audit(count, wrong))
        if not wrong:
            return table
        return replace(
            table, caps=np.ones_like(table.caps), shares=dict.fromkeys(table.shares, 0.0)
        )


_AUDIT = 15
"""The purpose of random numbers for the audit."""
