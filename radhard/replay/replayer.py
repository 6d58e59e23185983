"""Which outputs does a model give when some of its values differ?"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radhard.replay import recurrent
from radhard.replay.deviation import Deviation
from radhard.replay.difference import Difference
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.folded_graph import folded_graph
from radhard.replay.golden_values import golden_values
from radhard.replay.graph.operation_graph import Graph, Node, NoGraphError
from radhard.replay.graph_section import GraphSection
from radhard.replay.overflow import may_overflow
from radhard.replay.patch import Patch
from radhard.replay.propagation import propagate, rows_are_independent
from radhard.replay.repeated_change import RepeatedChange, uses_of
from radhard.replay.saturation import saturates
from radhard.replay.word_change import (
    WordChange,
    changed_output,
    computes_rows,
    concerned_samples,
    has_change_rule,
)
from radhard.targets import Site
from radhard.targets.stored import stored_tensor
from radhard.workload import Workload

__all__ = ["ELEMENTS", "Replayer"]

ELEMENTS = 2**21
"""Elements of the largest value in one pass: beyond a few caches full nothing becomes faster."""


@dataclass
class Replayer:
    """A model as a graph with its golden values, and where differences may enter it.

    It computes the outputs of the model for values that differ from the golden ones: from the
    place where they differ on, as differences, for many samples and changes in one pass. The
    sites at which values may differ are given once; a *place* is the position of a site in
    ``sites``. The model itself is neither changed nor called after the golden values are known.

    Made by `Replayer.of`.
    """

    workload: Workload
    sites: Sequence[Site]
    graph: Graph
    slots: list[tuple[int, ...]]
    """For every site the slots that hold it (tied tensors have several); none where the graph
    does not show it."""
    factors: dict[int, Tensor]
    """By how much a change of a folded parameter counts, for each output channel."""
    original: list[Tensor | None]
    """For every stored site the tensor as the model holds it."""
    pieces: list[slice]
    """Samples whose golden values fit into memory together."""
    golden_outputs: Tensor
    """Golden outputs of all samples, as the graph computes them."""
    model_outputs: Tensor
    """Golden outputs of all samples, as the model computes them."""
    channels_last: bool
    """Whether maps lie in channels-last memory."""
    shapes: dict[int, torch.Size]
    """The shape, without the samples, of every value that has the samples in front."""
    folded_slots: frozenset[int]
    """Slots that are not in the graph any more, as others took them in when it was folded."""

    def __post_init__(self) -> None:
        self._held: tuple[slice, dict[int, Any]] | None = None
        self._steps: dict[int, list[int]] = {}
        self._uses: dict[int, dict[int, int]] = {}
        self._saturating: dict[int, bool] = {}
        self._independent: dict[int, bool] = {}
        self._users = self.graph.users()
        self.bottlenecks = self.graph.bottlenecks()
        self._sections: dict[tuple[int, int], GraphSection] = {}
        self.sizes = {slot: math.prod(shape) for slot, shape in self.shapes.items()}
        """Elements a sample of every value that has the samples in front."""
        dtypes = {tensor.dtype for tensor in self.graph.constants.values()}
        # Kernels add up 16-bit values in single precision and round once. A difference of two
        # rounded values has lost what lies below their last bits, so whole values are computed.
        self.exact = bool(dtypes & {torch.float16, torch.bfloat16})
        self.state_nodes: dict[int, Node] = {}
        """The operations that compute the hidden states among the sites, by their places."""
        for place, site in enumerate(self.sites):
            node = recurrent.state_node(self.graph, site) if site.role == "hidden state" else None
            if node is not None:
                self.state_nodes[place] = node

    @classmethod
    def of(
        cls,
        workload: Workload,
        sites: Sequence[Site],
        *,
        graph: Graph | None = None,
        golden: Tensor | None = None,
        memory: int = 2 * 1024**3,
        unfolded: Collection[int] | None = None,
        hidden: Collection[int] = (),
    ) -> "Replayer":
        """Find the sites in the model's graph, fold it, and compute the golden values.

        Args:
            workload: the model, open, with data.
            sites: where values may differ.
            graph: the model's graph, if it is known already.
            golden: the outputs that the graph has to give; by default those of the workload.
            memory: the golden values that are kept at a time, in bytes; samples that do not fit
                are taken in pieces.
            unfolded: places of the sites that must stay in the graph as they are: no batch
                normalization is folded there. By default all.
            hidden: places of sites whose differences the graph does not show, such as those of a
                scale, which changes a tensor as a whole.

        Raises:
            NoGraphError: the model has no graph, or its graph gives other outputs.
        """
        found = folded_graph(workload, sites, graph, unfolded=unfolded, hidden=hidden)
        graph, channels_last = found.graph, found.channels_last
        pieces = _pieces(workload, graph, memory // max(found.bytes_per_sample, 1))
        parts = []
        for piece in pieces:
            values = golden_values(workload, graph, piece, channels_last)
            parts.append(values[graph.output])
        outputs = torch.cat(parts)
        golden = workload.golden if golden is None else golden
        # Once more on all samples: the graph was compared with the model on a few, and is folded
        # since.
        if outputs.shape != golden.shape or not torch.allclose(
            outputs, golden, rtol=1e-3, atol=1e-3 * float(golden.abs().max())
        ):
            raise NoGraphError("the exported graph gives other outputs than the model")
        model = workload.model
        original = [None if site.flows else stored_tensor(model, site.name) for site in sites]
        replayer = cls(
            workload,
            sites,
            graph,
            found.slots,
            found.factors,
            original,
            pieces,
            outputs,
            golden,
            channels_last,
            found.shapes,
            found.folded_slots,
        )
        if len(pieces) == 1:  # kept, as they are there already
            replayer._held = pieces[0], {**values, **graph.constants}
        return replayer

    # What is known of a site

    def flows(self, place: int) -> bool:
        """Whether the values of single samples may differ in a site."""
        site = self.sites[place]
        # A value of all samples at once has no row of its own that could leave or share a pass.
        if site.role in ("register", "key-value cache") or not site.flows or site.samples is None:
            return False
        if not self._is_there(place):
            return False
        return self.rows_are_independent(place)

    def has_states(self, place: int) -> bool:
        """Whether a site is a hidden state that is computed step by step, of single samples."""
        single = self.sites[place].samples is not None
        return single and place in self.state_nodes and self.rows_are_independent(place)

    def has_cache(self, place: int) -> bool:
        """Whether a site is a key-value cache; its slots are what is read of it, call by call."""
        is_cache = self.sites[place].role == "key-value cache"
        return is_cache and self._is_there(place) and self.rows_are_independent(place)

    def flows_in_every_sample(self, place: int) -> bool:
        """Whether the values at one place of all samples may differ together in a site."""
        site = self.sites[place]
        if site.role == "register" or site.samples is not None or site.axis is None:
            return False
        is_there = site.flows and self._is_there(place)
        return (is_there or place in self.state_nodes) and self.rows_are_independent(place)

    def has_registers(self, place: int) -> bool:
        """Whether a site is a register, of the layer whose output is the value of its slot."""
        is_register = self.sites[place].role == "register"
        return is_register and self._is_there(place) and self.rows_are_independent(place)

    def takes(self, place: int) -> bool:
        """Whether the graph shows what a difference in a site does."""
        if self.flows(place) or self.has_registers(place):
            return True
        return self._is_there(place) and not self.sites[place].flows

    def why_not(self, place: int) -> str:
        """Why the graph does not show it; empty if it does."""
        several = self.has_states(place) or self.has_cache(place)
        if self.takes(place) or several or self.flows_in_every_sample(place):
            return ""
        if not self.slots[place]:
            return "the graph does not tell where the tensor is"
        if not self._is_there(place):
            return "it is folded into a convolution"
        if self.exact:
            return "16-bit sums depend on their order"
        if self.sites[place].axis is None and self.sites[place].role != "register":
            return "it is one value for all samples"
        return "rows cannot be told apart behind it"

    def _is_there(self, place: int) -> bool:
        slots = self.slots[place]
        return bool(slots) and self.folded_slots.isdisjoint(slots)

    def steps(self, place: int) -> list[int]:
        """The operations that a difference in a site reaches: their positions in the graph."""
        if place not in self._steps:
            node = self.state_nodes.get(place)
            slots = self.slots[place] if node is None else (node.slot,)
            reached = self.graph.downstream(slots)
            if self.sites[place].role == "key-value cache":  # in each reading there are faults
                read = {at for at, one in enumerate(self.graph.nodes) if one.slot in slots}
                reached = sorted(read.union(reached))
            self._steps[place] = reached
        return self._steps[place]

    def rows_are_independent(self, place: int) -> bool:
        """Whether rows may leave, and several changes share a pass, behind a site."""
        if place not in self._independent:
            self._independent[place] = not self.exact and rows_are_independent(
                self.graph, self.steps(place)
            )
        return self._independent[place]

    def direct(self, place: int) -> bool:
        """Whether a change of a parameter shows in one channel of one operation."""
        users = [at for slot in self.slots[place] for at in self._users.get(slot, [])]
        # A parameter that two operations use changes both, and one patch describes one output.
        if len(users) != 1 or self.exact:
            return False
        node = self.graph.nodes[users[0]]
        return has_change_rule(node, self.slots[place][0]) and node.slot in self.graph.by_sample

    def uses(self, place: int) -> dict[int, int]:
        """The argument as which a parameter enters each operation, by the slots of their outputs.

        Empty unless a change of a word shows in one feature of each of them, and there are several.
        """
        if place not in self._uses:
            found = {} if self.exact else uses_of(self.graph, self.slots[place], self.shapes)
            self._uses[place] = found if len(found) > 1 else {}
        return self._uses[place]

    def shares_passes(self, place: int) -> bool:
        """Whether several changes of a stored site may be carried to the output in one pass."""
        known = self.direct(place) or bool(self.uses(place))
        return known and self.rows_are_independent(place)

    def by_order(self, place: int, values: Tensor, differences: Tensor) -> Tensor:
        """For which new values of a parameter the outputs depend on the order of summation.

        These may overflow: where sums become infinite depends on their order, which here is not
        the model's. ``differences`` are what is added to the golden values, as the dtype holds it.
        """
        if place not in self._saturating:
            known = self.direct(place) or bool(self.uses(place))
            self._saturating[place] = known and saturates(
                self.graph, self.slots[place], self.uses(place)
            )
        if not self._saturating[place]:
            return may_overflow(values)
        return ~(values.isfinite() & differences.isfinite())

    def largest(self, place: int) -> int:
        """Elements a sample of the largest value that is wholly recomputed behind a site."""
        # Not the first operation: what a change of a parameter makes of it is one channel.
        slots = [self.graph.nodes[at].slot for at in self.steps(place)[1:]]
        return max((self.sizes[slot] for slot in slots if slot in self.sizes), default=1)

    def section(self, begin: int, end: int) -> GraphSection:
        """How large values become in some operations in a row."""
        if (begin, end) not in self._sections:
            self._sections[begin, end] = GraphSection.of(self.graph, begin, end, self.shapes)
        return self._sections[begin, end]

    # Golden values

    def golden(self, piece: slice) -> dict[int, Any]:
        """The golden value of every slot for some samples; the latest are kept."""
        if self._held is None or self._held[0] != piece:
            self._held = None
            values = golden_values(self.workload, self.graph, piece, self.channels_last)
            self._held = piece, {**values, **self.graph.constants}
        return self._held[1]

    def forget(self) -> None:
        """Let go of the golden values."""
        self._held = None

    def golden_at(self, place: int) -> Tensor:
        """The golden value of a site that `flows`, of all samples: ``(samples, ...)``."""
        (slot,) = self.slots[place]
        with torch.no_grad():
            return torch.cat([self.golden(piece)[slot] for piece in self.pieces])

    # Outputs

    def outputs(self, place: int, deviation: Deviation, *, rows: int = 6400) -> Tensor:
        """The outputs, ``(probes, ...)``, when a site that `flows` deviates, one row a probe.

        ``rows`` is the largest number of probes in a pass. Of values that may overflow the outputs
        need not be the model's; `outputs_and_extremes` says which these are.
        """
        return self.outputs_and_extremes(place, deviation, rows=rows)[0]

    def outputs_and_extremes(
        self, place: int, deviation: Deviation, *, rows: int = 6400
    ) -> tuple[Tensor, Tensor]:
        """The outputs, and which probes, ``(probes,)``, hold a value so large that it may overflow.

        Where sums become infinite depends on their order, which here is not the model's.
        """
        # Probes whose difference vanishes on the way keep the outputs of the model.
        outputs = self.model_outputs[deviation.samples].clone()
        risky = torch.zeros(len(outputs), dtype=torch.bool, device=outputs.device)
        steps, output = self.steps(place), self.graph.output
        most = max(1, min(rows, ELEMENTS // self.largest(place)))
        for piece in self.pieces:
            here = (deviation.samples >= piece.start) & (deviation.samples < piece.stop)
            for probes in torch.split(here.nonzero().squeeze(1), most) if here.any() else ():
                with torch.no_grad():
                    state = self._entered(place, deviation[probes], piece, probes)
                    values = state.patches[self.slots[place][0]].values
                    risky[probes] = may_overflow(values).flatten(1).any(1)
                    if propagate(state, steps, drop=True) is not None:
                        assert state.owner is not None
                        outputs[state.owner] = state.whole(output)
        return outputs, risky

    def differentiable_outputs(self, place: int, deviation: Deviation) -> Tensor:
        """The outputs, ``(probes, ...)``, from which gradients reach ``deviation.by``.

        All samples must lie in one of the `pieces`. Operations compute whole values.
        """
        (slot,), (piece,) = self.slots[place], self.pieces
        rows = torch.arange(len(deviation.samples), device=deviation.samples.device)
        golden = self.golden(piece)
        # Exact, as rules write into memory in place, which autograd does not allow.
        state = FaultyPass(self.graph, golden, deviation.samples, rows, grouped=False, exact=True)
        values = golden[slot].index_select(0, deviation.samples)
        deviation.apply_to(values)
        state.patches[slot] = Patch(values, (None,) * (values.ndim - 1))
        propagate(state, self.steps(place), drop=False)
        outputs: Tensor = state.whole(self.graph.output)
        return outputs

    def difference(
        self, place: int, deviation: Deviation, steps: Sequence[int], slot: int
    ) -> Difference | None:
        """What a deviation makes of the value in a slot; None where nothing differs.

        ``steps`` are positions of the operations on the way. All samples must lie in one of the
        `pieces`.
        """
        probes = torch.arange(len(deviation.samples), device=deviation.samples.device)
        state = self._entered(place, deviation, self.pieces[0], probes)
        if steps and propagate(state, steps, slot, drop=True) is None:
            return None
        assert state.owner is not None
        assert state.rows is not None
        return Difference(state.owner, state.rows, state.delta(slot))

    def parameter_outputs(self, place: int, changes: Sequence[WordChange]) -> Tensor:
        """The outputs of all samples after each change of a word of a stored site.

        Of shape ``(changes, samples, ...)``. The changes are those of the tensor in the model. For
        which of them the outputs depend on the order of summation, `by_order` says.
        """
        factor = self.factors.get(self.slots[place][0])
        if factor is not None:
            changes = [change.folded(float(factor[change.at[0]])) for change in changes]
        outputs = self.model_outputs.expand(len(changes), *self.model_outputs.shape).clone()
        with torch.no_grad():
            for number, change in enumerate(changes):
                for piece in self.pieces:
                    state = FaultyPass(self.graph, self.golden(piece), exact=self.exact)
                    drop = self.shares_passes(place)
                    if self.carry(state, place, [change], drop=drop) is None:
                        continue
                    rows = slice(None) if state.rows is None else state.rows
                    outputs[number, piece][rows] = state.whole(self.graph.output)
        return outputs

    def concerned(
        self, place: int, golden: dict[int, Any], changes: Sequence[WordChange]
    ) -> Tensor | None:
        """Which samples read a word of a site, ``(changes, samples)``; None: all.

        The site `shares_passes`; ``golden`` are the golden values of these samples.
        """
        if not self.direct(place):
            return None
        return concerned_samples(golden, self.graph.nodes[self.steps(place)[0]], changes)

    def carry(
        self,
        state: FaultyPass,
        place: int,
        changes: list[WordChange],
        *,
        drop: bool,
        only: Tensor | None = None,
    ) -> Patch | None:
        """Carry changes of a stored site to the output, one change a trial of the pass.

        Several changes need a site that `shares_passes`. ``drop``: rows that do not differ any more
        leave; ``only``: which rows are needed. None where nothing differs.
        """
        steps = self.steps(place)
        if not steps:
            return None
        if self.direct(place):
            first = self.graph.nodes[steps[0]]
            # To leave rows out copies the others: not where all are needed.
            some = only if drop and only is not None and not bool(only.all()) else None
            concerned = concerned_samples(state.golden, first, changes) if drop else None
            if concerned is not None:
                owner = 0 if state.owner is None else state.owner
                concerned = concerned[owner, slice(None) if state.rows is None else state.rows]
                some = concerned if only is None else concerned & only
                if not bool(some.any()):
                    return None
            # A rule that computes every row by itself is given fewer; one that has all golden rows
            # at hand at no cost gives all, and the rows leave afterwards.
            early = some is not None and computes_rows(first)
            if some is not None and early:
                state.drop(some)
            state.patches[first.slot] = changed_output(state, first, self.slots[place][0], changes)
            if some is not None and not early:
                state.drop(some)
            return propagate(state, steps, drop=drop)
        if uses := self.uses(place):
            if drop and only is not None and not bool(only.all()):
                state.drop(only)
            like = self.graph.constants[self.slots[place][0]]
            repeated = RepeatedChange.of(uses, changes, like)
            return propagate(state, steps, drop=drop, change=repeated)
        (change,) = changes
        for slot in self.slots[place]:
            # Tied tensors have several slots, and all of them read the faulty value.
            changed = state.golden[slot].clone()
            changed[change.at] = change.value_from(changed[change.at])
            state.others[slot] = changed
        return propagate(state, steps, drop=False)

    def _entered(
        self, place: int, deviation: Deviation, piece: slice, probes: Tensor
    ) -> FaultyPass:
        """A pass of samples of one piece, in which a site deviates."""
        (slot,), golden = self.slots[place], self.golden(piece)
        rows = deviation.samples - piece.start
        state = FaultyPass(self.graph, golden, rows, probes, grouped=False)
        state.patches[slot] = deviation.on(golden[slot], rows)
        return state


def _pieces(workload: Workload, graph: Graph, fit: int) -> list[slice]:
    """The samples in pieces of at most ``fit``, whose golden values are kept at a time.

    Raises:
        NoGraphError: the graph has to be executed on whole batches, which do not fit.
    """
    count = len(workload.data)
    size = max(1, min(count, fit))
    if graph.source == "torch.fx":
        # Its operations may look at whole batches, so that these have to be the same.
        if size < workload.batch:
            raise NoGraphError("torch.fx: the values of one batch take more than the memory")
        size = workload.batch
    return [slice(at, min(at + size, count)) for at in range(0, count, size)]
