"""Faults in modules' outputs."""

from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Literal

from torch import nn

from radhard.globs import matches
from radhard.module import module_at
from radhard.spec import component
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.flow_injection import with_faults
from radhard.targets.patterns import admits, check_matches
from radhard.tree import changed
from radhard.workload import Workload
from radhard.workload.calls import Flow, ModuleCall, check_geometry
from radhard.workload.hooks import temporary_hooks

__all__ = ["Activations"]


@component
class Activations(Target):
    """Activations: a module's output, for every kind of module, ``Activations("conv*")``.

    ``pattern``: globs of module names, joined by ``|``; ``layers``: globs of layer classes. A glob
    matches the innermost modules that compute something; a container, or a module that only
    returns its input, is matched by its exact name; the whole model is ``(model)``. The parts of a
    tuple output are ``lstm:0``, ``lstm:1.0``; a repeated call of a module is ``relu@1``. Faults are
    injected into the complete output of a recurrent layer: a fault at one step of ``lstm:0`` does
    not affect the layer's later steps (those of `HiddenStates` do).

    ``sample="one"``: a transient fault, in the inference of one sample (each sample has its own
    faults); ``"every"``: a permanent fault, at the same place in every inference.
    """

    pattern: str
    layers: str | None = None
    sample: Literal["one", "every"] = "one"

    @property
    def role(self) -> Literal["activation"]:
        return "activation"

    def sites(self, workload: Workload) -> list[Site]:
        calls = workload.module_calls()
        count = len(workload.data) if self.sample == "one" else None
        wanted = [(call, flow) for call in calls for flow in call.flows if self._wants(call, flow)]
        check_geometry((_named(call, flow), flow) for call, flow in wanted)
        found = [
            Site(
                name=_named(call, flow),
                shape=flow.shape,
                role="activation",
                layer=call.module,
                kind=call.kind,
                dtype=flow.dtype,
                samples=count if flow.axis is not None else None,
                axis=flow.axis,
                call=call.number,
                calls=sum(other.module == call.module for other in calls),
            )
            for call, flow in wanted
        ]
        there_is = [_named(call, flow) for call in calls for flow in call.flows]
        check_matches([site.name for site in found], self, there_is, "floating-point activation")
        return found

    def _wants(self, call: ModuleCall, flow: Flow) -> bool:
        exact = [part.strip() for part in self.pattern.split("|")]
        names = (_named(call, flow), call.name, call.module)
        if not admits(self.layers, call.kind):
            return False
        if any(name in exact for name in names):
            return True
        # A glob leaves containers and modules without an effect out, so that no value is counted
        # twice.
        return call.innermost and flow.fresh and matches(self.pattern, *names)

    def reach(
        self, model: nn.Module, site: Site, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        layer = module_at(model, site.layer)
        _, _, inner = site.name.partition(":")
        path = tuple(inner.split(".")) if inner else ()
        seen = 0

        def hook(module: nn.Module, args: Any, output: Any) -> Any:  # noqa: ARG001
            nonlocal seen
            seen += 1
            # Counted over passes: the calls of a pass follow each other, and each pass has as many.
            if (seen - 1) % site.calls != site.call:
                return None
            return changed(output, path, lambda t: with_faults(t, site, faults))

        # Prepended, so that hooks registered earlier on the same module, such as those of a range
        # restriction, receive the faulty output.
        return temporary_hooks([(partial(layer.register_forward_hook, prepend=True), hook)])


def _named(call: ModuleCall, flow: Flow) -> str:
    return f"{call.name}:{'.'.join(flow.path)}" if flow.path else call.name
