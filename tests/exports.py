"""How do tests get along with one export of equal networks? Half of their time would go there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

__all__ = ["one_export_of_equal_networks"]

_OWN = ("_parameters", "_buffers", "_modules")


def _plain(value: Any) -> Any:
    """Something equal only where the exporter sees no difference."""
    if isinstance(value, Tensor):
        return type(value), value.dtype, value.shape, value.stride(), value.tolist()
    if isinstance(value, nn.Module):
        own = {name: _plain(x) for name, x in vars(value).items() if name not in _OWN}
        return (
            type(value),
            repr(own),
            [(name, _plain(x)) for name, x in value._parameters.items()],
            [(name, _plain(x)) for name, x in value._buffers.items()],
            [(name, _plain(x)) for name, x in value._modules.items()],
        )
    # A function or a hook has its address in its text, and is the same only if it is the same.
    return repr(tree_map(lambda x: _plain(x) if isinstance(x, Tensor | nn.Module) else x, value))


class _Again:
    """An exported program, of the tensors of an equal module."""

    def __init__(self, exported: torch.export.ExportedProgram, module: nn.Module) -> None:
        self._exported = exported
        self.state_dict = {**exported.state_dict, **module.state_dict(keep_vars=True)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exported, name)


_KEPT: dict[str, tuple[Any, Any]] = {}


@contextmanager
def one_export_of_equal_networks() -> Iterator[None]:
    """Networks with the same parts and the same values in them are exported once a process."""
    export = torch.export.export

    def once(module: nn.Module, *arguments: Any, **options: Any) -> Any:
        key = repr((_plain(module), _plain(arguments), _plain(options)))
        if key in _KEPT:
            found = _KEPT[key][0]
            if isinstance(found, Exception):
                raise found
            return _Again(found, module)
        # The module is kept as well, so that no address in a text is given again.
        try:
            _KEPT[key] = export(module, *arguments, **options), module
        except Exception as error:
            _KEPT[key] = error, module
            raise
        return _KEPT[key][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.export, "export", once)
        yield
