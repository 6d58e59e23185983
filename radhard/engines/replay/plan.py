"""What is prepared once for all trials of a campaign?"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from radhard.engines.base import Campaign, Figures
from radhard.engines.replay import recurrent
from radhard.engines.replay.entries import entries
from radhard.engines.replay.folding import folded
from radhard.engines.replay.graph import Graph, NoGraphError
from radhard.engines.replay.plain import Plain
from radhard.engines.replay.rules import orderly
from radhard.engines.replay.stretch import Stretch
from radhard.engines.replay.strike import can_strike
from radhard.engines.replay.values import extreme
from radhard.metrics import Panel
from radhard.targets.geometry import repeated
from radhard.targets.stored import stored_tensor
from radhard.tree import tree_leaves

__all__ = ["Plan"]

aten: Any = torch.ops.aten

_WAITING = 2**27
"""Elements of the values that wait for others, at most."""


@dataclass
class Plan:
    """The graph of a campaign's model, where its faults enter it, and the golden values."""

    campaign: Campaign
    graph: Graph
    slots: list[tuple[int, ...]]
    """For every site the slots that its faults change (tied tensors have several); none where the
    graph cannot say."""
    factors: dict[int, Tensor]
    """By how much a change of a folded parameter counts, for each output channel."""
    original: list[Tensor | None]
    """For every stored site the tensor as the model holds it."""
    pieces: list[slice]
    """Samples whose golden values fit into memory together."""
    outputs: Tensor
    """Golden outputs of all samples, as the graph gives them."""
    channels_last: bool
    shapes: dict[int, torch.Size]
    """The shape, without the samples, of every value that has them in front."""
    plain: Plain | None = None
    """The model's own operations, for what hangs on their order; None where they do not fit."""

    def __post_init__(self) -> None:
        panel = self.campaign.panel
        self.panel = Panel(panel.metrics, self.outputs, panel.golden.labels)
        self.unharmed: Figures = self.panel.score(self.outputs.unsqueeze(0))[0]
        self._held: tuple[slice, dict[int, Any]] | None = None
        self._steps: dict[int, list[int]] = {}
        self._users = self.graph.users()
        self.narrow = self.graph.narrow()
        self._stretches: dict[tuple[int, int], Stretch] = {}
        self.sizes = {slot: math.prod(shape) for slot, shape in self.shapes.items()}
        """Elements a sample of every value that has the samples in front."""
        dtypes = {tensor.dtype for tensor in self.graph.constants.values()}
        # Kernels add up halves in single precision; differences of halves would not.
        self.exact = bool(dtypes & {torch.float16, torch.bfloat16})

    @classmethod
    def of(
        cls,
        campaign: Campaign,
        graph: Graph,
        places: Collection[int],
        memory: int,
        *,
        plain: Plain | None = None,
    ) -> "Plan":
        """Fold and lay out the graph for faults in some sites, and find the golden values.

        Raises:
            NoGraphError: the graph does not say what the model says.
        """
        model, data, space = campaign.model, campaign.data, campaign.space
        batch = repeated(data.rows(slice(0, 1)), 3)
        slots = entries(graph, model, campaign.call, space.regions, batch)
        factors: dict[int, Tensor] = {}
        channels_last = False
        if not _rounds(graph):
            graph, factors = folded(graph, {slot for place in places for slot in slots[place]})
            graph, channels_last = _laid_out(graph)
        original = [None if site.flows else stored_tensor(model, site.name) for site in space.sites]
        one = graph.values(_inputs(batch, channels_last))
        each = sum(one[slot].nbytes // 3 for slot in graph.by_sample if slot in one)
        shapes = {slot: one[slot].shape[1:] for slot in graph.by_sample if slot in one}
        size = max(1, min(len(data), memory // max(each, 1)))
        if graph.source == "torch.fx":
            # Its operations may look at whole batches, so that these have to be the same.
            if size < campaign.batch:
                raise NoGraphError("torch.fx: the values of one batch take more than the memory")
            size = campaign.batch
        pieces = [slice(a, min(a + size, len(data))) for a in range(0, len(data), size)]
        parts = []
        for piece in pieces:
            values = _values(campaign, graph, piece, channels_last)
            parts.append(values[graph.output])
        outputs = torch.cat(parts)
        golden = campaign.panel.golden.outputs
        if outputs.shape != golden.shape or not torch.allclose(
            outputs, golden, rtol=1e-3, atol=1e-3 * float(golden.abs().max())
        ):
            raise NoGraphError("the exported graph gives other outputs than the model")
        plan = cls(
            campaign, graph, slots, factors, original, pieces, outputs, channels_last, shapes, plain
        )
        if len(pieces) == 1:  # kept, as they are there already
            plan._held = pieces[0], {**values, **graph.constants}
        return plan

    def golden(self, piece: slice) -> dict[int, Any]:
        """The golden value of every slot for some samples; the latest are kept."""
        if self._held is None or self._held[0] != piece:
            self._held = None
            values = _values(self.campaign, self.graph, piece, self.channels_last)
            self._held = piece, {**values, **self.graph.constants}
        return self._held[1]

    def forget(self) -> None:
        """Let go of the golden values."""
        self._held = None

    def steps(self, place: int) -> list[int]:
        """The operations that a change of a site reaches."""
        if place not in self._steps:
            self._steps[place] = self.graph.downstream(self.slots[place])
        return self._steps[place]

    def orderly(self, place: int) -> bool:
        """Whether rows may leave, and several trials share a pass, behind this site."""
        return not self.exact and orderly(self.graph, self.steps(place))

    def flows(self, place: int) -> bool:
        """Whether faults in a site concern one sample each, and the graph can tell them apart."""
        site = self.campaign.space.sites[place]
        if not site.flows or site.samples is None or not self.slots[place]:
            return False
        return self.orderly(place)

    @property
    def together(self) -> int:
        """How many trials of single samples may wait for each other at a narrow place.

        The more, the less each costs; but there should be some chunks for several workers.
        """
        largest = max((self.sizes.get(slot, 1) for _, slot in self.narrow), default=1)
        some = max(1024, min(4096, -(-len(self.campaign.trials) // 4)))
        return max(16, min(some, _WAITING // largest))

    def takes(self, place: int) -> bool:
        """Whether the graph can tell what a fault in this site does; else it is for `Serial`."""
        site = self.campaign.space.sites[place]
        return self.flows(place) or (bool(self.slots[place]) and not site.flows)

    def why_not(self, place: int) -> str:
        """Why a site is left to `Serial`; empty if it is not."""
        site = self.campaign.space.sites[place]
        if self.takes(place):
            return ""
        if self.campaign.space.regions[place].plane != "codes":
            return "their faults change a tensor as a whole"
        if not self.slots[place]:
            return "the graph does not tell where the tensor is"
        if self.exact:
            return "16-bit sums depend on their order"
        if site.samples is None:
            return "its faults strike all samples"
        return "rows cannot be told apart behind it"

    def direct(self, place: int) -> bool:
        """Whether a fault in this parameter shows in one channel of one operation."""
        users = [at for slot in self.slots[place] for at in self._users.get(slot, [])]
        if len(users) != 1 or self.exact:
            return False
        node = self.graph.nodes[users[0]]
        return can_strike(node, self.slots[place][0]) and node.slot in self.graph.by_sample

    def by_order(self, place: int, values: Tensor, differences: Tensor) -> Tensor:
        """Which faulty values of a parameter hang on the order of sums, as these may overflow.

        ``differences`` are what is added to the golden values, as the dtype holds it.
        """
        first = self.graph.nodes[self.steps(place)[0]] if self.direct(place) else None
        if first is None or first.op is not recurrent.lstm:
            return extreme(values)
        # The gates of an LSTM saturate. Of what one is given a single term can overflow, if the
        # value itself is finite: it does so in any order, and never meets an infinity of the other
        # sign. In a GRU one sum is multiplied by a gate, and a state whose update gate is shut is
        # nothing but rounding, of which a huge weight would make something.
        return ~(values.isfinite() & differences.isfinite())

    def stretch(self, begin: int, end: int) -> Stretch:
        """What some operations in a row make of a difference."""
        if (begin, end) not in self._stretches:
            self._stretches[begin, end] = Stretch.of(self.graph, begin, end, self.shapes)
        return self._stretches[begin, end]

    def largest(self, place: int) -> int:
        """Elements a sample of the largest value that is wholly recomputed behind a site."""
        slots = [self.graph.nodes[at].slot for at in self.steps(place)[1:]]
        return max((self.sizes[slot] for slot in slots if slot in self.sizes), default=1)


def _rounds(graph: Graph) -> bool:
    """Whether values are rounded to steps on the way.

    Then a last bit may become a whole step, so that golden values have to be the model's own: from
    the same operations in the same order, on batches of the same size.
    """
    by_sample = all(node.slot in graph.by_sample for node in graph.nodes)
    narrow = (torch.float16, torch.bfloat16)
    return by_sample and any(
        node.op is aten.round.default or (node.op is aten.to.dtype and node.args[1] in narrow)
        for node in graph.nodes
    )


def _values(campaign: Campaign, graph: Graph, piece: slice, channels_last: bool) -> dict[int, Any]:
    """The values of a graph for some samples."""
    data = campaign.data
    if not _rounds(graph):
        return graph.values(_inputs(data.rows(piece), channels_last))
    starts = range(piece.start, piece.stop, campaign.batch)
    rows = [data.rows(slice(at, min(at + campaign.batch, piece.stop))) for at in starts]
    each = [graph.values(_inputs(batch, channels_last)) for batch in rows]
    parts = {slot: [values[slot] for values in each] for slot in graph.by_sample if slot in each[0]}
    return {**each[0], **{slot: torch.cat(values) for slot, values in parts.items()}}


def _inputs(batch: Any, channels_last: bool) -> list[Tensor]:
    tensors = tree_leaves(batch)
    return [_ordered(tensor) if channels_last else tensor for tensor in tensors]


def _ordered(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _laid_out(graph: Graph) -> tuple[Graph, bool]:
    """The graph with its weights in channels-last memory, where there are convolutions.

    It is the faster order for them, and windows are cut out of it in whole pixels. It is not
    measured: a clock must not decide on the last bits of a run that is continued later.
    """
    if all(node.op is not aten.conv2d.default for node in graph.nodes):
        return graph, False
    constants = {slot: _ordered(tensor) for slot, tensor in graph.constants.items()}
    return replace(graph, constants=constants), True
