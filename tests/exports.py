"""How do tests get along with one export of networks alike? Half of their time would go there."""

import dataclasses
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from radhard.replay.graph import export_graph
from radhard.tree import tree_map

__all__ = ["one_export_of_networks_alike"]

_OWN = ("_parameters", "_buffers", "_modules")
_MOST = 300
"""Networks that are kept at most, so that memory does not grow with the number of tests."""


class _Key:
    """What the exporter sees of a network, as something equal only where it sees no difference.

    It traces with tensors that have no values, so that those of parameters and buffers do not
    matter; those of other tensors become constants of the program, and do.
    """

    def __init__(self) -> None:
        self._modules: dict[int, int] = {}
        self._tensors: dict[int, int] = {}

    def of(self, value: Any) -> Any:
        """Of anything that a network or its arguments hold."""
        if isinstance(value, nn.Module):
            if id(value) in self._modules:
                return "again", self._modules[id(value)]
            self._modules[id(value)] = len(self._modules)
            # Hooks are numbered through the process; only their order matters.
            hooks = [*value._forward_pre_hooks, *value._forward_hooks]
            own = {
                k: {hooks.index(n) if n in hooks else n: hook for n, hook in v.items()}
                if "_hooks" in k and isinstance(v, Mapping)
                else v
                for k, v in vars(value).items()
                if k not in _OWN
            }
            return (
                id(type(value)),  # as two classes may have one name
                self.of(own),
                [(k, self.kind(v)) for k, v in value._parameters.items()],
                [
                    (k, self.kind(v), k in value._non_persistent_buffers_set)
                    for k, v in value._buffers.items()
                ],
                [(k, self.of(v)) for k, v in value._modules.items()],
            )
        if isinstance(value, Tensor):
            return self.kind(value), value.tolist()
        if isinstance(value, Mapping):
            return type(value), [(repr(k), self.of(v)) for k, v in value.items()]
        if isinstance(value, list | tuple):
            return type(value), [self.of(v) for v in value]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return type(value), [(f.name, self.of(getattr(value, f.name))) for f in fields]
        if isinstance(value, MethodType):
            return self.of(value.__func__), self.of(value.__self__)
        if isinstance(value, FunctionType) and value.__module__.startswith("radhard."):
            # Ours count nothing, so that they do the same where they close over the same.
            cells = [self.of(cell.cell_contents) for cell in value.__closure__ or ()]
            return id(value.__code__), cells, self.of(value.__defaults__)
        # Another function has its address in its text, and is the same only if it is the same.
        return repr(value)

    def kind(self, value: Tensor | None) -> Any:
        """Of a tensor without its values, and which of the tensors before it is the same one."""
        if value is None:
            return None
        number = self._tensors.setdefault(id(value), len(self._tensors))
        layout = value.layout, value.stride() if value.layout == torch.strided else ()
        return (
            id(type(value)), value.dtype, value.shape, *layout, value.device,
            value.requires_grad, value.is_inference(), number,
        )  # fmt: skip


def _modes() -> tuple[Any, ...]:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.get_default_dtype(),
        torch.backends.mha.get_fastpath_enabled(),
    )


class _Again:
    """An exported program, of the tensors of a module alike."""

    def __init__(self, exported: torch.export.ExportedProgram, module: nn.Module) -> None:
        self._exported = exported
        self.state_dict = {**exported.state_dict, **module.state_dict(keep_vars=True)}
        buffers = dict(module.named_buffers(remove_duplicate=False))
        own = {name: buffers[name] for name in exported.constants if name in buffers}
        self.constants = {**exported.constants, **own}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exported, name)


_KEPT: OrderedDict[str, tuple[Any, ...]] = OrderedDict()


@contextmanager
def one_export_of_networks_alike() -> Iterator[None]:
    """The graphs that radhard makes of networks with the same parts are exported once a process.

    What else is exported is so each time.
    """
    export = torch.export.export

    def once(module: nn.Module, arguments: Any, **options: Any) -> Any:
        if type(module).__module__ != export_graph.__name__:
            return export(module, arguments, **options)
        key = _Key()
        text = repr((
            key.of(module),
            tree_map(lambda x: key.kind(x) if isinstance(x, Tensor) else x, arguments),
            key.of(options),
            _modes(),
        ))  # fmt: skip
        if text in _KEPT:
            _KEPT.move_to_end(text)
            found = _KEPT[text][0]
            if isinstance(found, Exception):
                raise found
            return _Again(found, module)
        # The module is kept as well, so that no address in a text is given again.
        try:
            found = export(module, arguments, **options)
        except Exception as error:
            found = error
        _KEPT[text] = found, module
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
        if isinstance(found, Exception):
            raise found
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.export, "export", once)
        yield
