"""What is used of torch that torch does not promise to keep?"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch._C import _get_tracing_state
from torch._ops import OpOverload
from torch._utils import _flatten_dense_tensors
from torch.autograd import forward_ad
from torch.fx._symbolic_trace import is_fx_symbolic_tracing
from torch.nn import functional
from torch.nn.modules.module import (
    _global_forward_hooks,
    _global_forward_hooks_with_kwargs,
    _global_forward_pre_hooks,
)
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode_stack,
    _pop_mode,
    _push_mode,
)
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass

__all__ = [
    "OpOverload",
    "TorchDispatchMode",
    "close_function_mode",
    "compiler_is_loaded",
    "convolution_backend",
    "enter_inference",
    "function_mode",
    "fused_lstm",
    "has_hooks",
    "hook_count",
    "hooks_after",
    "hooks_before",
    "is_compiled",
    "is_exporting_to_onnx",
    "is_fx_symbolic_tracing",
    "is_plain_cpu_pass",
    "is_recording",
    "is_traceable_wrapper_subclass",
    "is_tracing",
    "is_transforming",
    "joined",
    "multi_head_attention_body",
    "open_function_mode",
    "operations_passed_to",
    "original",
    "product",
    "remove_global_forward_hook",
    "schema",
    "version",
]


_push: Callable[[TorchFunctionMode], None] = _push_mode
_pop: Callable[[], TorchFunctionMode] = _pop_mode
_open_modes: Callable[[], list[TorchFunctionMode]] = _get_current_function_mode_stack


def version(tensor: Tensor) -> int:
    """How often a tensor was written to; -1 where that is not counted."""
    return -1 if tensor.is_inference() else tensor._version


def schema(op: OpOverload) -> Any:
    """What an operation takes, writes to and returns."""
    return op._schema


def has_hooks(module: nn.Module) -> bool:
    """Whether something is called before or after the module's forward pass."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def hook_count(module: nn.Module) -> int:
    """How many hooks are called before or after the module's forward pass, its own and global."""
    of_all = len(_global_forward_hooks) + len(_global_forward_pre_hooks)
    return len(module._forward_hooks) + len(module._forward_pre_hooks) + of_all


def hooks_after(module: nn.Module) -> int:
    """How many hooks of a module are called after its forward pass."""
    return len(module._forward_hooks)


def hooks_before(module: nn.Module) -> dict[int, Any]:
    """What is called before the module's forward pass, by handle; the very dictionary."""
    return module._forward_pre_hooks


def remove_global_forward_hook(hook: Any) -> None:
    """Remove a global forward hook (of every module), even if its handle was lost."""
    for number in [n for n, known in _global_forward_hooks.items() if known is hook]:
        _global_forward_hooks_with_kwargs.pop(number, None)
        _global_forward_hooks.pop(number, None)


_recording: ContextVar[bool] = ContextVar("recording", default=False)


def is_recording() -> bool:
    """Whether `torch.jit.trace`, an export made with it, or radhard itself records operations."""
    return _recording.get() or _get_tracing_state() is not None


def is_transforming() -> bool:
    """Whether a transform of `torch.func`, such as vmap, is under way."""
    return torch._C._functorch.peek_interpreter_stack() is not None


@contextmanager
def operations_passed_to(
    carry_out: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any],
) -> Iterator[None]:
    """Every operation of this thread is given to a function, which returns what it computes.

    Before torch takes it apart: a convolution or a whole recurrent layer is one operation. What
    the function calls is not given to it.

    Raises:
        RuntimeError: another one is open.
    """
    from torch._dispatch.python import enable_python_dispatcher
    from torch._subclasses.schema_check_mode import SchemaCheckMode

    class Passing(SchemaCheckMode):  # type: ignore[no-untyped-call]
        # torch takes no other kinds of modes here, and puts one back as its key says, where it
        # turns all off for a while, as in the repr of a tensor.
        _dispatch_key = torch._C.DispatchKey.PreDispatch

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            # True, the default, imports torch's compiler at the first operation, which takes more
            # than a second.
            return False

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            return carry_out(func, args, kwargs or {})

    ops: Any = torch._ops
    modes = ops.mode_stack_state_for_pre_dispatch()
    if modes.count():
        raise RuntimeError("operations are passed to another function")
    token = _recording.set(True)
    try:
        with enable_python_dispatcher():
            ops._set_mode_pre_dispatch(Passing())
            yield
    finally:
        # Whatever an interruption left open.
        modes._schema_check_mode = None
        torch._C._dispatch_tls_set_dispatch_key_included(torch._C.DispatchKey.PreDispatch, False)
        _recording.reset(token)


def is_tracing() -> bool:
    """Whether a compiler, an export or `torch.jit.trace` traces a program.

    It cannot branch on values: only the branch that is taken while tracing would be in it.
    """
    return torch.compiler.is_compiling() or is_recording()


