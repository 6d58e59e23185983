"""How are the outputs of modules recorded during a forward pass?"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from radhard.workload.hooks import After, module_hooks

__all__ = ["Recorder"]


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
        self, modules: Mapping[str, nn.Module], visit: After, reset: Callable[[], None]
    ) -> Iterator[None]:
        """While open, ``visit`` receives every call of these modules and returns the output to use.

        ``reset`` is called before each pass. ``visit`` runs before the other hooks of the modules,
        such as those of a range restriction, as faults are injected there too.
        """
        self._resets.append(reset)
        try:
            with module_hooks(modules, after=visit, first=True):
                yield
        finally:
            self._resets.remove(reset)

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
            # The model goes on with the copy: what is recorded stays as it was returned.
            seen[name].append(output)
            return output.clone()

        with self.visiting(modules, visit, reset):
            yield seen
