"""Which faults are proven not to change a prediction?"""

import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from radhard.caps.base import Caps
from radhard.caps.bent_operations import PiecewiseLinear
from radhard.caps.bounded_graph import UnboundedError, operations_behind
from radhard.caps.bounded_operation import BoundedOperation
from radhard.caps.box_limits import box_limits
from radhard.caps.cap_table import CapTable
from radhard.caps.capped_words import CappedWords
from radhard.caps.line_limits import line_limits
from radhard.caps.margin_bound import MarginBound, margin_gradients
from radhard.caps.weight_use import Part, WeightUse
from radhard.errors import InputError
from radhard.replay.graph import Graph, NoGraphError, graph_of
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.tree import tree_leaves
from radhard.workload import Workload

__all__ = ["Certified"]

_VALUES = 2**21
"""Elements of the largest value in one pass of bounds."""

_GRADIENTS = 2**25
"""Elements of gradients kept at a time."""


@component
class Certified(Caps):
    """Caps by proof: a fault counts as harmless for a sample only if no margin can be lost.

    Golden gradients give the first-order effect of a displacement of a weight on every margin of
    the prediction. What ReLU and max-pooling add to it is bounded by interval arithmetic, for all
    displacements up to each power of two; so is the rounding of float32 in the golden and the
    faulty pass, in whatever order sums are computed. If a margin stays positive nevertheless, the
    prediction cannot change. For the weights and biases of convolutions and linear layers, if all
    operations between them and the logits are convolutions, linear layers, batch normalization,
    ReLU and its piecewise linear relatives, max- and average-pooling, sums, or changes of shape.
    The other tensors are left out, with a reason.

    ``part``: for which weights of a convolution the remainder is bounded together: those of a
    ``"channel"``, of a ``"kernel"``, or for each ``"word"`` by itself. Finer parts certify more and
    take longer. Weights of linear layers behind the last pooling are always bounded exactly as far
    as the next activation.

    The proof concerns the arithmetic of `Serial` with the same batch size, on a CPU. In deep
    networks bounds grow from layer to layer, and few faults in the first ones are certified.

    Raises:
        InputError: the model is no classifier, has no graph, or is not on a CPU.
    """

    part: Part = "channel"

    def find(self, workload: Workload, space: FaultSpace) -> CapTable:
        began = time.perf_counter()
        workload.check_classifier(repr(self))
        if workload.golden.device.type != "cpu" or workload.golden.dtype != torch.float32:
            raise InputError(
                f"{self!r} bounds the rounding of float32 on a CPU; this model computes in "
                f"{workload.golden.dtype} on {workload.golden.device}; use Stated()"
            )
        if torch.get_float32_matmul_precision() != "highest":
            raise InputError(
                f"{self!r} bounds the rounding of float32, and torch may compute products in a "
                "narrower format; call torch.set_float32_matmul_precision('highest')"
            )
        try:
            graph = graph_of(workload.model, workload.call, workload.data)
        except NoGraphError as error:
            raise InputError(f"{self!r} needs the operations of the model: {error}") from None
        # What is made in inference mode cannot be differentiated.
        with torch.inference_mode(False), torch.no_grad():
            search = _Search(self.part, workload, space, graph)
            for rows, inputs in workload.batches():
                search.add(rows, tree_leaves(inputs))
            samples, seconds = len(workload.data), time.perf_counter() - began
            return search.words.table(repr(self), samples, seconds)


