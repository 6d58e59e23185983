"""Faults in the inputs of the model."""

import inspect
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal

from torch import nn

from radhard.globs import matches
from radhard.spec import component
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.flow_injection import with_faults
from radhard.targets.patterns import check_matches
from radhard.tree import changed, leaves
from radhard.workload import Workload
from radhard.workload.calls import check_geometry
from radhard.workload.hooks import temporary_hooks

__all__ = ["Inputs"]


@component
class Inputs(Target):
    """Inputs: the floating-point arguments of the model's forward, ``Inputs("*")``.

    A fault is in the memory of an input, such as a pixel. ``pattern``: globs of argument names,
    joined by ``|``. ``sample="one"``: a fault affects one inference of one sample; ``"every"``: the
    same place of every sample, as a stuck pixel of a sensor does. Tokens and other integers are not
    targets.

    Raises:
        InputError: nothing matches; the message lists the arguments.
    """

    pattern: str
    sample: Literal["one", "every"] = "one"

    @property
    def role(self) -> Literal["input"]:
        return "input"

    def sites(self, workload: Workload) -> list[Site]:
        model, calls = workload.model, workload.module_calls(arguments=True)
        flows = [
            (_named(model, flow.path), flow)
            for call in calls
            if not call.module and not call.number
            for flow in call.flows
        ]
        count = len(workload.data) if self.sample == "one" else None
        wanted = [(name, flow) for name, flow in flows if matches(self.pattern, name)]
        check_geometry(wanted)
        found = [
            Site(
                name=name,
                shape=flow.shape,
                role="input",
                layer="",
                kind=type(model).__name__,
                dtype=flow.dtype,
                samples=count if flow.axis is not None else None,
                axis=flow.axis,
            )
            for name, flow in wanted
        ]
        there_is = [name for name, _ in flows]
        check_matches([site.name for site in found], self, there_is, "floating-point input")
        return found

    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> Any:
            for path, _ in leaves((args, kwargs)):
                if _named(module, path) == site.name:
                    return changed((args, kwargs), path, lambda t: with_faults(t, site, faults))
            return None

        # First of all hooks, so that those of the model's own see the faulty input.
        register = partial(model.register_forward_pre_hook, with_kwargs=True, prepend=True)
        return temporary_hooks([(register, hook)])


def _named(model: nn.Module, path: tuple[str, ...]) -> str:
    """The argument's name in the model's forward; ``x:0`` for a part of it."""
    where, argument, *inner = path
    # Positional arguments have numbers, keyword arguments their names.
    if where == "0":
        parameters = list(inspect.signature(model.forward).parameters)
        number = int(argument)
        argument = parameters[number] if number < len(parameters) else argument
    return f"{argument}:{'.'.join(inner)}" if inner else argument
