"""How is it seen what layers do during a forward pass?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from radhard.analyses.layer import Layer
from radhard.targets import Forward
from radhard.targets.calls import observed

__all__ = ["Watch", "sample_axes"]


class Watch:
    """Who looks at the forward pass that is going on, and how many samples it has."""

    def __init__(self) -> None:
        self.samples = 0
        self._watchers: list[Callable[[], None]] = []

    def begin(self, samples: int) -> None:
        """Before a forward pass: what was seen in the last one is forgotten."""
        self.samples = samples
        for forget in self._watchers:
            forget()

    @contextmanager
    def over(
        self,
        layers: Sequence[Layer],
        see: Callable[[Layer, Any, dict[str, Any], Any], Any],
        forget: Callable[[], None],
    ) -> Iterator[None]:
        """While open, ``see`` gets layer, arguments and output of every call, and says the output.

        It is called before other hooks of the layers, as faults strike there too.
        """
        with ExitStack() as hooks:
            self._watchers.append(forget)
            hooks.callback(self._watchers.remove, forget)
            for layer in layers:

                def hook(_: nn.Module, *passed: Any, layer: Layer = layer) -> Any:
                    return see(layer, *passed)

                handle = layer.module.register_forward_hook(hook, prepend=True, with_kwargs=True)
                hooks.callback(handle.remove)
            yield


def sample_axes(model: nn.Module, inputs: Any, call: Forward) -> dict[tuple[str, int], int]:
    """The axis that tells samples apart in a module's output, by its name and the call.

    Calls are left out whose samples cannot be told apart.

    Raises:
        InputError: the model takes another way for some samples than for others.
    """
    found = {}
    for called in observed(model, inputs, call, arguments=False):
        flow = next((flow for flow in called.flows if not flow.path), None)
        if flow is not None and flow.axis is not None and not flow.trouble:
            found[called.module, called.number] = flow.axis
    return found
