"""Is a module of a class that the user named?"""

from collections.abc import Sequence

from torch import nn

from radhard.errors import InputError
from radhard.spec import near

__all__ = ["check_classes", "of_class"]


def of_class(module: nn.Module, kinds: Sequence[str]) -> bool:
    """Whether ``kinds`` names the module's class, with or without its package."""
    return any(name in kinds for name in _names(module))


def check_classes(by: str, model: nn.Module, kinds: Sequence[str]) -> None:
    """Raise `InputError` for a name in ``kinds`` that is not the class of any module."""
    names = {name for module in model.modules() for name in _names(module)}
    for name in kinds:
        if name not in names:
            short = list(dict.fromkeys(type(m).__name__ for m in model.modules()))
            raise InputError(
                f"{by}: no module of this model is of the class {name!r}; "
                f"{near(name, short)}its classes are {', '.join(short)}"
            )


def _names(module: nn.Module) -> tuple[str, str]:
    kind = type(module)
    return kind.__name__, f"{kind.__module__}.{kind.__qualname__}"
