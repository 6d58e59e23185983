"""Is everything there still that we use of torch although torch does not promise to keep it?

Where a test here fails after an update of torch, its docstring says what is broken in radhard until
the one place that it names is mended.
"""

import ast
import re
import subprocess
import sys
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import torch
from torch import fx, nn
from torch.nn.modules.module import register_module_forward_hook

from radhard import internals, tree
from tests.syntax import syntax_nodes

PACKAGE = Path(internals.__file__).parent
PLACES = {"internals.py", "tree.py"}
# Operators of a program are no names of Python, and torch promises its __version__.
TORCHS_OWN = re.compile(r"torch(?!\.ops)(\.\w+)*\._(?!_version__)[\w.]*")
PRIVATE = {"_version", "_schema", "_overloadname", "_forward_hooks", "_forward_pre_hooks"} | {
    "_compiled_call_impl",
    "_orig_mod",
}

Pair = namedtuple("Pair", ["left", "right"])


@pytest.fixture(scope="module", autouse=True)
def one_export() -> None:
    """Here every graph is made anew."""


def test_nested_values_are_taken_apart_and_put_together():
    """`radhard.tree`: without it there are no batches of tuples or dicts, and no graphs."""
    one, two = torch.zeros(1), torch.ones(2)
    value = {"z": (one, [two]), "a": Pair(one, OrderedDict(k=two))}
    parts, containers = tree.tree_flatten(value)
    assert all(a is b for a, b in zip(parts, [one, two, one, two], strict=True))
    assert repr(tree.tree_unflatten(parts, containers)) == repr(value)
    assert all(a is b for a, b in zip(tree.tree_leaves(value), parts, strict=True))
    sizes = tree.tree_map(len, value)
    assert sizes == {"z": (1, [2]), "a": Pair(1, OrderedDict(k=2))}


def test_several_values_go_side_by_side_and_differing_ones_are_an_error():
    """`radhard.tree`: without it a graph for several batch sizes is no longer refused."""
    assert tree.tree_map(max, (1, [2]), (3, [0])) == (3, [2])
    for other in ((1, 2), (1, [2, 3]), [1, [2]], (1,)):
        with pytest.raises(ValueError, match=r"mismatch|[Ee]xpected|arity|type"):
            tree.tree_map(max, (1, [2]), other)


def test_parts_are_named_by_the_expression_that_reaches_them():
    """`radhard.tree`: without it errors about data name the wrong part of a batch."""
    value = ({"mask": 1, 2: [3]},)
    found = {tree.keystr(path): part for path, part in tree.tree_flatten_with_path(value)[0]}
    assert found == {"[0]['mask']": 1, "[0][2][0]": 3}
    assert all(eval(f"value{name}", {"value": value}) == part for name, part in found.items())


def test_what_is_called_a_leaf_is_not_looked_into():
    """`radhard.tree`: without it batches of other classes are no longer refused."""
    value = [OrderedDict(k=1), None, 2]
    parts, _ = tree.tree_flatten(value, is_leaf=lambda part: type(part) is not list)
    assert parts == value


def private_uses(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
            if node.attr in PRIVATE and ast.unparse(node.value) != "self":
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and str(node.value).startswith("torch._"):
            names = [str(node.value)]
        yield from (name for name in names if TORCHS_OWN.fullmatch(name))


def test_what_is_private_in_torch_is_used_in_two_places_only():
    found = {
        str(path.relative_to(PACKAGE)): set(uses)
        for path in sorted(PACKAGE.rglob("*.py"))
        if (uses := list(private_uses(syntax_nodes(path))))
    }
    for place in PLACES:
        assert found.pop(place)
    assert found.pop("state/containers.py") == {"torch._"}  # packages that hold no state
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "import torch._dynamo",
        "from torch.utils._pytree import tree_map",
        "from torch.utils import _pytree",
        "torch._C._get_tracing_state()",
        "tensor._version",
        "node.target._schema.name",
        "sys.modules.get('torch._dynamo.eval_frame')",
    ],
)
def test_private_uses_are_seen(text):
    assert list(private_uses(ast.walk(ast.parse(text))))


