"""How are the outputs of modules recorded during a forward pass?"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

__all__ = ["Recorder", "Visit"]

Visit = Callable[[str, tuple[Any, ...], dict[str, Any], Any], Any]
"""Called with a module's name, its arguments, its keyword arguments and its output."""


class Recorder:
    """Calls functions with what modules receive and return, pass by pass."""

    def __init__(self) -> None:
        self.samples = 0
        """Samples of the current pass."""
        self._resets: list[Callable[[], None]] = []

    def begin(self, samples: int) -> None:
        """Start a forward pass over ``samples`` samples; records of the last pass are discarded."""
        self.samples = samples
        for reset in self._resets:
            reset()

    @contextmanager
    def visiting(
        self, modules: Mapping[str, nn.Module], visit: Visit, reset: Callable[[], None]
    ) -> Iterator[None]:
        """While open, ``visit`` receives every call of these modules and returns the output to use.

        ``reset`` is called before each pass. ``visit`` runs before the other hooks of the modules,
        such as those of a range restriction, as faults are injected there too.
        """
        with ExitStack() as hooks:
            self._resets.append(reset)
            hooks.callback(self._resets.remove, reset)
            for name, module in modules.items():

                def hook(_: nn.Module, *passed: Any, name: str = name) -> Any:
                    return visit(name, *passed)

                handle = module.register_forward_hook(hook, prepend=True, with_kwargs=True)
                hooks.callback(handle.remove)
            yield

    @contextmanager
    def outputs(self, modules: Mapping[str, nn.Module]) -> Iterator[dict[str, list[Tensor]]]:
        """While open, the outputs of these modules by name, call by call, of the current pass.

        The model continues with copies, so that in-place operations do not change these tensors.
        """
        seen: dict[str, list[Tensor]] = {name: [] for name in modules}

        def reset() -> None:
            for calls in seen.values():
                calls.clear()

        def visit(name: str, args: Any, kwargs: Any, output: Tensor) -> Tensor:  # noqa: ARG001
            seen[name].append(output)
            return output.clone()

        with self.visiting(modules, visit, reset):
            yield seen
