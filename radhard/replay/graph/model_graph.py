"""Which graph gives what the model gives, for batches of every size?"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from radhard.datasets.batch import mapped
from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.forward import Forward
from radhard.replay.graph.cell_parts import with_cells_in_parts
from radhard.replay.graph.export_graph import exported_graph
from radhard.replay.graph.fx_graph import fx_graph
from radhard.replay.graph.operation_graph import Graph, NoGraphError, first_line
from radhard.replay.graph.recorder_graph import recorder_graph
from radhard.state.state import State
from radhard.tree import tree_leaves
from radhard.workload.geometry import repeated

__all__ = ["graph_of"]

_SIZES = (1, 2, 3)
"""Batch sizes at which model and graph are compared; the engines compare all samples later. The
values of the last are those of the comparison of rows, too."""

_CLOSE = 1e-4
"""Differences, as shares of the largest output, that another order of additions explains."""


def graph_of(model: nn.Module, call: Forward, data: Data, *, recorded_only: bool = False) -> Graph:
    """The graph of a recorded pass, or else one of ``torch.export`` or ``torch.fx``.

    Each is compared with the model, and the first one taken that gives what the model gives.
    ``recorded_only``: only the first, as the others take seconds.

    Raises:
        NoGraphError: none of them can be made, or gives what the model gives.
    """
    batch = repeated(data.rows(slice(0, 1)), 3)
    reasons: list[str] = []
    state = State(model, parameters=False)
    ways = (recorder_graph, exported_graph, fx_graph)
    for made in ways[:1] if recorded_only else ways:
        try:
            graph = with_cells_in_parts(made(model, call, batch))
            _check_same_outputs(graph, model, call, data)
        except NoGraphError as error:
            reasons.append(str(error))
        else:
            return graph
        finally:
            # What a pass keeps for later ones, such as products of weights, would be a constant.
            state.restore()
    raise NoGraphError("; ".join(dict.fromkeys(reasons)))


def _check_same_outputs(graph: Graph, model: nn.Module, call: Forward, data: Data) -> None:
    """Compare a graph with its model, and see whether each sample has a row of its own.

    Whatever tracing bakes into a graph (sizes, branches, constants) shows here or when the engines
    compare the outputs for all samples. Values of which one row depends on the others are taken
    out of ``graph.by_sample``.

    Raises:
        NoGraphError: the outputs differ, or those of a sample depend on the others in its batch.
    """
    with torch.no_grad():
        for size in _SIZES:
            batch = _batch(data, size)
            try:
                # A copy, since some models write into their inputs.
                outputs = call(model, mapped(batch, torch.clone))
            except (InputError, MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:  # whatever a model says to a batch of this size
                raise NoGraphError(
                    f"the model takes no {size} samples: {first_line(error)}"
                ) from error
            values = graph.values(_inputs(batch))
            if not _close(values[graph.output], outputs):
                raise NoGraphError(f"{graph.source}: its graph gives other outputs than the model")
        _check_rows(graph, data, batch, values)


def _check_rows(graph: Graph, data: Data, own: Any, first: Mapping[int, Any]) -> None:
    """See that the middle row of three stays, to the last bit, when the others change.

    ``own`` holds the three samples, and ``first`` the values of the graph for them.
    """
    apart: set[int] = set()
    # Other samples, and the same values in another order: a sum over the batch would not notice
    # that alone, nor a maximum other samples that happen to be smaller.
    for company in (_rolled(own), _company(own, _batch(data, 3, last=True))):
        values = graph.values(_inputs(company))
        apart |= {slot for slot in graph.by_sample if not _same_row(first[slot], values[slot])}
    if graph.output in apart:
        raise NoGraphError("the outputs of a sample depend on the others in its batch")
    graph.by_sample -= apart


def _batch(data: Data, size: int, *, last: bool = False) -> Any:
    """Some of the first samples, or of the last; again from the beginning where there are few."""
    rows = torch.arange(size) % len(data)
    return data.rows(len(data) - 1 - rows if last else rows)


def _company(own: Any, others: Any) -> Any:
    """The middle sample of one batch between the others of another."""
    parts = iter(tree_leaves(own))
    return mapped(others, lambda tensor: torch.cat([tensor[:1], next(parts)[1:2], tensor[2:]]))


def _rolled(batch: Any) -> Any:
    """The middle sample of a batch between others whose elements stand in another order."""

    def roll(tensor: Tensor) -> Tensor:
        rolled = tensor.flatten(1).roll(1, 1).view_as(tensor) if tensor.ndim > 1 else tensor
        return torch.cat([rolled[:1], tensor[1:2], rolled[2:]])

    return mapped(batch, roll)


def _inputs(batch: Any) -> list[Tensor]:
    return tree_leaves(batch)


def _same_row(one: Any, other: Any) -> bool:
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or one.shape != other.shape:
        return False
    a, b = one[1], other[1]
    # NaN in both counts as equal.
    return torch.equal(a, b) or bool(((a == b) | ((a != a) & (b != b))).all())


def _close(found: Any, outputs: Any) -> bool:
    if not isinstance(found, Tensor) or not isinstance(outputs, Tensor):
        return False
    if found.shape != outputs.shape or found.dtype != outputs.dtype:
        return False
    # Whole numbers, such as predicted classes, cannot be close.
    if not outputs.is_floating_point():
        return torch.equal(found, outputs)
    share = max(_CLOSE, 64 * torch.finfo(outputs.dtype).eps)
    finite = outputs[outputs.isfinite()]
    size = float(finite.abs().max()) if finite.numel() else 1.0
    return torch.allclose(found, outputs, rtol=share, atol=share * size, equal_nan=True)
