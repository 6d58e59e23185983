"""Which module is the given model, and can faults be injected into it?"""

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import is_lazy

from radhard.errors import InputError
from radhard.internals import compiler_is_loaded, is_compiled, original

__all__ = [
    "check_order",
    "check_uncompiled",
    "compiled_parts",
    "copied_module",
    "eager",
    "module_at",
    "module_of",
    "usable_module",
]

M = TypeVar("M", bound=nn.Module)

_EAGER: ContextVar[bool] = ContextVar("compiled code is not used", default=False)


def module_of(model: Any) -> nn.Module:
    """The network itself, without the wrapper of `torch.compile` or data parallelism.

    It shares all tensors with what was given, and its tensors have their own names, without
    ``_orig_mod.`` or ``module.`` in front.

    Raises:
        InputError: no ``nn.Module``, or one without Python code to put a fault into.

    >>> net = nn.Sequential(nn.Linear(2, 2))
    >>> module_of(nn.DataParallel(net)) is net
    True
    """
    while True:
        if isinstance(model, DataParallel | DistributedDataParallel):
            model = model.module
        elif (compiled := original(model)) is not None:
            model = compiled
        else:
            break
    if not isinstance(model, nn.Module):
        raise InputError(f"the model is {_kind(model)}; {_way_out(model)}")
    return model


def check_order(model: object, data: object) -> None:
    """Raise `InputError` if the model was given where the data are expected."""
    if isinstance(data, nn.Module) and not isinstance(model, nn.Module | str):
        raise InputError(
            f"the model comes first, then the data: the first argument is {type(model).__name__}, "
            f"the second one {type(data).__name__}, an nn.Module; exchange them"
        )


def usable_module(model: Any) -> nn.Module:
    """As `module_of`, and checks that faults can be injected into every part.

    Raises:
        InputError: also where a part is scripted, sharded, or has no values yet.
    """
    found = module_of(model)
    for name, part in found.named_modules():
        shown = repr(name) if name else "the model"
        if isinstance(part, torch.jit.ScriptModule):
            raise InputError(
                f"{shown} is TorchScript (torch.jit.script, trace or freeze), which has constants "
                "and fused code in the place of modules; give the nn.Module that it was made from"
            )
        if _is_sharded(part):
            raise InputError(
                f"{shown} is sharded (FullyShardedDataParallel), so that no process has all "
                "weights; load its full state_dict into the plain nn.Module and give that"
            )
    for name, tensor in (*found.named_parameters(), *found.named_buffers()):
        if is_lazy(tensor):
            raise InputError(
                f"{name!r} belongs to a lazy layer that has no shape yet; pass one batch through "
                "the model first: model(inputs[:1])"
            )
        if tensor.is_meta:
            raise InputError(
                f"{name!r} is on the meta device and has no values; load weights first: "
                "model.to_empty(device='cpu'), then model.load_state_dict(...)"
            )
    return found


@contextmanager
def eager() -> Iterator[None]:
    """Within this context, compiled modules and functions run as Python code.

    A compiled module was traced without the hooks through which faults arrive.
    """
    # Without the compiler loaded nothing is compiled; entered once, as it takes 10 microseconds.
    if _EAGER.get() or not compiler_is_loaded():
        yield
        return
    token = _EAGER.set(True)
    try:
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        _EAGER.reset(token)


def compiled_parts(model: nn.Module) -> list[str]:
    """Names of the compiled parts; ``"(model)"`` for the model itself."""
    return [name or "(model)" for name, part in model.named_modules() if is_compiled(part)]


def check_uncompiled(model: nn.Module, by: str) -> None:
    """Raise `InputError` where parts are compiled, in which ``by`` puts something to be called."""
    if found := compiled_parts(model):
        raise InputError(
            f"{by} puts modules into the model that compiled code may never call, and "
            f"{', '.join(found[:5])} is compiled (torch.compile); give the model as it was before, "
            "such as its ._orig_mod, and compile the hardened one"
        )


def _is_sharded(part: nn.Module) -> bool:
    sharded = sys.modules.get("torch.distributed.fsdp")
    return sharded is not None and isinstance(part, sharded.FullyShardedDataParallel)


def _kind(model: Any) -> str:
    if isinstance(model, type):
        return f"the class {model.__name__}"
    if isinstance(model, str):
        return f"the text {model[:60]!r}"
    return type(model).__name__


def _way_out(model: Any) -> str:
    if isinstance(model, type) and issubclass(model, nn.Module):
        return f"give an instance, such as {model.__name__}()"
    if isinstance(model, str):
        return "load it first: model = radhard.models.load(...)"
    if isinstance(model, dict):
        return "build the nn.Module, load these weights with load_state_dict, and give the module"
    if isinstance(model, torch.export.ExportedProgram):
        return "give its module: model.module()"
    if isinstance(model, torch.jit.ScriptFunction):
        return "give the nn.Module that it was scripted from"
    return "give an nn.Module"


def module_at(model: nn.Module, path: str) -> nn.Module:
    """The module of a model with this name.

    Raises:
        InputError: there is none, as in another model than that which the name is from.
    """
    try:
        return model.get_submodule(path)
    except AttributeError:
        raise InputError(f"{type(model).__name__} has no module {path!r}") from None


def copied_module(model: M) -> M:
    """A deep copy that shares no memory with the model, and whose tensors share what they shared.

    ``copy.deepcopy`` gives every parameter memory of its own, also one that is a view of another,
    such as a transposed one, or of which an attribute is a view; the copy would then be another
    model under a fault.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    >>> net[1].weight = nn.Parameter(net[0].weight.detach().T)
    >>> twin = copied_module(net)
    >>> twin[0].weight.data_ptr() == twin[1].weight.data_ptr() != net[0].weight.data_ptr()
    True
    """
    # What deepcopy finds here it takes for copied already: parameters, and the memory of which
    # buffers and tensors that are plain attributes may be views as well.
    memo: dict[Any, Any] = {}
    for parameter in model.parameters():
        # Subclasses of tensors may hold their values elsewhere.
        if type(parameter) is nn.Parameter and _has_memory(parameter):
            memory = copy.deepcopy(parameter.untyped_storage(), memo)
            memo[id(parameter)] = _view_of(memory, parameter)
    return copy.deepcopy(model, memo)


def _has_memory(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and not tensor.is_meta and tensor.numel() > 0


def _view_of(memory: torch.UntypedStorage, parameter: nn.Parameter) -> nn.Parameter:
    """A parameter like the given one in other memory."""
    view = torch.empty(0, dtype=parameter.dtype, device=parameter.device)
    view.set_(memory, parameter.storage_offset(), parameter.size(), parameter.stride())
    return nn.Parameter(view, requires_grad=parameter.requires_grad)
