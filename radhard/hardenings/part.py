"""What is put into a model to protect it?"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.internals import is_fx_symbolic_tracing

__all__ = ["Part", "Place", "attach", "attach_to_model", "parts"]

Place = Literal["output", "input", "model", "nowhere"]
"""Where a part steps in: after its module, before it, before every pass of the whole model; or it
only says something."""


class Part(nn.Module, ABC):
    """A piece of draft: a child of the module that it protects, called by a hook.

    It lies in the model under a name of its own, so that the tensors which were there keep theirs;
    what it holds are buffers and parameters, which faults may strike, and which are saved and
    exported. Subclasses take only literals, from which the shapes of all their tensors follow; so
    a file can say how to make an empty one. They define ``place`` and one of the three steps.
    """

    place: Place = "output"

    def __init__(self, by: str) -> None:
        super().__init__()
        self.by = by
        """The hardening that put it there, as text."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments, beside ``by``, that make an empty part of the same shape."""

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:
        """What stands for the output of the module, given its arguments too."""
        raise NotImplementedError

    def before(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """What stands for the arguments of the module."""
        raise NotImplementedError

    def forward(self, *values: Any) -> Any:
        """What it is given: a model that calls its children one after another calls it too."""
        return values[0] if len(values) == 1 else values

    def due(self) -> bool:
        """Whether it is time to put the model right, asked before every pass."""
        return True

    def scrub(self, model: nn.Module) -> None:
        """Put the whole model right, in place."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The settings of the part, as `torch.nn.Module` prints them."""
        return ", ".join(f"{key}={value!r}" for key, value in self.settings.items())


# Hooks know a name and look the part up, so that a copy of the model calls its own.
@dataclass(frozen=True)
class _After:
    name: str

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        return _child(module, self.name).after(args, output)


@dataclass(frozen=True)
class _Before:
    name: str

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return _child(module, self.name).before(args)


@dataclass(frozen=True)
class _Scrub:
    path: str
    run: Callable[[Part, nn.Module], None]

    def __call__(self, model: nn.Module, args: tuple[Any, ...]) -> None:  # noqa: ARG002
        if is_fx_symbolic_tracing():
            raise InputError(f"torch.fx writes down nothing of {self.path!r}; use torch.export")
        host, _, name = self.path.rpartition(".")
        part = _child(model.get_submodule(host), name)
        (_scrubbed if torch.compiler.is_exporting() else self.run)(part, model)


def _scrubbed(part: Part, model: nn.Module) -> None:
    if part.due():
        part.scrub(model)


def attach(model: nn.Module, path: str, part: Part) -> None:
    """Put a part under the qualified name ``path``, the last component of which is its own name.

    Parts of one module step in in the order in which they were attached.

    Raises:
        InputError: there is a child or tensor of this name already.
    """
    host_path, _, name = path.rpartition(".")
    host = model.get_submodule(host_path)
    taken = {*dict(host.named_children()), *host._parameters, *host._buffers}
    if name in taken:
        raise InputError(f"{path!r} is there already; harden the model as it was before")
    part.train(host.training)
    host.add_module(name, part)
    if part.place == "output":
        host.register_forward_hook(_After(name))
    elif part.place == "input":
        host.register_forward_pre_hook(_Before(name))
    elif part.place == "model":
        # What is in memory is looked at and written, which is nothing to compile.
        run = torch.compiler.disable(_scrubbed)  # type: ignore[no-untyped-call]
        model.register_forward_pre_hook(_Scrub(path, run))


def attach_to_model(model: nn.Module, name: str, part: Part) -> None:
    """Put a part that concerns the whole model under its first innermost module with tensors.

    Not under the model itself: one that calls its children one after another would call it too.
    """
    for path, module in model.named_modules():
        innermost = not any(not isinstance(child, Part) for child in module.children())
        if innermost and path and (module._parameters or module._buffers):
            attach(model, f"{path}.{name}", part)
            return
    attach(model, name, part)


def parts(model: nn.Module) -> Iterator[tuple[str, Part]]:
    """Every part in a model, with its qualified name."""
    for path, module in model.named_modules():
        if isinstance(module, Part):
            yield path, module


def _child(module: nn.Module, name: str) -> Part:
    # Looked up directly and unchecked: in a small network such microseconds are what a part costs.
    return module._modules[name]  # type: ignore[return-value]
