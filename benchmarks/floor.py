"""How much arithmetic lies downstream of a fault, and how long must it take here?"""

import copy
import math
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from radhard.space import FaultSpace
from radhard.targets import Site

__all__ = ["Rates", "downstream", "machine_rates"]


@dataclass(frozen=True)
class Rates:
    """Multiply-accumulates a second, measured on one thread."""

    product: float
    convolution: float

    @property
    def best(self) -> float:
        """The faster of the two: what bounds every engine."""
        return max(self.product, self.convolution)


@dataclass(frozen=True)
class Extent:
    """How much of a value differs: a share of its channels (or features), rows and columns."""

    share: float
    rows: float = 1.0
    columns: float = 1.0


def machine_rates(seconds: float = 1.0) -> Rates:
    """What one thread does at best: a product of matrices of 768, a 3x3 convolution of 64 maps."""
    a = torch.randn(768, 768)
    maps = torch.randn(100, 64, 16, 16).to(memory_format=torch.channels_last)
    kernel = torch.randn(64, 64, 3, 3).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        product = _fastest(lambda: a @ a, seconds)
        convolution = _fastest(lambda: functional.conv2d(maps, kernel, padding=1), seconds)
    return Rates(768**3 / product, 100 * 64 * 16 * 16 * 64 * 9 / convolution)


def downstream(
    model: nn.Module, inputs: Tensor, space: FaultSpace, places: Collection[int]
) -> dict[int, float]:
    """Multiply-accumulates of one sample behind a fault, for some of a space's sites.

    Of each convolution and linear layer downstream only the part that can change counts: the
    channels that differ in its input, the window of positions that the fault has reached. Element
    by element work and memory traffic count nothing.
    """
    nodes, named = _exported(model, inputs)
    return {place: _behind(nodes, named, space.sites[place]) for place in places}


def _fastest(work: Callable[[], object], seconds: float) -> float:
    """The shortest of many runs, in processor time: a neighbour makes it longer, never shorter."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def _exported(model: nn.Module, inputs: Tensor) -> tuple[list[fx.Node], dict[str, str]]:
    """The operations of a pass over two samples, and which placeholder is which parameter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A copy, because exporting leaves marks on recurrent layers.
        exported = torch.export.export(copy.deepcopy(model), (inputs[:2],), strict=False)
    named = {v: k for k, v in exported.graph_signature.inputs_to_parameters.items()}
    return list(exported.graph.nodes), named


def _behind(nodes: list[fx.Node], named: Mapping[str, str], site: Site) -> float:
    changed: dict[fx.Node, Extent] = {}
    total, begins = 0.0, None
    if site.flows:
        begins = [n for n in nodes if n.op == "call_function" and _within(n, site.layer)][-1]
    parameter = named.get(site.name)
    for node in nodes:
        if node is begins:
            changed[node] = Extent(1 / _shape(node)[1])
        elif node.op == "call_function":
            reached = [n for n in node.all_input_nodes if n in changed]
            if parameter is not None and any(n.name == parameter for n in node.all_input_nodes):
                changed[node], cost = _affected(node)
                total += cost
            elif reached:
                changed[node], cost = _passed(node, [changed[n] for n in reached], reached)
                total += cost
    return total


def _within(node: fx.Node, layer: str) -> bool:
    stack = node.meta.get("nn_module_stack", {})
    return any(str(path) == layer for path, _ in stack.values())


def _affected(node: fx.Node) -> tuple[Extent, float]:
    """What a faulty parameter changes in the operation that uses it, and what that costs."""
    shape = _shape(node)
    if "lstm" in str(node.target):
        return Extent(1.0), _full_cost(node)
    rows, columns = (*shape[2:], 1, 1)[:2] if len(shape) == 4 else (1, 1)
    positions = math.prod(shape[2:])
    return Extent(1 / shape[1], rows, columns), float(positions)


def _passed(node: fx.Node, extents: list[Extent], inputs: list[fx.Node]) -> tuple[Extent, float]:
    """What changes behind an operation whose inputs have changed, and what that costs."""
    before = _shape(inputs[0])
    shape = _shape(node)
    share = max(e.share for e in extents)
    rows, columns = max(e.rows for e in extents), max(e.columns for e in extents)
    if len(shape) != 4:
        if len(before) == 4:  # flattened: a window of positions is a share of the features
            share *= rows * columns / math.prod(before[2:])
        cost = _full_cost(node) * share
        return Extent(1.0 if cost else share), cost
    reach, step = _kernel(node)
    rows = min(shape[2], (rows + reach - 1) / step)
    columns = min(shape[3], (columns + reach - 1) / step)
    cost = _full_cost(node) * share * rows * columns / math.prod(shape[2:])
    return Extent(1.0 if cost else share, rows, columns), cost


def _kernel(node: fx.Node) -> tuple[int, int]:
    """Size and step of the window through which an operation looks at its input."""
    target = str(node.target)
    if "conv2d" in target:
        stride = node.args[3] if len(node.args) > 3 else 1
        return _shape(node.args[1])[2], _first(stride)
    if "max_pool2d" in target or ("avg_pool2d" in target and "adaptive" not in target):
        size = _first(node.args[1])
        return size, _first(node.args[2]) if len(node.args) > 2 and node.args[2] else size
    return 1, 1


def _full_cost(node: fx.Node) -> float:
    """Multiply-accumulates of an operation, for one sample."""
    target = str(node.target) if node.op == "call_function" else ""
    if "conv2d" in target:
        return math.prod(_shape(node)[1:]) * math.prod(_shape(node.args[1])[1:])
    if "linear" in target:
        return math.prod(_shape(node)[1:]) * _shape(node.args[1])[1]
    if "lstm_cell" in target:
        # The part of the state, as below.
        return float(math.prod(_shape(node.args[3])))
    if "lstm" in target:
        # The input's part needs no second look: only the recurrent part follows the difference.
        steps, recurrent = _shape(node.args[0])[1], node.args[2][1]  # type: ignore[index]
        return float(steps * math.prod(_shape(recurrent)))
    return 0.0


def _shape(node: Any) -> tuple[int, ...]:
    value = node.meta["val"]
    return tuple((value[0] if isinstance(value, tuple | list) else value).shape)


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, list | tuple) else value)
