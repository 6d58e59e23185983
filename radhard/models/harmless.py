"""Which exported graphs contain only computation?"""

import json
import keyword
import re
from collections import OrderedDict
from typing import Any

import torch

from radhard.errors import InputError
from radhard.internals import OpOverload, schema
from radhard.models.expressions import DOTTED, TEXT, Harmful, arithmetic, condition, matching

__all__ = ["Harmful", "harmless_program", "plain_inputs"]

NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)

NAMES = {"name", "as_name"}  # written into source as they are
TEXTS = {"as_string", "as_strings", "torch_version"}

OPERATOR = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)", re.ASCII)
WORDS = re.compile(r"\w+").findall
PLAIN = {
    "_operator": WORDS(
        "add sub mul floordiv truediv mod pow neg eq ne lt le gt ge and_ or_ not_ getitem"
    ),
    "math": ["ceil", "floor", "trunc", "sqrt"],
    "torch": WORDS("sym_int sym_float sym_max sym_min sym_not sym_ite sym_sum"),
    "torch.ops.higher_order": ["cond", "wrap_with_set_grad_enabled", "wrap_with_autocast"],
}

CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}


def harmless_program(program: Any) -> Any:
    """The JSON of an exported program without notes, after checking that it is harmless.

    Raises:
        Harmful: anything that is not known to be.
        InputError: the program was exported in training mode.
    """
    if isinstance(program, dict):
        return {_dotted(key): _value(key, value) for key, value in program.items()}
    if isinstance(program, list):
        return [harmless_program(item) for item in program]
    if isinstance(program, str):
        return _dotted(program)
    return program


def plain_inputs(value: Any) -> None:
    """Raise unless example inputs are tensors and plain values in tuples, lists and dicts."""
    if type(value) in (tuple, list):
        for part in value:
            plain_inputs(part)
    elif type(value) in (dict, OrderedDict):
        for key, part in value.items():
            matching(TEXT, key)  # the way to an input is written into source
            plain_inputs(part)
    elif isinstance(value, str):
        matching(TEXT, value)
    elif value is not None and type(value) not in (torch.Tensor, bool, int, float):
        raise Harmful(f"example inputs of {type(value).__name__}")


def _value(key: str, value: Any) -> Any:
    if key == "metadata":  # stack traces and the like: not needed to compute
        return {}
    if key in ("custom_obj", "as_custom_obj") or (
        key in ("custom_obj_values", "treespec_namedtuple_fields") and value
    ):
        raise Harmful("objects that are not tensors")
    if key == "inputs" and isinstance(value, list):
        for item in value:
            _not_training(item)
    if not value or not isinstance(value, str | list):
        return harmless_program(value)
    if key == "guards_code":
        return [condition(text) for text in value]
    if not isinstance(value, str):
        if key in TEXTS:
            return [matching(TEXT, text) for text in value]
        return harmless_program(value)
    checks = {
        "target": _operator,
        "as_operator": _operator,
        "expr_str": arithmetic,
        "in_spec": _structure,
        "out_spec": _structure,
    }
    if key in checks:
        return checks[key](value)
    if key in NAMES:
        return _name(value)
    return matching(TEXT, value) if key in TEXTS else _dotted(value)


def _not_training(item: Any) -> None:
    named = isinstance(item, dict) and item.get("name") in ("train", "training")
    if named and item.get("arg") == {"as_bool": True}:
        raise InputError(
            "the program was exported in training mode (dropout or batch statistics are active); "
            "call model.eval() before torch.export.export"
        )


def _name(text: str) -> str:
    if keyword.iskeyword(matching(NAME, text)):
        raise Harmful(f"unusual text ({text!r})")
    return text


def _dotted(text: Any) -> str:
    for segment in matching(DOTTED, text).split("."):
        # Such names lead from any object to the interpreter.
        if segment.startswith("__") and segment.endswith("__"):
            raise Harmful(f"unusual text ({text!r:.60})")
    return str(text)


def _operator(text: str) -> str:
    module, _, name = text.rpartition(".")
    if name in PLAIN.get(module, ()):
        return text
    match = OPERATOR.fullmatch(text)
    overload = getattr(getattr(torch.ops.aten, match[1], None), match[2], None) if match else None
    if not isinstance(overload, OpOverload):
        raise Harmful(f"the operator {text!r:.60}, which is not one of torch's own")
    # Some of torch's own operators map a file into memory.
    if any(argument.name == "filename" for argument in schema(overload).arguments):
        raise Harmful(f"the operator {text!r}, which opens files")
    return text


def _structure(text: str) -> str:
    """Check how inputs or outputs nest: nothing that would have to be imported."""
    try:
        protocol, spec = json.loads(text)
    except (ValueError, TypeError):
        raise Harmful(f"a structure that cannot be read ({text!r:.60})") from None
    _nested(spec)
    return json.dumps([protocol, spec])


def _nested(spec: Any) -> None:
    if not isinstance(spec, dict) or set(spec) != {"type", "context", "children_spec"}:
        raise Harmful(f"a structure that cannot be read ({spec!r:.60})")
    if spec["type"] not in CONTAINERS:
        raise Harmful(
            f"inputs or outputs of {spec['type']!r:.60} (only tuple, list and dict are known)"
        )
    context = None if spec["context"] is None else json.loads(spec["context"])
    if context is not None and not isinstance(context, list):
        raise Harmful(f"a structure with {context!r:.60}")
    for key in context or []:
        if not isinstance(key, int):
            matching(TEXT, key)
    for child in spec["children_spec"]:
        _nested(child)