def test_writes_to_a_tensor_are_counted():
    """`internals.version`: without it faults and state are compared bit by bit, or never."""
    tensor = torch.zeros(3)
    before = internals.version(tensor)
    tensor[1:].add_(1)
    assert internals.version(tensor) > before
    now = internals.version(tensor)
    tensor.clone().add_(1)
    assert internals.version(tensor) == now
    with torch.inference_mode():
        assert internals.version(torch.zeros(3)) == -1


def test_a_hook_of_all_modules_is_removed_without_its_handle():
    """`internals.remove_global_forward_hook`: without it Ctrl-C may leave a hook."""
    called: list[nn.Module] = []

    def hook(module: nn.Module, *_: object) -> None:
        called.append(module)

    register_module_forward_hook(hook, with_kwargs=True)
    layer = nn.ReLU()
    layer(torch.zeros(1))
    internals.remove_global_forward_hook(hook)
    layer(torch.zeros(1))
    internals.remove_global_forward_hook(hook)  # a second time has no effect
    assert called == [layer]


def test_operations_say_what_they_write_to_and_return():
    """`internals.OpOverload, schema`: without them graphs with in-place operations go wrong, and
    exported programs are refused."""
    operations = torch.ops.aten
    assert isinstance(operations.add_.Tensor, internals.OpOverload)
    assert not isinstance(torch.add, internals.OpOverload)
    assert internals.schema(operations.add_.Tensor).is_mutable
    assert not internals.schema(operations.add.Tensor).is_mutable
    names = [internals.schema(op) for op in (operations.add_.Tensor, operations.relu_.default)]
    assert [(n.name, n.overload_name) for n in names] == [
        ("aten::add_", "Tensor"),
        ("aten::relu_", ""),
    ]
    views = [operations.view.default, operations.add.Tensor]
    alias = [internals.schema(op).returns[0].alias_info for op in views]
    assert not alias[0].is_write
    assert alias[1] is None
    files = internals.schema(operations.from_file.default).arguments
    assert "filename" in [argument.name for argument in files]


def test_hooks_of_a_module_are_seen():
    """`internals.has_hooks`: without it guards are passed over in graphs of torch.fx."""
    for register in ("register_forward_hook", "register_forward_pre_hook"):
        module = nn.ReLU()
        assert not internals.has_hooks(module)
        handle = getattr(module, register)(lambda *_: None)
        assert internals.has_hooks(module)
        handle.remove()
        assert not internals.has_hooks(module)


def test_hooks_before_a_pass_can_be_put_back():
    """`internals.hooks_before`: without it `weight_norm` inside an injection stays removed."""
    module = nn.ReLU()
    module.register_forward_pre_hook(lambda *_: (torch.full((2,), 3.0),))
    kept = dict(internals.hooks_before(module))
    internals.hooks_before(module).clear()
    assert module(torch.zeros(2)).tolist() == [0, 0]
    internals.hooks_before(module).update(kept)
    assert module(torch.zeros(2)).tolist() == [3, 3]


class Asking(nn.Module):
    def __init__(self, question):
        super().__init__()
        self.question, self.answers = question, []

    def forward(self, x):
        self.answers.append(self.question())
        return x + 1


