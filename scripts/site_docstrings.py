"""What does the reference show of a docstring and of a component's fields?

Doctests stand in docstrings as they are; here they are marked as code. A component is a frozen
dataclass by way of its own decorator, which a reader of the source cannot know: its fields become
the signature of its class.
"""

import re
from collections.abc import Iterator
from typing import Any

import griffe

_EXAMPLE = re.compile(r"(?m)^>>> (?:.*\n?)(?:(?!\s*$|\w+:$).*\n?)*")
"""From a prompt to the next empty line."""


class Docstrings(griffe.Extension):
    """Marks doctests as code, gives components their signatures, and finds what modules hide."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """A function that has the name of its file, as `inject`, is what its package exports."""
        for module in list(_modules(pkg)):
            for name, member in list(module.members.items()):
                file = _found(member)
                if name in module.imports and isinstance(file, griffe.Module) and file.parent:
                    # Its package imports what is in it by the name of the file.
                    inside = file.parent.imports.get(file.name) == f"{file.path}.{file.name}"
                    if inside and file.name in file.members:
                        exported = griffe.Alias(name, file.members[file.name], parent=module)
                        module.members[name] = exported

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        names = {str(decorator.callable_path).rpartition(".")[2] for decorator in cls.decorators}
        if "component" not in names or "__init__" in cls.members:
            return
        fields = [
            griffe.Parameter(
                name,
                annotation=member.annotation,
                kind=griffe.ParameterKind.positional_or_keyword,
                default=member.value,
            )
            for name, member in cls.members.items()
            if isinstance(member, griffe.Attribute)
            and member.annotation is not None
            and "property" not in member.labels
            and "ClassVar" not in str(member.annotation)
        ]
        this = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
        start = griffe.Function("__init__", parameters=griffe.Parameters(this, *fields))
        cls.set_member("__init__", start)


def _found(member: griffe.Object | griffe.Alias) -> griffe.Object | None:
    if not isinstance(member, griffe.Alias):
        return member
    try:
        return member.final_target
    except (griffe.AliasResolutionError, griffe.CyclicAliasError):  # a name of another package
        return None


def _modules(module: griffe.Module) -> Iterator[griffe.Module]:
    for inner in list(module.modules.values()):
        if isinstance(inner, griffe.Module):
            yield from _modules(inner)
    yield module


def fenced(docstring: str) -> str:
    """A docstring with its doctests as blocks of code."""
    return _EXAMPLE.sub(lambda match: f"```pycon\n{match.group().rstrip()}\n```\n", docstring)
