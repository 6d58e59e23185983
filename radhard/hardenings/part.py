"""What is put into a model to protect it?"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.internals import is_fx_symbolic_tracing
from radhard.rounding import round_outputs, rounding_of
from radhard.stepwise import Gate, to_stepwise

__all__ = ["Part", "Place", "attach", "attach_to_model", "parts"]

Place = Literal["output", "repeated", "input", "model", "inside", "nowhere"]
"""Where a part acts: after its module; after it and a second computation of the same; before it;
before every pass of the whole model; inside a recurrent layer, which then computes step by step; or
nowhere, if it only records something."""


class Part(nn.Module, ABC):
    """A protective component: a child of the module that it protects, called by a hook.

    It has a separate name in the model, so that existing tensors keep their names. Its tensors are
    buffers and parameters, so that faults can be injected into them, and they are saved and
    exported. The constructors of subclasses take only literals, from which the shapes of all their
    tensors follow, so that an empty part can be created from a file. Subclasses define ``place``
    and one of `after`, `combined`, `before` and `scrub`.
    """

    place: Place = "output"

    def __init__(self, by: str) -> None:
        super().__init__()
        self.by = by
        """The hardening that created it, as text."""

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The arguments, besides ``by``, that create an empty part of the same shapes."""

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:
        """The output that replaces that of the module; ``args`` are the module's arguments."""
        raise NotImplementedError

    def combined(self, first: Tensor, second: Tensor) -> Tensor:
        """The output that replaces that of the module, from it and from a second computation.

        Faults in the module's output are in ``first`` only.
        """
        raise NotImplementedError

    def prepare(self, module: nn.Module) -> None:
        """Change the module to which the part is attached, apart from its tensors."""

    def before(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments that replace those of the module."""
        raise NotImplementedError

    @property
    def clamps(self) -> bool:
        """Whether it changes values out of its bounds by no more than they are out of them."""
        return False

    def within(self, values: Tensor) -> bool:  # noqa: ARG002
        """Whether it is known to leave these values of its module as they are.

        Steps of recurrent layers that no part changes are computed without calling it.
        """
        return False

    def rows_within(self, values: Tensor) -> Tensor:
        """In which rows ``(rows,)`` it is known to leave these values of its module as they are."""
        return values.new_zeros(len(values), dtype=torch.bool)

    def forward(self, *values: Any) -> Any:
        """The identity, since a container such as `torch.nn.Sequential` calls all its children."""
        return values[0] if len(values) == 1 else values

    def due(self) -> bool:
        """Whether the model is to be scrubbed now; called before every pass."""
        return True

    def scrub(self, model: nn.Module) -> None:
        """Correct the whole model, in place."""
        raise NotImplementedError

    @property
    def scrubbed(self) -> tuple[str, ...]:
        """Names of the tensors that `scrub` corrects to what they were when the part was made."""
        return ()

    def extra_repr(self) -> str:
        """The settings of the part, as `torch.nn.Module` prints them."""
        return ", ".join(f"{key}={value!r}" for key, value in self.settings.items())


# Hooks contain the name of a part and look it up in the module that is called. A closure over the
# part would not be copied with the model, so that the copy would call the part of the original.
@dataclass(frozen=True)
class _After:
    name: str

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        return _child(module, self.name).after(args, output)


@dataclass(frozen=True)
class _Repeated:
    name: str

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        second = module.forward(*args)
        if rounding_of(module) is not None:
            second = round_outputs(module, args, second)
        return _child(module, self.name).combined(output, second)


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
            raise InputError(f"torch.fx cannot trace {self.path!r}; use torch.export")
        part: Any = model
        # Not get_submodule, whose checks take time before every pass.
        for name in self.path.split("."):
            part = _child(part, name)
        # `run` is hidden from the compiler; an export would end there, and without a compiler,
        # hiding takes time.
        hidden = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
        (self.run if hidden else _scrubbed)(part, model)


def _scrubbed(part: Part, model: nn.Module) -> None:
    if part.due():
        part.scrub(model)


def attach(model: nn.Module, path: str, part: Part) -> None:
    """Put a part under the qualified name ``path``, the last component of which is its own name.

    Parts of one module act in the order in which they were attached.

    Raises:
        InputError: there already is a child or tensor with this name.
    """
    host_path, _, name = path.rpartition(".")
    host = model.get_submodule(host_path)
    taken = {*dict(host.named_children()), *host._parameters, *host._buffers}
    if name in taken:
        raise InputError(
            f"the model already has a module {path!r}; harden the model as it was before hardening"
        )
    # A new module is in training mode.
    part.train(host.training)
    host.add_module(name, part)
    part.prepare(host)
    if part.place == "output":
        host.register_forward_hook(_After(name))
    elif part.place == "repeated":
        host.register_forward_hook(_Repeated(name))
    elif part.place == "input":
        host.register_forward_pre_hook(_Before(name))
    elif part.place == "inside":
        to_stepwise(host)
    elif part.place == "model":
        # Scrubbing reads and writes stored tensors depending on their values, which torch.compile
        # cannot trace.
        run = torch.compiler.disable(_scrubbed)  # type: ignore[no-untyped-call]
        model.register_forward_pre_hook(_Scrub(path, run))
    if isinstance(host, Gate) and part.place in ("output", "input"):
        host.guards[name] = part.place


def attach_to_model(model: nn.Module, name: str, part: Part) -> None:
    """Put a part that acts on the whole model under its first innermost module with tensors.

    Not under the model itself, since a container such as `torch.nn.Sequential` would call it as one
    of its children.
    """
    for path, module in model.named_modules():
        innermost = not any(not isinstance(child, Part) for child in module.children())
        if innermost and path and (module._parameters or module._buffers):
            attach(model, f"{path}.{name}", part)
            return
    attach(model, name, part)


def parts(model: nn.Module) -> Iterator[tuple[str, Part]]:
    """What hardenings added to a model: each `Part` with its name, as ``"relu1.ranger"``."""
    for path, module in model.named_modules():
        if isinstance(module, Part):
            yield path, module


def _child(module: nn.Module, name: str) -> Part:
    # Looked up directly and without checks: in a small network such microseconds dominate the cost.
    return module._modules[name]  # type: ignore[return-value]