class _Search:
    """Limits of all words, sample by sample."""

    def __init__(self, part: Part, workload: Workload, space: FaultSpace, graph: Graph) -> None:
        self._part, self._workload, self._graph = part, workload, graph
        self.words = CappedWords.of(space, graph)
        self._users = graph.users()

    def add(self, rows: slice, inputs: Sequence[Tensor]) -> None:
        """Bound the samples of a batch."""
        values = self._graph.values(inputs)
        if not torch.equal(values[self._graph.output], self._workload.golden[rows]):
            raise InputError(
                f"{Certified(self._part)!r} needs the operations that the model carries out, and "
                "its graph rounds differently; use Stated()"
            )
        # Asked of each place by itself, as an operation without a bound leaves out only the tensors
        # in front of it.
        for place, use in list(self.words.uses.items()):
            try:
                operations_behind(self._graph, values, [use.source])
            except UnboundedError as error:
                self.words.leave_out(place, str(error))
        if not self.words.uses:
            return
        slots = list(dict.fromkeys(use.node.slot for use in self.words.uses.values()))
        operations = operations_behind(self._graph, values, slots)
        layers = {}
        for use in self.words.uses.values():
            (layers[use.node.slot],) = (
                operation
                for operation in operations_behind(self._graph, values, [use.source])
                if operation.slot == use.node.slot
            )
        # Only what bounds ask for is kept in float64.
        kept = {
            slot
            for operation in [*operations, *layers.values()]
            for slot in (operation.slot, *operation.sources)
        }
        kept |= {use.source for use in self.words.uses.values()}
        # A sample has a gradient of every class by every value that is kept.
        each = sum(values[slot][0].numel() for slot in kept) * self._workload.golden.shape[1]
        for some in range(0, rows.stop - rows.start, max(1, _GRADIENTS // each)):
            piece = slice(some, min(some + max(1, _GRADIENTS // each), rows.stop - rows.start))
            golden = {slot: values[slot][piece].double() for slot in kept}
            self._bound(golden, operations, layers, self._workload.predictions[rows][piece])

    def _bound(
        self,
        golden: Mapping[int, Tensor],
        operations: Sequence[BoundedOperation],
        layers: Mapping[int, BoundedOperation],
        answers: Tensor,
    ) -> None:
        starts = {slot: self._exact_activation(slot, operations) for slot in layers}
        output = self._graph.output
        slots = {*starts, *(one.slot for one in starts.values() if one is not None)}
        ordered = [slot for slot in golden if slot in slots]
        gradients = margin_gradients(operations, golden, ordered, output, answers)
        logits = golden[output]
        width = max(one[0].numel() for slot, one in golden.items() if slot in gradients)
        for sample, answer in enumerate(answers.tolist()):
            own = {slot: one[sample : sample + 1] for slot, one in golden.items()}
            margins = logits[sample, answer] - logits[sample]
            # Over itself the prediction has no margin that could be lost.
            margins[answer] = torch.inf
            bound = MarginBound(
                operations,
                own,
                {slot: one[sample] for slot, one in gradients.items()},
                output,
                answer,
                margins,
                max(1, _VALUES // width),
            )
            for place, use in self.words.uses.items():
                self.words.add(place, *self._limits_of(bound, use, layers[use.node.slot], starts))

    def _limits_of(
        self,
        bound: MarginBound,
        use: WeightUse,
        layer: BoundedOperation,
        starts: Mapping[int, PiecewiseLinear | None],
    ) -> tuple[Tensor, Tensor]:
        inputs = bound.golden[use.source]
        # Of a linear layer with one position a word moves a single number, which has exact limits.
        if not use.convolution and inputs.ndim == 2:
            factors = torch.ones_like(inputs[0, :1]) if use.bias else inputs[0]
            return line_limits(bound, layer, starts[layer.slot], factors)
        patterns = use.patterns(inputs) if not use.bias else self._ones(bound, use)
        return box_limits(bound, layer, use, patterns, self._part)

    def _ones(self, bound: MarginBound, use: WeightUse) -> Tensor:
        return use.ones(use.by_channel(bound.golden[use.node.slot]).shape[2])

    def _exact_activation(
        self, slot: int, operations: Sequence[BoundedOperation]
    ) -> PiecewiseLinear | None:
        """The activation behind a layer, if nothing else uses the layer's output."""
        users = self._users.get(slot, [])
        if len(users) != 1 or slot == self._graph.output:
            return None
        behind = self._graph.nodes[users[0]].slot
        for operation in operations:
            if operation.slot == behind and isinstance(operation, PiecewiseLinear):
                # A leaky ReLU rounds what it makes of a sum, which is then not known exactly.
                return None if operation.rounded else operation
        return None