def test_recording_is_noticed():
    """`internals.is_recording`: without it a hardened model is exported as one pass took it."""
    module = Asking(internals.is_recording)
    module(torch.zeros(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(module, torch.zeros(2), check_trace=False)
    assert module.answers == [False, True]


def test_tracing_by_torch_fx_is_noticed():
    """`internals.is_fx_symbolic_tracing`: without it parts vanish from what torch.fx makes."""
    module = Asking(internals.is_fx_symbolic_tracing)
    module(torch.zeros(2))
    fx.symbolic_trace(module)
    assert module.answers == [False, True]


def test_an_export_to_onnx_is_noticed(tmp_path):
    """`internals.is_exporting_to_onnx`: without it weights are put right once and never again."""
    answers = []  # the exporter puts back what is written to the module
    module = Asking(lambda: answers.append(internals.is_exporting_to_onnx())).eval()
    module(torch.zeros(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the exporter itself uses that is deprecated
        path = tmp_path / "x.onnx"
        torch.onnx.export(module, (torch.zeros(2),), path, dynamo=True, verbose=False)
    assert answers[0] is False
    assert any(answers)
    assert not internals.is_exporting_to_onnx()


def test_compiled_modules_are_known():
    """`internals.original, is_compiled`: without them faults miss what a compiled model runs."""
    inner = nn.Linear(2, 2)
    assert internals.original(inner) is None
    assert not internals.is_compiled(inner)
    wrapped = torch.compile(inner, backend="eager")
    assert internals.original(wrapped) is inner
    assert internals.is_compiled(wrapped)
    assert not internals.is_compiled(inner)
    inner.compile(backend="eager")
    assert internals.is_compiled(inner)
    assert internals.original(inner) is None
    assert internals.compiler_is_loaded()


def test_the_compiler_is_not_loaded_by_looking():
    """`internals.compiler_is_loaded`: without it a campaign starts two seconds later."""
    code = (
        "import torch; from radhard import internals; m = torch.nn.ReLU()\n"
        "assert not internals.compiler_is_loaded()\n"
        "assert not internals.is_compiled(m) and not internals.compiler_is_loaded()\n"
        "torch.compile(m, backend='eager'); assert internals.compiler_is_loaded()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("mode", [True, False])
def test_inference_mode_is_entered_and_left_with_what_is_returned(mode):
    """`internals.enter_inference`: without it Ctrl-C leaves the process in inference mode."""
    with torch.inference_mode(not mode):
        held = internals.enter_inference(mode)
        assert torch.is_inference_mode_enabled() is mode
        del held
        assert torch.is_inference_mode_enabled() is not mode
    assert not torch.is_inference_mode_enabled()


def test_operations_pass_through_a_dispatch_mode():
    """`internals.TorchDispatchMode`: without it nothing is known of what a pass reads and costs."""
    seen = []

    class Seeing(internals.TorchDispatchMode):
        @classmethod
        def _should_skip_dynamo(cls):
            return False

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    with Seeing():
        torch.zeros(2, 2)[0].relu()
    operations = torch.ops.aten
    assert seen[-1] is operations.relu.default
    assert [func.is_view for func in seen] == [False, True, False]


def test_tensors_that_wrap_others_are_known():
    """`internals.is_traceable_wrapper_subclass`: without it words of quantised tensors are faulty
    that nobody reads."""

    class Wrapping(torch.Tensor):
        def __tensor_flatten__(self):
            return [], None

        @staticmethod
        def __tensor_unflatten__(parts, *_):
            return Wrapping()

    assert internals.is_traceable_wrapper_subclass(torch.zeros(1).as_subclass(Wrapping))
    assert not internals.is_traceable_wrapper_subclass(torch.zeros(1))


def test_a_module_keeps_what_it_holds_in_three_dictionaries():
    """`radhard.state`, `radhard.hardenings.part`: without them no state is put back."""
    module = nn.BatchNorm1d(2)
    module.add_module("inner", nn.ReLU())
    assert list(module._parameters) == ["weight", "bias"]
    assert list(module._buffers) == ["running_mean", "running_var", "num_batches_tracked"]
    assert list(module._modules) == ["inner"]


def test_tensors_are_joined_in_their_order():
    """`internals.joined`: without it codes of a model are checked several times as slowly."""
    parts = [torch.arange(6).reshape(2, 3).T, torch.tensor(7), torch.zeros(0, dtype=torch.int64)]
    assert internals.joined(parts).tolist() == [0, 3, 1, 4, 2, 5, 7]
    assert internals.joined(parts[:1]).tolist() == [0, 3, 1, 4, 2, 5]
    own = torch.zeros(2, 3)
    assert internals.joined([own]).data_ptr() == own.data_ptr()


@pytest.mark.parametrize("rows", [(3,), (64,), (150,), (5, 40)])
def test_products_are_those_of_the_operator(rows):
    """`internals.product`: without it layers take longer on some processors."""
    given, weight = torch.randn(*rows, 6), torch.randn(4, 6)
    given[0] = torch.nan
    given[-1] = 0
    with torch.no_grad():
        found, expected = internals.product(given, weight), given @ weight.t()
    assert torch.allclose(found, expected, atol=1e-5, equal_nan=True)
    # A difference of zero must make none, whatever stands in the other rows.
    assert (found[-1] == 0).all()


def test_a_multi_head_attention_is_computed_where_a_mode_sees_its_operations():
    """`radhard.internals`: without it there are no faults in scores of `nn.MultiheadAttention`."""
    layer, x = nn.MultiheadAttention(8, 2).eval(), torch.randn(3, 2, 8)
    whole, body = nn.functional.multi_head_attention_forward, internals.multi_head_attention_body()
    seen = []

    class Names(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            if func is whole:
                with self:
                    return body(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    with torch.no_grad():
        golden = layer(x, x, x)
        with internals.function_mode(Names()):
            found = layer(x, x, x)
        assert all(torch.equal(a, b) for a, b in zip(found, golden, strict=True))
        products = [torch.Tensor.mul, torch.bmm, nn.functional.softmax, torch.bmm]
        assert [func for func in seen if func in products] == products
        seen.clear()
        with internals.function_mode(Names()):
            layer(x, x, x, need_weights=False)
        assert nn.functional.scaled_dot_product_attention in seen


def test_a_mode_is_closed_below_others_that_stay_open():
    """`radhard.internals`: without it an interrupted campaign leaves its faults in attention."""
    modes = [torch.overrides.BaseTorchFunctionMode() for _ in range(3)]
    for mode in modes:
        internals.open_function_mode(mode)
    internals.close_function_mode(modes[1])
    internals.close_function_mode(modes[1])
    internals.close_function_mode(modes[0])
    modes[2].__exit__(None, None, None)
    with pytest.raises(KeyboardInterrupt), internals.function_mode(modes[0]):
        raise KeyboardInterrupt
    assert torch.overrides._get_current_function_mode_stack() == []


def test_operations_are_seen_before_torch_takes_them_apart():
    """`internals.operations_passed_to`: without it every graph is exported, which takes seconds."""
    seen = []

    def carry_out(op, args, kwargs):
        seen.append(str(op))
        return op(*args, **kwargs)

    layer = nn.LSTM(2, 3, batch_first=True).eval()
    with torch.no_grad(), internals.operations_passed_to(carry_out):
        layer(torch.ones(1, 4, 2))
    torch.ones(1)
    assert seen[-1] == "aten.lstm.input"
    assert not internals.is_recording()
    passed = internals.operations_passed_to
    with pytest.raises(RuntimeError), passed(carry_out), passed(carry_out):
        pass


def test_the_compiler_is_not_loaded_by_passing_operations_on():
    """`internals.operations_passed_to`: without it a campaign starts more than a second later."""
    code = (
        "import torch; from radhard import internals\n"
        "from radhard.engines.replay.module_recording import recorded\n"
        "m = torch.nn.Linear(2, 2)\n"
        "with internals.operations_passed_to(lambda op, a, k: op(*a, **k)): m(torch.ones(1, 2))\n"
        "recorded(m, lambda model, x: model(x), torch.ones(1, 2))\n"
        "assert not internals.compiler_is_loaded()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
