"""Which state does a model have before a forward pass, and has the pass changed it?"""

from collections import deque
from collections.abc import Callable
from itertools import chain
from operator import call, is_, itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from radhard.errors import InputError
from radhard.state.containers import (
    OF_TORCH,
    Items,
    Slots,
    attributes,
    contents,
    followed,
    generator_state,
    put_back,
    slots,
)
from radhard.state.memory import ArrayMemory, TensorMemory, address

__all__ = ["State"]

_COPIED = 2**30
"""Maximum bytes of parameters to copy; in larger models a write is detected but not undone."""


class State:
    """All that the modules of a model hold when this is made, to be put back after a pass.

    Buffers and parameters; the attributes of every module: tensors, arrays, numbers, generators of
    random numbers, lists, dictionaries, sets and plain objects of these, however nested. A tensor
    that was replaced comes back as the very object that it was, bit for bit; what was added is
    removed, what was removed returns. Nothing is copied or compared where nothing was written, but
    for small buffers, which can be written without a trace.

    What is kept elsewhere (a global variable, a closure, a file, an extension's own memory) is not
    seen; a repeated fault-free pass shows it.

    ``parameters``: whether these are put back too; False where they are trained meanwhile.
    """

    def __init__(self, model: nn.Module, *, parameters: bool = True) -> None:
        self._dicts: list[tuple[str, dict[Any, Any], dict[Any, Any]]] = []
        self._items: list[Items] = []
        self._slots: list[Slots] = []
        self._tensors: list[TensorMemory] = []
        self._arrays: list[ArrayMemory] = []
        self._generators: list[tuple[str, Any, Any]] = []
        self._gradients: list[tuple[Tensor, Tensor | None, bool]] = []
        self._of_modules: set[int] = set()
        self._parameters = parameters
        own = list(model.parameters()) if parameters else []
        self._copied = sum(t.numel() * t.itemsize for t in own if not is_lazy(t)) <= _COPIED
        self._walk(model)
        self._by_place: dict[int, list[TensorMemory]] = {}
        for memory in self._tensors:
            self._by_place.setdefault(address(memory.tensor), []).append(memory)
        # In one list each, so that they are compared at once. What torch keeps for internal use
        # in every module, such as its hooks, is left out: it is most of what there is.
        self._held = [held for _, held, _ in self._dicts]
        self._sizes = [len(saved) for _, _, saved in self._dicts]
        self._looked: list[dict[Any, Any]] = []
        self._getters: list[Callable[[dict[Any, Any]], tuple[Any, ...]]] = []
        self._values: list[Any] = []
        for _, held, saved in self._dicts:
            keys = [key for key in saved if id(held) not in self._of_modules or key not in OF_TORCH]
            if keys:
                self._looked.append(held)
                # One more, for of a single key it would give the value and no tuple.
                self._getters.append(itemgetter(*keys, keys[0]))
                self._values += [*(saved[key] for key in keys), saved[keys[0]]]

    def restore(self, *, thorough: bool = False, gradients: bool = False) -> tuple[str, ...]:
        """Put back what was written since; the names of it, also where the same was written again.

        ``thorough``: look at every bit, also of parameters and large tensors. ``gradients``: put
        back ``.grad`` and ``requires_grad`` of the parameters too.

        Raises:
            InputError: parameters were written of a model too large to be copied.
        """
        written = [] if self._unchanged() and not thorough else self._put_back_dicts()
        written += [items.name for items in self._items if items.restore()]
        written += [held.name for held in self._slots if held.restore()]
        lost = []
        for memory in self._tensors:
            try:
                if memory.restore(thorough=thorough):
                    written.append(memory.name)
            except ValueError:
                lost.append(memory.name)
        written += [memory.name for memory in self._arrays if memory.restore(thorough=thorough)]
        written += [name for name, value, saved in self._generators if _reset(value, saved)]
        if gradients:
            for parameter, gradient, required in self._gradients:
                if parameter.grad is not gradient:
                    parameter.grad = gradient
                if parameter.requires_grad != required:
                    parameter.requires_grad_(required)
        if lost:
            raise InputError(
                f"the forward pass writes {', '.join(lost[:3])}, of a model too large to be copied "
                f"({_COPIED:,} bytes of parameters): it cannot be put back; compute a new tensor "
                "in the forward pass instead"
            )
        return tuple(written)

    def renew(self, tensor: Tensor, since: int) -> None:
        """Spare a tensor the comparison: who wrote to it, from a version on, has put it back."""
        for memory in self._by_place.get(address(tensor), ()):
            memory.renew(since)

    @property
    def tensors(self) -> list[tuple[str, Tensor]]:
        """Every tensor that is put back, by name."""
        return [(memory.name, memory.tensor) for memory in self._tensors]

    def _unchanged(self) -> bool:
        # First the sizes, which see what was added; the getters below see only keys that were
        # there.
        if list(map(len, self._held)) != self._sizes:
            return False
        try:
            values = chain.from_iterable(map(call, self._getters, self._looked))
            return all(map(is_, values, self._values))
        except KeyError:  # one is gone, and another one came
            return False

    def _put_back_dicts(self) -> list[str]:
        written = []
        for name, held, saved in self._dicts:
            for key in put_back(held, saved):
                written.append(f"{name}.{key}" if name else str(key))
        return written

    def _walk(self, model: nn.Module) -> None:
        seen: dict[int, Any] = {}
        waiting: list[tuple[str, Any]] = [("", model)]
        # Those of scripted modules are in no dictionary.
        waiting += [*model.named_parameters(), *model.named_buffers()]
        while waiting:
            name, value = waiting.pop()
            if id(value) in seen:
                continue
            seen[id(value)] = value  # kept, so that no other object takes its place
            if isinstance(value, Tensor):
                self._watch(name, value)
            elif isinstance(value, np.ndarray):
                if value.dtype != object:
                    self._arrays.append(ArrayMemory(name, value))
            elif (access := generator_state(value)) is not None:
                self._generators.append((name, access, access[0]()))
            elif followed(value):
                self._record(name, value)
                # A stack: reversed, so that names are found in the order of the model.
                waiting += reversed(list(contents(value, name)))

    def _watch(self, name: str, tensor: Tensor) -> None:
        if is_lazy(tensor):
            return
        if isinstance(tensor, nn.Parameter):
            if not self._parameters:
                return
            self._gradients.append((tensor, tensor.grad, tensor.requires_grad))
            self._tensors.append(TensorMemory(name, tensor, copy=self._copied))
        else:
            self._tensors.append(TensorMemory(name, tensor, copy=True))

    def _record(self, name: str, value: Any) -> None:
        if isinstance(value, dict):
            self._dicts.append((name, value, dict(value)))
        elif isinstance(value, list | set | deque | bytearray):
            self._items.append(Items(name, value))
        if names := slots(value):
            self._slots.append(Slots(name, value, names))
        if own := attributes(value):
            if isinstance(value, nn.Module):
                self._of_modules.add(id(own))
            self._dicts.append((name, own, dict(own)))
        if isinstance(value, nn.Module):
            for inner in (value._parameters, value._buffers, value._modules):
                self._dicts.append((name, inner, dict(inner)))


def _reset(access: Any, saved: Any) -> bool:
    """Set a generator back; whether it had been used."""
    read, write = access
    now = read()
    # As text, since states of NumPy contain arrays, whose comparison is no single truth.
    same = torch.equal(now, saved) if isinstance(now, Tensor) else repr(now) == repr(saved)
    if not same:
        write(saved)
    return not same
