"""How is one component explained in a terminal?"""

import re
from contextlib import suppress
from inspect import Parameter, Signature
from textwrap import fill

from radhard.cli.docstrings import Described
from radhard.cli.early import spec_of
from radhard.cli.signatures import components, functions
from radhard.errors import InputError

__all__ = ["explained"]

_RUN = "radhard run lenet5 --data mnist"
_COMMANDS = {
    "models": "radhard run {} --data mnist",
    "datasets": "radhard run lenet5 --data {}",
    "targets": _RUN + " --target {}",
    "faults": _RUN + " --fault {}",
    "formats": _RUN + " --format {}",
    "samplers": _RUN + " --sampler {}",
    "engines": _RUN + " --engine {}",
    "executors": _RUN + " --executor {}",
    "metrics": _RUN + " --metric {}",
    "analyses": "radhard analyze lenet5 --data mnist --with {}",
    "hardenings": "radhard harden lenet5 --data mnist --with {}",
}
"""Which option takes a component of a family; the others are arguments of components."""


def explained(family: str, part: Described, width: int) -> list[str]:
    """What a component is, its arguments, an example, its cost, its sources and its place."""
    arguments = functions(family) if family in ("models", "datasets") else components(family)
    signature = arguments[part.name]
    lines = [part.name + str(signature.replace(parameters=_bare(signature))), ""]
    lines += _body(part.paragraphs, width)
    if signature.parameters:
        lines += ["", "arguments", *_arguments(part, signature, width)]
    lines.append("")
    example = _example(family, part, signature)
    if example is not None and family in _COMMANDS:
        # A shell takes brackets for its own.
        quoted = f'"{example}"' if "(" in example else example
        lines.append(f"example  {_COMMANDS[family].format(quoted)}")
    elif example is not None:
        lines.append(f"example  {example}")
    for head, texts in (("cost", [part.cost or ""]), ("source", part.sources)):
        for text in filter(None, texts):
            plain = text.replace("`", "")
            lines += fill(f"{head:<9}{plain}", width, subsequent_indent=" " * 9).splitlines()
    return [*lines, f"code     {part.place}"]


def _bare(signature: Signature) -> list[Parameter]:
    return [p.replace(annotation=Parameter.empty) for p in signature.parameters.values()]


def _body(paragraphs: list[str], width: int) -> list[str]:
    """The paragraphs of a docstring, filled and without the marks of its markup."""
    lines: list[str] = []
    for paragraph in paragraphs:
        marked = re.sub(r"``(.+?)``", r"\1", paragraph, flags=re.DOTALL)
        plain = re.sub(r"(?<![\w'\"])`([^`\n]+)`", r"\1", marked)
        # Lists, examples and formulas would be nonsense as filled text.
        as_it_is = re.search(r"^(\s|>>>|[-*] )", plain, re.MULTILINE)
        lines += ["", *(plain.splitlines() if as_it_is else fill(plain, width).splitlines())]
    return lines[1:]


def _arguments(part: Described, signature: Signature, width: int) -> list[str]:
    rows = []
    for name, parameter in signature.parameters.items():
        default = "required" if parameter.default is Parameter.empty else repr(parameter.default)
        kind = " ".join(part.fields.get(name, "").split())
        rows.append((name, kind, default, part.meanings.get(name, "")))
    sizes = [max(len(row[at]) for row in rows) for at in range(2)]
    lines = []
    for name, kind, default, meaning in rows:
        lines.append(f"  {name:<{sizes[0]}}  {kind:<{sizes[1]}}  {default}".rstrip())
        indent = " " * (sizes[0] + 4)
        lines += fill(
            " ".join(meaning.split()), width, initial_indent=indent, subsequent_indent=indent
        ).splitlines()
    return lines


def _example(family: str, part: Described, signature: Signature) -> str | None:
    """A call that the docstring shows; if it shows none, one without arguments if possible."""
    required = [p for p in signature.parameters.values() if p.default is Parameter.empty]
    if family in ("models", "datasets"):
        # A factory may be named without calling it.
        return None if required else part.name
    shown = re.findall(rf"\b{re.escape(part.name)}\((?:[^()`\n]|\([^()\n]*\))*\)", part.text)
    for call in [*part.examples, *shown]:
        with suppress(InputError):  # Replace(value) stands for any value
            return str(spec_of(family, "component")(None, None, call))  # type: ignore[arg-type]
    return None if required else f"{part.name}()"
