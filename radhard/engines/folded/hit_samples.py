"""What are the outputs of the samples that many faults in flowing values hit?"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.engines.replay.plan import ReplayPlan
from radhard.injection import Injection, TensorInjection
from radhard.replay.graph import Graph, Node
from radhard.replay.replayer import ELEMENTS
from radhard.space import Numbers

__all__ = ["HitSamples"]


class HitSamples:
    """Computes only samples that have a fault, those of several trials together.

    A row is a sample of a trial. A row that equals the fault-free one before an operation keeps the
    fault-free result of it, to the last bit.
    """

    def __init__(self, plan: ReplayPlan) -> None:
        self._plan, self._space = plan, plan.campaign.space
        replayer = plan.replayer
        self._taken = [
            replayer.flows(place) and len(slots) == 1 for place, slots in enumerate(replayer.slots)
        ]
        self.names = {self._space.name(place) for place, taken in enumerate(self._taken) if taken}
        """The regions whose faults it takes."""
        self._inner = np.array([math.prod(site.shape) for site in self._space.sites], np.int64)
        # By the largest value of the graph, which all rows of a pass hold at once.
        self._rows = max(1, ELEMENTS // max(replayer.sizes.values(), default=1))

    def takes(self, faults: Numbers) -> bool:
        """Whether there are faults, and all are in values of single samples in the graph."""
        places, _, _ = self._space.locate(faults)
        return bool(len(places)) and all(self._taken[place] for place in np.unique(places))

    def write(self, trials: Sequence[Numbers], outputs: Tensor) -> None:
        """Write into ``outputs``, ``(trials, samples, ...)``, those of the samples that are hit.

        ``trials`` are the faults of each trial.
        """
        replayer = self._plan.replayer
        numbers = np.concatenate(trials)
        places, words, variants, owners = self._space.affected(numbers)
        trial = np.repeat(np.arange(len(trials)), [len(faults) for faults in trials])[owners]
        # Words of flowing tensors are numbered sample by sample.
        sample, inner = np.divmod(words, self._inner[places])
        for piece in replayer.pieces:
            golden = replayer.golden(piece)
            mine = np.flatnonzero((sample >= piece.start) & (sample < piece.stop))
            key = trial[mine] * len(self._plan.campaign.workload.data) + sample[mine]
            # A row is a sample of a trial, with all the faults that hit it.
            _, first, row = np.unique(key, return_index=True, return_inverse=True)
            for at in range(0, len(first), self._rows):
                some = np.flatnonzero((row >= at) & (row < at + self._rows))
                faults, heads = mine[some], mine[first[at : at + self._rows]]
                samples = torch.from_numpy(sample[heads])
                found = self._passed(
                    golden,
                    samples - piece.start,
                    (places[faults], inner[faults], variants[faults], row[some] - at),
                )
                outputs[torch.from_numpy(trial[heads]), samples] = found

    def _passed(
        self,
        golden: dict[int, Any],
        samples: Tensor,
        faults: tuple[Numbers, Numbers, Numbers, Numbers],
    ) -> Tensor:
        """The outputs of some rows; ``faults``: place, word of the sample, variant and row."""
        replayer, graph = self._plan.replayer, self._plan.replayer.graph
        places, inner, variants, rows = faults
        words = rows * self._inner[places] + inner
        of_slot: dict[int, list[TensorInjection]] = {}
        for place in np.unique(places).tolist():
            here = places == place
            one = TensorInjection(
                self._space.regions, places[here], words[here], variants[here], Injection()
            )
            of_slot.setdefault(replayer.slots[place][0], []).append(one)
        values = _RowValues(graph, golden, samples)
        steps = graph.downstream(sorted(of_slot))
        computed = {graph.nodes[at].slot for at in steps}
        for slot, injections in of_slot.items():
            # Faults in values that no faulty value reaches, such as the inputs, come first; others
            # once their value is computed.
            if slot not in computed:
                values.inject(slot, injections)
        last = {slot: at for at in steps for slot in graph.nodes[at].inputs}
        for at in steps:
            node = graph.nodes[at]
            values.compute(node)
            if node.slot in of_slot:
                values.inject(node.slot, of_slot[node.slot])
            for slot in node.inputs:
                # Freed after its last use: all rows of all values would not fit into memory.
                if last[slot] == at and slot != graph.output:
                    values.free(slot)
        found: Tensor = values.of(graph.output)
        return found


class _RowValues:
    """The values of the graph in some rows, of which only those that differ are computed."""

    def __init__(self, graph: Graph, golden: dict[int, Any], samples: Tensor) -> None:
        self._graph, self._golden, self._samples = graph, golden, samples
        self._fresh: dict[int, Any] = {}
        self._moved: dict[int, Tensor] = {}
        """The rows that differ, of every value that was computed."""

    def of(self, slot: int) -> Any:
        """The value of a slot, of each row."""
        return self._fresh[slot] if slot in self._fresh else self._usual(slot)

    def _usual(self, slot: int) -> Any:
        golden = self._golden[slot]
        return golden[self._samples] if slot in self._graph.by_sample else golden

    def inject(self, slot: int, injections: Sequence[TensorInjection]) -> None:
        """Inject into the value of a slot, and note the rows that differ."""
        values = self.of(slot).clone()
        for one in injections:
            one.apply_to(values)
        self._fresh[slot], self._moved[slot] = values, _differ(values, self._usual(slot))

    def compute(self, node: Node) -> None:
        """Compute an operation, if anything that it is given differs."""
        differs = [self._moved[slot] for slot in node.inputs if slot in self._moved]
        if not differs:
            return
        result, before = node(self.of), self._usual(node.slot)
        # A kernel may add up a row in another order than in the golden pass: where no input
        # differs, nothing may.
        alike = ~torch.stack(differs).any(dim=0)
        if alike.any():
            result = torch.where(_along(alike, result), before, result)
        self._fresh[node.slot], self._moved[node.slot] = result, _differ(result, before)

    def free(self, slot: int) -> None:
        """Forget the value of a slot, but not which of its rows differ."""
        self._fresh.pop(slot, None)


def _differ(values: Tensor, others: Tensor) -> Tensor:
    """Which rows differ, ``(rows,)``; NaN differs from everything."""
    return (values != others).flatten(1).any(dim=1)


def _along(rows: Tensor, values: Tensor) -> Tensor:
    return rows.reshape(-1, *[1] * (values.ndim - 1))
