"""How does a layer compute halves of some of its outputs?"""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from torch import Tensor, nn

from radhard.errors import InputError

__all__ = ["SPLITTING", "check_splittable", "to_split"]

SPLITTING = "splitting"
"""The name of the child that knows which outputs are halved."""


class Halves(Protocol):
    """The child of a split layer."""

    def halved(self, output: Tensor) -> Tensor:
        """The layer's output with halves in place of the neurons that are split."""
        ...


def _forward(layer: Any, *args: Any) -> Any:
    """What the layer computes, with halves."""
    # Of torch's class, which is the base of that which was made from it.
    output = super(type(layer), layer).forward(*args)
    return cast(Halves, layer._modules[SPLITTING]).halved(output)


_KINDS: tuple[type[nn.Module], ...] = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.Linear,
    nn.ReLU,
    nn.LeakyReLU,
)

# Of the same name: layers are matched in campaigns by the name of their class.
_CLASSES: Mapping[type[nn.Module], type[nn.Module]] = {
    kind: type(kind.__name__, (kind,), {"__doc__": kind.__doc__, "forward": _forward})
    for kind in _KINDS
}


def check_splittable(layer: nn.Module) -> None:
    """Verify that `to_split` accepts a module.

    Raises:
        InputError: it is of another class, a subclass included, or one that is not positively
            homogeneous, ``f(x / 2) == f(x) / 2``, such as a sigmoid.
    """
    if type(layer) not in _CLASSES:
        kinds = ", ".join(kind.__name__ for kind in _KINDS)
        raise InputError(f"{type(layer).__name__} is not split: its class is none of {kinds}")


def to_split(layer: nn.Module) -> None:
    """Make a layer with a child `SPLITTING` compute halves, in place; its tensors and hooks stay.

    The halves are the output of the module itself, so that a fault in its output is one in the word
    of a half, and hooks of the module put the copies together.

    Raises:
        InputError: see `check_splittable`.
    """
    check_splittable(layer)
    # The class is exchanged, as torch does for parametrizations, so that whatever refers to the
    # layer keeps doing so.
    layer.__class__ = _CLASSES[type(layer)]
