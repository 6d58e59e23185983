"""What are the outputs of a recurrent network in several trials of many faults each?"""

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from radhard.engines.folded.stacked_lstm import StackedLstm
from radhard.engines.folded.word_writes import FaultyWords
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay import recurrent
from radhard.replay.graph import Graph, Node, Slot
from radhard.replay.propagation import rows_are_independent

__all__ = ["StackedTrials", "has_fast_kernel"]

aten: Any = torch.ops.aten

_ELEMENTS = 2**17
"""Elements of the gates of all variants in a step, which should fit into a processor's cache."""


class StackedTrials:
    """Executes trials with faults in many weights several to a pass, each with its own weights.

    Operations on the values of small networks take less time than it takes to call them. The
    samples of all trials lie one after another in values; linear layers and the LSTM multiply them
    by stacked weights, in one batched product. ``graph`` has recurrent layers as operations of
    their own, and the slots of the plan's graph for stored tensors.

    Made by `StackedTrials.of`.
    """

    def __init__(self, plan: ReplayPlan, graph: Graph, lstm: Node) -> None:
        self._replayer, self._graph = plan.replayer, graph
        self._inputs = plan.replayer.golden(plan.replayer.pieces[0])
        self._nodes = [graph.nodes[at] for at in _live(graph)]
        self._lstm = StackedLstm(self._inputs[lstm.args[0].number])
        samples = len(plan.replayer.golden_outputs)
        self.size = max(1, _ELEMENTS // (samples * len(graph.constants[lstm.args[1].number])))
        """Trials in a pass."""
        self._golden: dict[int, Tensor] = {}

    @classmethod
    def of(cls, plan: ReplayPlan, graph: Graph) -> "StackedTrials | None":
        """None unless the network is known to gain: a small LSTM on the inputs, then few layers.

        Nor where torch's own kernel takes less time for each trial by itself.
        """
        replayer = plan.replayer
        if has_fast_kernel(replayer.golden_outputs.device):
            return None
        live = _live(graph)
        lstms = [graph.nodes[at] for at in live if graph.nodes[at].op is recurrent.lstm]
        stored = {slot for slots in replayer.slots for slot in slots}
        if len(lstms) != 1 or len(replayer.pieces) > 1:
            return None
        if not all(_is_known(graph, at, stored) for at in live):
            return None
        given = replayer.golden(replayer.pieces[0])[lstms[0].args[0].number]
        dtypes = {tensor.dtype for tensor in graph.constants.values()}
        if dtypes != {torch.float32} or not bool(given.isfinite().all()):
            return None
        made = cls(plan, graph, lstms[0])
        return made if made.size > 1 else None

    def outputs(self, words: FaultyWords, first: int, last: int) -> tuple[Tensor, Tensor]:
        """The outputs of trials ``first`` to ``last - 1``, ``(trials, samples, ...)``.

        Also which trials, ``(trials,)``, depend on the order of summation, which is not the
        model's: of these the outputs mean nothing. ``words`` are those that differ in each trial.
        """
        count = last - first
        found, unsure = self._passed(words.of(first, last), first, count)
        if count not in self._golden:
            self._golden[count], _ = self._passed(FaultyWords([]), 0, count)
        # What does not differ from the same pass without faults has the golden outputs, bit by bit.
        same = (found == self._golden[count]).flatten(2).all(dim=2)
        golden = self._replayer.golden_outputs.expand_as(found)
        alike = same.reshape(*same.shape, *[1] * (found.ndim - 2))
        return torch.where(alike, golden, found), unsure

    def _passed(self, words: FaultyWords, first: int, count: int) -> tuple[Tensor, Tensor]:
        graph, golden = self._graph, self._replayer.golden_outputs
        stacked = {
            slot: tensor.expand(count, *tensor.shape) for slot, tensor in graph.constants.items()
        }
        unsure = torch.zeros(count, dtype=torch.bool, device=golden.device)
        for part in words.parts:
            trial = torch.from_numpy(part.trial - first).to(golden.device)
            unsure[trial[~part.faulty.isfinite()]] = True
            at = torch.from_numpy(part.words).to(golden.device)
            for memory in part.memories:
                tensor = stacked[memory.slot].clone(memory_format=torch.contiguous_format)
                tensor.view(count, -1)[trial, at] = part.faulty
                stacked[memory.slot] = tensor
        values: dict[int, Tensor] = {}
        for node in self._nodes:
            if node.op is recurrent.lstm:
                weight, hidden, *biases = (stacked[arg.number] for arg in node.args[1:-1])
                both = torch.stack([weight.new_zeros(weight.shape[:2]), *biases]).sum(dim=0)
                states = self._lstm(weight, hidden, both)
                unsure |= states.unsure
                values[node.slot] = states.last.flatten(0, 1)
            elif node.op is aten.linear.default:
                source, *tensors = (arg.number for arg in node.args if arg is not None)
                layer, *bias = (stacked[slot] for slot in tensors)
                rows = values[source]
                # Between the samples and the features, there may be other axes.
                flat = rows.reshape(count, -1, rows.shape[-1])
                product = torch.bmm(flat, layer.transpose(1, 2))
                for added in bias:
                    product += added[:, None]
                values[node.slot] = product.view(*rows.shape[:-1], -1)
            else:
                values[node.slot] = node(values.__getitem__)
        found = values[graph.output]
        return found.reshape(count, -1, *found.shape[1:]), unsure


def has_fast_kernel(device: torch.device) -> bool:
    """Whether torch computes an LSTM faster than the same steps of several trials are computed.

    With AVX-512, the kernel of oneDNN takes 1.1 to 2.7 times less for 10 to 200 samples of 64 steps
    and 20 or 40 units; with AVX2, 1.1 times more.
    """
    # Of what the processor is capable, not of a time: the same machine always does the same.
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return device.type == "cpu" and wide and bool(torch.backends.mkldnn.enabled)


def _live(graph: Graph) -> list[int]:
    """Positions of the operations on which the output depends, in order."""
    needed, found = {graph.output}, []
    for at in reversed(range(len(graph.nodes))):
        if graph.nodes[at].slot in needed:
            needed.update(graph.nodes[at].inputs)
            found.append(at)
    return found[::-1]


def _is_known(graph: Graph, at: int, stored: Collection[int]) -> bool:
    """Whether an operation is the LSTM, a linear layer on rows of features, or one on single rows.

    Only the first two take stored tensors, and only the LSTM the inputs of the model.
    """
    node = graph.nodes[at]
    if node.op is recurrent.lstm:
        return node.args[0].number in graph.inputs and bool(node.args[-1])
    source = node.args[0]
    if not isinstance(source, Slot) or source.number in graph.inputs:
        return False
    others = set(node.inputs)
    if node.op is aten.linear.default:
        others = {source.number}
    known = rows_are_independent(graph, [at]) and others <= graph.by_sample
    return known and not others & {*stored, *graph.inputs}
