"""What are the outputs of a model with many faulty words?"""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.engines.folded.pairs import Channels, pairs
from radhard.engines.folded.word_writes import FaultyWords, TrialWrites, WordWrites
from radhard.engines.replay.plan import ReplayPlan
from radhard.injection import Injection, TensorInjection
from radhard.replay.graph import Graph
from radhard.space import Numbers

__all__ = ["FaultyModel"]


_LARGE = 2**16
"""Elements of a value from which it is looked at for NaN, which takes as long as an operation on a
small one."""

_KEPT = 256
"""Sets of faulty tensors of which the operations that follow are kept."""


class FaultyModel:
    """A model's folded graph, with copies of the tensors into which faults can be injected.

    ``graph`` is the original graph of the model, before folding by ``plan``.
    """

    def __init__(self, plan: ReplayPlan, graph: Graph) -> None:
        self._graph, self._slots, self._space = (
            plan.replayer.graph,
            plan.replayer.slots,
            plan.campaign.space,
        )
        stored = {
            slot
            for site, slots in zip(self._space.sites, plan.replayer.slots, strict=True)
            if not site.flows
            for slot in slots
        }
        self._pairs = [
            pair for pair in pairs(graph, plan.replayer.graph) if stored & set(pair.members)
        ]
        members = {slot for pair in self._pairs for slot in pair.members}
        constants = plan.replayer.graph.constants
        self._folded = {
            slot: constants[slot].clone()
            for pair in self._pairs
            for slot in (pair.weight, pair.bias)
        }
        # In the memory format of the tensor that the pass reads, folded or not.
        self._own = {
            slot: _like(graph.constants[slot], constants[slot]) for slot in stored | members
        }
        self._injectable = [
            bool(slots) and not site.flows and all(_dense(graph.constants[slot]) for slot in slots)
            for site, slots in zip(self._space.sites, plan.replayer.slots, strict=True)
        ]
        self._writes = WordWrites(self._space, plan.replayer.slots, self._own)
        self._downstream: dict[frozenset[int], tuple[list[int], dict[int, int]]] = {}
        self.unknown = [
            self._space.name(place) for place, known in enumerate(self._injectable) if not known
        ]
        """Names of the sites into which faults cannot be injected here."""

    @property
    def slots(self) -> list[int]:
        """The slots of the tensors that may hold faulty words, folded or not."""
        return [*self._own, *self._folded]

    def takes(self, trials: Sequence[Numbers]) -> list[bool]:
        """Whether all faults of each trial are in stored tensors of the graph."""
        places, _, _ = self._space.locate(np.concatenate([*trials, np.zeros(0, np.int64)]))
        owner = np.repeat(np.arange(len(trials)), [len(faults) for faults in trials])
        missed = np.bincount(owner, ~np.array(self._injectable)[places], len(trials))
        taken: list[bool] = (missed == 0).tolist()
        return taken

    def words(self, trials: Sequence[Numbers]) -> FaultyWords | None:
        """The words that differ in each trial, if these can be had for many trials at once."""
        return self._writes.values(trials)

    def outputs(
        self,
        faults: Numbers,
        golden: Mapping[int, Any],
        held: dict[int, Any] | None = None,
        added: Numbers | None = None,
        words: TrialWrites | None = None,
    ) -> Tensor:
        """The faulty outputs for the samples of some golden values; tensors are restored.

        ``held``, if given, receives all values that are computed. If they are those with the same
        faults but the ``added`` ones, only what depends on these is computed again. ``words`` are
        those that differ, if they are known.
        """
        with ExitStack() as stack:
            changed = self._inject(faults, words, stack)
            if not changed and added is None:
                unchanged: Tensor = golden[self._graph.output]
                return unchanged
            opened: dict[int, Channels] = {}
            for pair in self._pairs:
                found = [changed[slot] for slot in pair.members if slot in changed]
                if found:
                    numbers = np.unique(np.concatenate(found))
                    channels = torch.from_numpy(numbers).to(self._folded[pair.weight].device)
                    for slot in (pair.weight, pair.bias):
                        tensor = self._folded[slot]
                        stack.callback(tensor.index_copy_, 0, channels, tensor[channels])
                    opened[pair.output] = pair.open(self._own, self._folded, channels)
                    changed[pair.weight] = numbers
            # Also if the added faults restore a value, of which the held ones know nothing.
            begin = list(changed) if added is None else self._slots_of(added)
            return self._recompute(begin, opened, golden, held)

    def unharmed(self, golden: Mapping[int, Any]) -> Tensor:
        """The outputs for the samples of some golden values without faults, computed anew."""
        return self._recompute(self.slots, {}, golden, None)

    def _slots_of(self, faults: Numbers) -> list[int]:
        """The slots that depend directly on the tensors of some faults."""
        places, _, _ = self._space.locate(faults)
        found = {slot for place in places.tolist() for slot in self._slots[place]}
        weights = {pair.weight for pair in self._pairs if found & set(pair.members)}
        return sorted(found | weights)

    def _inject(
        self, faults: Numbers, known: TrialWrites | None, stack: ExitStack
    ) -> dict[int, Numbers]:
        """Inject until the stack is closed; return the first coordinate of the words, by slot."""
        writes = self._writes
        found = writes.inject(faults, stack) if known is None else known.write(stack)
        if found is not None:
            for slot, positions in found.items():
                found[slot] = positions // self._row(slot)
            return found
        space, changed = self._space, {}
        places, words, variants, _ = space.affected(faults)
        tensors = space.tensors[places]
        for tensor in np.unique(tensors).tolist():
            here = tensors == tensor
            faults_here = TensorInjection(
                space.regions, places[here], words[here], variants[here], Injection()
            )
            for slot in self._slots[int(places[here][0])]:
                stack.enter_context(faults_here.held(self._own[slot]))
                # Nothing depends on faults that change no value, as after a correction.
                if len(faults_here.changed):
                    changed[slot] = faults_here.changed // self._row(slot)
        return changed

    def _row(self, slot: int) -> int:
        """Values at one index of the first axis of a tensor."""
        return math.prod(self._own[slot].shape[1:])

    def _steps(self, changed: tuple[int, ...]) -> tuple[list[int], dict[int, int]]:
        """The operations downstream of some slots, and of each slot the last one that uses it."""
        key = frozenset(changed)
        if key not in self._downstream:
            steps = self._graph.downstream(changed)
            last = {slot: at for at in steps for slot in self._graph.nodes[at].inputs}
            # Trials of few faults may begin anywhere: of large networks not all can be kept.
            if len(self._downstream) >= _KEPT:
                self._downstream.clear()
            self._downstream[key] = steps, last
        return self._downstream[key]

    def _recompute(
        self,
        changed: list[int],
        opened: Mapping[int, Channels],
        golden: Mapping[int, Any],
        held: dict[int, Any] | None,
    ) -> Tensor:
        """The output after recomputing all operations downstream of the faulty slots."""
        graph = self._graph
        fresh: dict[int, Any] = {}

        def value(slot: int) -> Any:
            for known in (fresh, self._folded, self._own, held or {}):
                if slot in known:
                    return known[slot]
            return golden[slot]

        steps, last = self._steps(tuple(changed))
        for at in steps:
            node = graph.nodes[at]
            result = node(value)
            if _is_position(result) and not all(_finite(value(slot)) for slot in node.inputs):
                # The position of a maximum is finite even if it is chosen among infinities, so that
                # the check of the outputs would not detect the overflow.
                raise OverflowError(f"{node.op} compares values that are not finite")
            if _becomes_nan(result, golden, node.slot):
                # So do the outputs, and the reference decides: what follows would be in vain.
                raise OverflowError(f"{node.op} gives NaN")
            if node.slot in opened:
                opened[node.slot].normalise(result)
            fresh[node.slot] = result
            # Freed after its last use, so that the next value reuses memory that is in the cache.
            for slot in node.inputs if held is None else ():
                if last[slot] == at and slot != graph.output:
                    fresh.pop(slot, None)
        found: Tensor = value(graph.output)
        if held is not None:
            held.update(fresh)
        return found


def _becomes_nan(result: Any, golden: Mapping[int, Any], slot: int) -> bool:
    """Whether a large value is NaN in its first sample, and is not so without faults."""
    if not isinstance(result, Tensor) or result.numel() < _LARGE or not result.is_floating_point():
        return False
    return bool(result[:1].isnan().any()) and not bool(golden[slot][:1].isnan().any())


def _is_position(result: Any) -> bool:
    """Whether a result contains positions of values, as that of an argmax."""
    parts = result if isinstance(result, tuple | list) else [result]
    return any(isinstance(part, Tensor) and part.dtype == torch.int64 for part in parts)


def _finite(value: Any) -> bool:
    return not isinstance(value, Tensor) or bool(value.isfinite().all())


def _like(tensor: Tensor, other: Tensor) -> Tensor:
    """A copy of a tensor in the memory format of another one."""
    return torch.empty_like(other, dtype=tensor.dtype).copy_(tensor)


def _dense(tensor: Tensor) -> bool:
    """Whether no two words share memory, as those of an expanded tensor do."""
    return all(n == 1 or step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
