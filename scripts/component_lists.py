"""Which lists does one more component of a family have to be written into?"""

import ast
import re
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

SUBJECTS = {
    "targets": "where are faults injected?",
    "faults": "what happens to a word?",
    "formats": "how is a number stored? [Words and ranges](docs/formats.md)",
    "samplers": "which faults are tried?",
    "engines": "how are trials executed? Selected [automatically](docs/engines.md).",
    "metrics": "how is the effect measured?",
    "analyses": "what is predicted to be vulnerable? [How to choose](docs/analyses.md)",
    "hardenings": "how is a model made more resilient? [What each protects](docs/hardenings.md)",
    "models": "which networks are included? Your own as `file.py:factory`",
    "datasets": "which data are included? Your own as `file.py:factory`",
    "studies": "which comparisons of papers are repeated? [Results](docs/studies.md)",
}
"""The families in the order of the README, each with what is said of it there."""

DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def components() -> dict[str, list[str]]:
    """The components of each family, as the package itself lists them."""
    from radhard import (
        analyses,
        datasets,
        engines,
        faults,
        formats,
        hardenings,
        metrics,
        models,
        samplers,
        studies,
        targets,
    )

    families = [
        formats.FORMATS,
        faults.FAULTS,
        targets.TARGETS,
        samplers.SAMPLERS,
        engines.ENGINES,
        metrics.METRICS,
        analyses.ANALYSES,
        hardenings.HARDENINGS,
    ]
    found = {family.room.rpartition(".")[2]: list(family.names) for family in families}
    found["models"] = [name for name, _ in models.listed()]
    found["datasets"] = [name for name, _ in datasets.listed()]
    found["studies"] = list(studies.STUDIES)
    return found


def lists(root: Path, family: str, names: list[str]) -> list[str]:
    """The files, besides its own, that one more component of a family has to be written into.

    - In the package: a statement that names every component, and in the room of the family the
      tables of contents (``__init__.py``) that name any.
    - In ``tests/conformance``: the examples, of which every component needs one. Other tests that
      name several components make a claim about these.
    - In pages: a table or paragraph that names every component. What a command puts there is not
      written by hand.

    The line in the change log that every change has is not counted.
    """
    room = root / "radhard" / family
    patterns = [_spelled(name) for name in names]
    found = []
    for path in sorted((root / "radhard").rglob("*.py")):
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        parts = [_code(node) for node in statements]
        contents = path.name == "__init__.py" and path.is_relative_to(room)
        if _named(parts, patterns, any if contents else all):
            found.append(path)
    for path in sorted((root / "tests" / "conformance").rglob("*.py")):
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        parts = [ast.unparse(node) for node in statements if not isinstance(node, DEFINITION)]
        if _named(parts, patterns, all):
            found.append(path)
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"<!-- (make .*?) -->.*?<!-- end of \1 -->", "", text, flags=re.DOTALL)
        if _named(re.split(r"\n\s*\n", text), patterns, all):
            found.append(path)
    return [str(path.relative_to(root)) for path in found]


def _spelled(name: str) -> re.Pattern[str]:
    """A component's name where it is no attribute; of a study the name of its constant as well."""
    constant = name.upper().replace("-", "_")
    return re.compile(rf"(?<![\w.])({re.escape(name)}|{constant})(?!\w)")


def _code(node: ast.stmt) -> str:
    """A statement without its docstring, in which components are examples."""
    if isinstance(node, DEFINITION) and ast.get_docstring(node) is not None:
        return "".join(map(ast.unparse, node.body[1:]))
    return ast.unparse(node)


def _named(
    parts: list[str],
    patterns: list[re.Pattern[str]],
    enough: Callable[[Iterable[bool]], bool],
) -> bool:
    return any(enough(bool(pattern.search(part)) for pattern in patterns) for part in parts)


def costs(root: Path) -> str:
    """The table of the files that one more component has to be written into, besides its own."""
    text = (
        "| family | components | in the package | in tests | in pages |\n|---|---:|---|---|---|\n"
    )
    for family, names in components().items():
        found = lists(root, family, names)
        of_package = [file.removeprefix("radhard/") for file in found if "radhard/" in file]
        of_tests = [file.removeprefix("tests/") for file in found if "tests/" in file]
        pages = [file for file in found if file.endswith(".md")]
        cells = (", ".join(f"`{file}`" for file in some) for some in (of_package, of_tests, pages))
        text += f"| {family} | {len(names)} | {' | '.join(cells)} |\n"
    return text


def overview() -> str:
    """The list of all components for the README, in lines of at most 120 characters."""
    listed = components()
    items = (
        f"- **{family}**: {subject} " + " ".join(f"`{name}`" for name in listed[family])
        for family, subject in SUBJECTS.items()
    )
    return "".join(f"{_wrapped(item)}\n" for item in items)


def _wrapped(item: str) -> str:
    return textwrap.fill(
        item, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
