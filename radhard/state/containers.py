"""Which objects of a model can a forward pass change?"""

import random
import sys
from collections import deque
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = [
    "OF_TORCH",
    "Items",
    "Slots",
    "attributes",
    "contents",
    "followed",
    "generator_state",
    "put_back",
    "slots",
]

OF_TORCH = frozenset(vars(nn.Module())) - {"training", "_parameters", "_buffers", "_modules"}
"""Attributes of every module that torch uses internally, such as hooks."""

_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)

_FOREIGN = ("torch.fx", "torch.jit", "torch.export", "torch._")
"""Packages whose objects contain graphs and code, not state of a forward pass."""

_MISSING: Any = object()


class Items:
    """The items of a list, a deque or a set."""

    def __init__(self, name: str, held: Any) -> None:
        self.name = name
        self._held, self._saved = held, list(held)

    def restore(self) -> bool:
        """Put back what was written; whether anything was."""
        held, saved = self._held, self._saved
        # By identity, as comparing tensors gives tensors, and equal objects may be changed later.
        if len(held) == len(saved) and all(a is b for a, b in zip(held, saved, strict=True)):
            return False
        if isinstance(held, list | bytearray):
            held[:] = saved
        else:
            held.clear()
            (held.extend if isinstance(held, deque) else held.update)(saved)
        return True


class Slots:
    """The attributes of an object with ``__slots__``."""

    def __init__(self, name: str, held: Any, names: tuple[str, ...]) -> None:
        self.name = name
        self._held = held
        self._saved = {slot: getattr(held, slot, _MISSING) for slot in names}

    def restore(self) -> bool:
        """Put back what was written; whether anything was."""
        written = False
        for slot, value in self._saved.items():
            if getattr(self._held, slot, _MISSING) is not value:
                written = True
                if value is _MISSING:
                    object.__delattr__(self._held, slot)
                else:
                    object.__setattr__(self._held, slot, value)
        return written


def put_back(held: dict[Any, Any], saved: dict[Any, Any]) -> list[Any]:
    """Restore the entries of a dictionary, and return the keys of changed ones."""
    written = [key for key in held if key not in saved]
    for key in written:
        del held[key]
    for key, value in saved.items():
        if held.get(key, _MISSING) is not value:
            held[key] = value
            written.append(key)
    # The order is state as well: a module list or a cache may depend on it.
    if list(held) != list(saved):
        for key in saved:
            held[key] = held.pop(key)
    return written


def followed(value: Any) -> bool:
    """Whether an object may contain state: neither code nor an object of the interpreter."""
    if isinstance(value, nn.Module):
        return not isinstance(value, torch.jit.ScriptModule)
    if isinstance(value, _CODE):
        return False
    package: str = type(value).__module__ or ""
    if package.startswith(_FOREIGN):
        return False
    if isinstance(value, dict | list | tuple | set | frozenset | deque | bytearray):
        return True
    # Namespaces are the only built-in type of plain objects.
    return package == "types" or package.partition(".")[0] not in sys.stdlib_module_names


def contents(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The contents of an object, each with its qualified name."""
    if isinstance(value, dict):
        yield from ((f"{name}[{key!r}]", part) for key, part in list(value.items()))
    elif isinstance(value, list | tuple | set | frozenset | deque):
        yield from ((f"{name}[{at}]", part) for at, part in enumerate(list(value)))
    for slot in slots(value):
        yield f"{name}.{slot}", getattr(value, slot, None)
    own = attributes(value)
    for key, part in list(own.items()):
        if isinstance(value, nn.Module) and key in OF_TORCH:
            continue
        if isinstance(value, nn.Module) and key in ("_parameters", "_buffers", "_modules"):
            yield from ((_joined(name, inner), held) for inner, held in list(part.items()))
        else:
            yield _joined(name, str(key)), part


def attributes(value: Any) -> dict[str, Any]:
    """The attribute dictionary of an object; empty if it has none."""
    try:
        own = vars(value)
    except TypeError:
        return {}
    return own if isinstance(own, dict) else {}


def slots(value: Any) -> tuple[str, ...]:
    """The names of the attributes of an object in ``__slots__``."""
    found: list[str] = []
    # Each class of an object has slots of its own.
    for kind in type(value).__mro__:
        own = vars(kind).get("__slots__", ())
        for slot in (own,) if isinstance(own, str) else own:
            if slot not in ("__dict__", "__weakref__"):
                # Python stores a private name under the name of its class.
                private = slot.startswith("__") and not slot.endswith("__")
                found.append(f"_{kind.__name__.lstrip('_')}{slot}" if private else slot)
    return tuple(found)


def generator_state(value: Any) -> tuple[Callable[[], Any], Callable[[Any], Any]] | None:
    """Getter and setter of the state of a random number generator; None for other objects."""
    if isinstance(value, torch.Generator):
        return value.get_state, value.set_state
    if isinstance(value, random.Random):
        return value.getstate, value.setstate
    if isinstance(value, np.random.RandomState):
        return (lambda: value.get_state(legacy=False)), value.set_state
    if isinstance(value, np.random.Generator):
        bits: Any = value.bit_generator
        return (lambda: bits.state), (lambda state: setattr(bits, "state", state))
    return None


def _joined(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
