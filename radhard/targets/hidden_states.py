"""Faults in the states of recurrent layers, at some of the time steps."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal

from torch import nn

from radhard.errors import InputError
from radhard.globs import matches
from radhard.module import module_at
from radhard.spec import component
from radhard.stepwise import STEPWISE
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.patterns import check_matches
from radhard.targets.recurrent_layers import Direction
from radhard.targets.row_ranges import check_range, range_text, selected_rows
from radhard.targets.state_injection import in_cell, in_layer
from radhard.workload import Workload
from radhard.workload.calls import Flow, ModuleCall, check_geometry

__all__ = ["HiddenStates"]


@component
class HiddenStates(Target):
    """States of recurrent layers at a time step, ``HiddenStates("lstm")``; later steps see them.

    The hidden state h, or the cell state c of an LSTM, of ``nn.LSTM``, ``nn.GRU``, ``nn.RNN`` and
    their cells. ``pattern``: globs of layer names, joined by ``|``. Each layer and direction of a
    call is a tensor ``(steps, hidden)``, ``lstm:h_l0`` or ``lstm:h_l1_reverse`` as in torch's names
    of weights; that of a cell, ``cell:h``, has a step for each call. A repeated call of a layer is
    ``lstm@1:h_l0``.

    A fault is in the state that a step leaves behind: one in h is in the output of this step as
    well, one in c only in what later steps compute. In the reverse direction, later steps are those
    with a smaller number. Later layers see all of it.

    ``steps``: ``"*"``, the number of a step (from 0; from the end if negative), or a range of them
    as ``range(2, 5)`` or ``"2:5"``. ``sample``: as for `Activations`; with ``"one"``, a fault is
    transient: at one step of the inference of one sample.
    """

    pattern: str
    state: Literal["h", "c"] = "h"
    steps: int | str = "*"
    sample: Literal["one", "every"] = "one"

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", range_text(self.steps, "HiddenStates: steps"))
        super().__post_init__()

    def check(self) -> None:
        check_range(self.steps, "HiddenStates: steps")

    @property
    def role(self) -> Literal["hidden state"]:
        return "hidden state"

    def sites(self, workload: Workload) -> list[Site]:
        model, calls = workload.model, workload.module_calls()
        count = len(workload.data) if self.sample == "one" else None
        found, there_is = list[Site](), list[str]()
        for site, names in _states(model, calls):
            if not site.name.partition(":")[2].startswith(self.state):
                continue
            there_is.append(site.name)
            if matches(self.pattern, *names):
                rows = selected_rows(self, self.steps, site, "steps")
                samples = count if site.axis is not None else None
                found.append(dataclasses.replace(site, rows=rows, samples=samples))
        for call, why in _unreachable(model, calls):
            if matches(self.pattern, call.name, call.module):
                raise InputError(f"{self!r}: {call.name!r} {why}")
        if not there_is:
            kinds = "nn.LSTM or nn.LSTMCell" if self.state == "c" else "nn.LSTM, nn.GRU or nn.RNN"
            raise InputError(
                f"{self!r}: no {kinds} is called in this model, so that the state cannot be "
                "reached; if a module of its own computes it, choose Activations of that module"
            )
        check_matches([site.name for site in found], self, there_is, "state of a recurrent layer")
        return found

    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        layer = module_at(model, site.layer)
        if isinstance(layer, nn.RNNBase):
            return in_layer(layer, site, faults)
        return in_cell(layer, site, faults)


def _states(model: nn.Module, calls: list[ModuleCall]) -> Iterator[tuple[Site, tuple[str, ...]]]:
    """Every state in every call, with all its steps, and the names that a pattern may match."""
    unreachable = {call.name for call, _ in _unreachable(model, calls)}
    cells: dict[str, list[ModuleCall]] = {}
    for call in calls:
        module = model.get_submodule(call.module)
        if call.name in unreachable:
            continue
        if isinstance(module, nn.RNNBase):
            many = sum(other.module == call.module for other in calls)
            for site in _of_layer(module, call, many):
                yield site, (site.name, call.name, call.module)
        elif isinstance(module, nn.RNNCellBase):
            cells.setdefault(call.module, []).append(call)
    for path, each in cells.items():
        for site in _of_cell(path, each):
            yield site, (site.name, path)


def _of_layer(module: nn.RNNBase, call: ModuleCall, calls: int) -> Iterator[Site]:
    flows = {flow.path: flow for flow in call.flows}
    sequence = flows["0",]
    paths = {"h": ("1", "0"), "c": ("1", "1")} if module.mode == "LSTM" else {"h": ("1",)}
    check_geometry((call.name, flows[path]) for path in (("0",), *paths.values()))
    steps = sequence.shape[-2] if _is_batched(flows[paths["h"]]) else sequence.shape[0]
    if not _is_batched(flows[paths["h"]]) or sequence.axis is not None:
        between: tuple[int, ...] = sequence.shape[:-2]
    else:  # a batch without an axis of the samples
        batch_first = module.batch_first
        steps = sequence.shape[1 if batch_first else 0]
        between = (sequence.shape[0 if batch_first else 1],)
    directions: tuple[Direction, ...] = ("forward", "reverse")
    for layer in range(module.num_layers):
        for direction in directions if module.bidirectional else directions[:1]:
            for state, path in paths.items():
                end = "_reverse" if direction == "reverse" else ""
                yield Site(
                    name=f"{call.name}:{state}_l{layer}{end}",
                    shape=(steps, *between, flows[path].shape[-1]),
                    role="hidden state",
                    layer=call.module,
                    kind=call.kind,
                    dtype=flows[path].dtype,
                    axis=None if sequence.axis is None else 0,
                    call=call.number,
                    calls=calls,
                )


def _is_batched(last: Flow) -> bool:
    """Whether the last states of a layer have an axis of the batch."""
    return last.axis is not None or len(last.shape) == 3


def _of_cell(path: str, calls: list[ModuleCall]) -> Iterator[Site]:
    first = calls[0]
    # An LSTM cell returns two states, others one.
    several = len(first.flows) > 1
    for state, at in (("h", 0), ("c", 1)) if several else (("h", 0),):
        flows = [call.flows[at] for call in calls]
        check_geometry((call.name, flow) for call, flow in zip(calls, flows, strict=True))
        if len({(flow.shape, flow.axis, flow.dtype) for flow in flows}) > 1:
            raise InputError(f"{path!r} is called with batches of different shapes in one pass")
        yield Site(
            name=f"{path}:{state}",
            shape=(len(calls), *flows[0].shape),
            role="hidden state",
            layer=path,
            kind=first.kind,
            dtype=flows[0].dtype,
            axis=flows[0].axis,
        )


def _unreachable(model: nn.Module, calls: list[ModuleCall]) -> Iterator[tuple[ModuleCall, str]]:
    """Calls of recurrent layers whose states cannot be reached, with the reason."""
    plain: dict[type[nn.Module], tuple[Callable[..., Any], ...]] = {
        nn.RNNBase: (nn.LSTM.forward, nn.GRU.forward, nn.RNN.forward),
        nn.RNNCellBase: (nn.LSTMCell.forward, nn.GRUCell.forward, nn.RNNCell.forward),
    }
    for call in calls:
        module = model.get_submodule(call.module)
        for kind, forwards in plain.items():
            if not isinstance(module, kind):
                continue
            if type(module).forward not in forwards and not isinstance(module, STEPWISE):
                yield call, "has a forward of its own, so that its states cannot be reached"
            elif isinstance(module, nn.RNNBase) and ("0",) not in {f.path for f in call.flows}:
                yield (
                    call,
                    "is given packed sequences; give it a padded tensor to inject faults into its "
                    "states",
                )
            elif isinstance(module, nn.RNNBase) and _takes_samples_as_steps(module, call):
                yield call, "takes the samples of a batch as time steps; check its batch_first"


def _takes_samples_as_steps(module: nn.RNNBase, call: ModuleCall) -> bool:
    flows = {flow.path: flow for flow in call.flows}
    last = flows["1", "0"] if module.mode == "LSTM" else flows["1",]
    # The states after the last step have no axis of the samples then: their length is that of the
    # other axis, in batches of any size.
    return flows["0",].axis is not None and last.axis is None