def is_plain_cpu_pass(*tensors: Tensor) -> bool:
    """Whether operations on these tensors are carried out on a CPU, and nothing records them.

    Then they may be done in place: no tracer, no autograd in either direction, no autocast, no
    `torch.func` transform.
    """
    if any(type(t) not in (Tensor, nn.Parameter) or not t.is_cpu for t in tensors) or is_tracing():
        return False
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return False
    if forward_ad._current_level >= 0:
        return False
    # Another dtype than that of the tensors would be computed, and vmap has no in-place forms.
    return not (is_transforming() or torch.is_autocast_enabled("cpu"))


def is_exporting_to_onnx() -> bool:
    """Whether `torch.onnx.export` is under way, also where torch.compile looks on."""
    # Imported here, as it takes long. The flag, for torch.compile takes the function to say no.
    from torch.onnx._internal.exporter import _flags

    return bool(_flags._is_onnx_exporting or torch.onnx.is_in_onnx_export())


def compiler_is_loaded() -> bool:
    """Whether torch.compile may have been used; to ask torch itself would load the compiler."""
    return "torch._dynamo" in sys.modules


def convolution_backend(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> str:
    """The name of the implementation that computes a two-dimensional convolution."""
    pairs = [
        [one, one] if isinstance(one, int) else list(one) for one in (stride, padding, dilation)
    ]
    sizes = None if bias is None else list(bias.shape)
    backend = torch._C._select_conv_backend(
        inputs, weight, bias, *pairs, False, [0, 0], groups, sizes
    )
    return str(backend.name)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """The values of tensors of one dtype, one after another; of a single one a view if possible.

    Made by a single call, as calls for each of many small tensors take twice as long.
    """
    found: Tensor = _flatten_dense_tensors(tensors)  # type: ignore[no-untyped-call]
    return found


def original(module: Any) -> nn.Module | None:
    """The module from which `torch.compile` made this one; None where it did not."""
    # The class is known only once the compiler is loaded, which takes seconds.
    compiler = sys.modules.get("torch._dynamo.eval_frame")
    if compiler is None or not isinstance(module, compiler.OptimizedModule):
        return None
    found: nn.Module = module._orig_mod
    return found


def is_compiled(module: nn.Module) -> bool:
    """Whether a module is what `torch.compile` returned, or was compiled in place."""
    return module._compiled_call_impl is not None or original(module) is not None


def fused_lstm(
    inputs: Tensor, weights: Sequence[Tensor], states: Sequence[Tensor]
) -> tuple[Tensor, ...] | None:
    """What oneDNN's kernel, which torch uses for LSTMs, computes of one direction, and its gates.

    Args:
        inputs: float32, on a CPU, ``(steps, rows, features)``.
        weights: ``weight_ih, weight_hh, bias_ih, bias_hh``.
        states: h and c, ``(rows, hidden)``.

    Returns:
        The outputs, the last h and c, the values of the gates ``(steps, rows, 4 * hidden)`` and the
        cell states that all steps but the last one leave behind; None if torch does not use the
        kernel, or it keeps them in other places than those known.
    """
    hidden = weights[1].shape[1]
    if not (torch.backends.mkldnn.enabled and _keeps_gates(inputs.shape[2], hidden)):
        return None
    return _with_gates(inputs, weights, states)


@lru_cache(maxsize=256)
def _keeps_gates(features: int, hidden: int) -> bool:
    """Whether the gates of a small example are where they are looked for."""
    rng = torch.Generator().manual_seed(0)
    sizes = [(4 * hidden, features), (4 * hidden, hidden), (4 * hidden,), (4 * hidden,)]
    # Whatever the defaults of whoever asks first, as the answer is kept.
    kind: Any = {"generator": rng, "dtype": torch.float32, "device": "cpu"}
    weights = [torch.rand(size, **kind) - 0.5 for size in sizes]
    inputs = torch.rand(3, 2, features, **kind)
    h, c = torch.rand(2, 2, hidden, **kind)
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        try:
            found = _with_gates(inputs, weights, (h, c))
        except (RuntimeError, AttributeError, TypeError):  # a build of torch without the kernel
            return False
        outputs, _, last, gates, cells = found
        for step, given in enumerate(inputs):
            sums = functional.linear(given, weights[0]) + functional.linear(h, weights[1])
            i, f, g, o = (sums + weights[2] + weights[3]).chunk(4, 1)
            values = torch.cat([i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()], 1)
            i, f, g, o = values.chunk(4, 1)
            c = f * c + i * g
            h = o * c.tanh()
            state = last if step == len(inputs) - 1 else cells[step]
            pairs = ((gates[step], values), (state, c), (outputs[step], h))
            if not all(torch.allclose(one, other, atol=1e-4) for one, other in pairs):
                return False
    return True


def _with_gates(
    inputs: Tensor, weights: Sequence[Tensor], states: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    steps, rows, features = inputs.shape
    hidden = weights[1].shape[1]
    # As in training, where the kernel keeps what its gradient needs: in words of four bytes, each
    # part at the start of a page, and long rows so that they do not fall together in the cache.
    layout = (False, (), 2, hidden, 1, True, False, False, True)
    kernel: Callable[..., Any] = torch.mkldnn_rnn_layer
    # It does so only where gradients are possible; of detached tensors there are none.
    with torch.enable_grad():
        given = [tensor.detach().contiguous() for tensor in (inputs, *weights, *states)]
        outputs, h, c, kept = kernel(*given, *layout)

    def padded(size: int) -> int:
        whole = -(-size // 16) * 16
        return whole + 16 if whole % 256 == 0 else whole

    def paged(size: int) -> int:
        return -(-size // 1024) * 1024

    values = kept.view(torch.float32)
    row, states_row = padded(4 * hidden), padded(max(features, hidden))
    gates = values.as_strided((steps, rows, 4 * hidden), (rows * row, row, 1))
    # Behind the gates, the states without projection and with it; then the cell states of two
    # layers, the first of which is the input, each from the state before the first step on.
    cells_at = paged(steps * rows * row) + paged(steps * rows * padded(hidden))
    cells_at += paged(2 * (steps + 1) * rows * states_row) + (steps + 2) * rows * hidden
    cells = values.as_strided((steps - 1, rows, hidden), (rows * hidden, hidden, 1), cells_at)
    return outputs, h, c, gates, cells


_ONEDNN_ROWS = 64
"""Rows from which oneDNN's product is worth its call."""


def product(rows: Tensor, weight: Tensor) -> Tensor:
    """``rows @ weight.t()``, by oneDNN where it can: MKL takes twice as long on some processors.

    Of operands without gradients; ``weight`` is ``(outputs, features)``.

    >>> product(torch.ones(100, 3), torch.eye(2, 3))[99]
    tensor([1., 1.])
    """
    if (
        rows.numel() < _ONEDNN_ROWS * weight.shape[1]
        or not (rows.dtype == weight.dtype == torch.float32)
        or not (rows.is_contiguous() and weight.is_contiguous())
        or torch.is_grad_enabled()
        or torch.is_autocast_enabled("cpu")
        or not (rows.device.type == weight.device.type == "cpu")
        or not (torch.backends.mkldnn.enabled and _has_onednn_product())
        # It would multiply in fewer bits where that is allowed.
        or torch.get_float32_matmul_precision() != "highest"
    ):
        return rows @ weight.t()
    flat = rows.reshape(-1, rows.shape[-1])
    if missing := -len(flat) % _ONEDNN_ROWS:
        # oneDNN compiles code for every number of rows; few numbers, and it has it already.
        flat = functional.pad(flat, (0, 0, 0, missing))
    found: Tensor = torch.ops.mkldnn._linear_pointwise(flat, weight, None, "none", [], "")
    return found[: len(found) - missing].reshape(*rows.shape[:-1], -1)


@lru_cache(maxsize=1)
def _has_onednn_product() -> bool:
    """Whether this build of torch has it, and it computes what it is taken for."""
    rng = torch.Generator().manual_seed(0)
    kind: Any = {"generator": rng, "dtype": torch.float32, "device": "cpu"}
    rows, weight = torch.rand(70, 5, **kind), torch.rand(3, 5, **kind)
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        try:
            found = torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")
        except (RuntimeError, AttributeError, TypeError):
            return False
        return torch.allclose(found, rows @ weight.t(), atol=1e-5)


def enter_inference(inference: bool) -> object:
    """Turn inference mode on or off for as long as what is returned is kept."""
    guard: Any = torch._C._InferenceMode(inference)
    guard.__enter__()
    return guard


@contextmanager
def function_mode(mode: TorchFunctionMode) -> Iterator[None]:
    """A function mode that is open, and afterwards closed, whatever was opened or interrupted."""
    # Closed twice, as a KeyboardInterrupt may be raised meanwhile.
    try:
        try:
            open_function_mode(mode)
            yield
        finally:
            close_function_mode(mode)
    finally:
        close_function_mode(mode)


def open_function_mode(mode: TorchFunctionMode) -> None:
    """Open a function mode of this thread."""
    _push(mode)


def close_function_mode(mode: TorchFunctionMode) -> None:
    """Close a function mode, if it is open; others that were opened later stay open.

    The mode's own method would close the one that was opened last.
    """
    above = []
    if not any(one is mode for one in _open_modes()):
        return
    while (top := _open_modes()[-1]) is not mode:
        above.append(top)
        _pop()
    _pop()
    for one in reversed(above):
        _push(one)


def multi_head_attention_body() -> Callable[..., Any]:
    """`torch.nn.functional.multi_head_attention_forward`, for a mode that sees what it calls.

    While a function mode is open, torch hands the call over to it instead of computing; the mode
    cannot have it computed but with itself off, and would not see the operations. This is the same
    code without that question.
    """
    whole = functional.multi_head_attention_forward
    names = {**whole.__globals__, "has_torch_function": lambda _: False}
    body = FunctionType(whole.__code__, names, whole.__name__, whole.__defaults__)
    body.__kwdefaults__ = whole.__kwdefaults__
    return body
