"""How large is the code, how is it documented, and do its imports have cycles?"""

import argparse
import ast
import io
import re
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import component_lists

LONG = 50
"""Lines of a function above which it is long."""

DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def classes(self) -> Iterator[ast.ClassDef]:
        return (node for node in self.tree.body if isinstance(node, ast.ClassDef))


def modules(root: Path) -> dict[str, Module]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted((root / "radhard").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


def imported(module: Module, known: dict[str, Module]) -> set[str]:
    """The modules of the package that one imports, also inside functions and for type checking.

    A name that a package re-exports counts as an import of the package.
    """
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & known.keys()
            found |= inner
            if len(inner) < len(node.names):
                found.add(node.module or "")
    return found & known.keys() - {module.name}


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one node (Tarjan, SIAM J. Comput. 1972).

    >>> cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}})
    [['b', 'c']]
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    # A chain of imports may be as long as the package has modules.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 2 * len(graph) + 200))
    for node in graph:
        if node not in order:
            visit(node)
    return found


def public(known: dict[str, Module]) -> dict[str, bool]:
    """Whether each public name has a docstring.

    Public are modules, the classes and functions at the top level of a module, and the methods
    and properties of public classes, wherever no part of the name begins with an underscore. A
    method without a docstring counts as documented if it overrides a documented one of a base
    class of the package: the contract is described there.
    """
    named: dict[str, list[tuple[Module, ast.ClassDef]]] = {}
    for module in known.values():
        for cls in module.classes():
            named.setdefault(cls.name, []).append((module, cls))

    def inherited(cls: ast.ClassDef, method: str) -> bool:
        for base in cls.bases:
            name = ast.unparse(base).partition("[")[0].rpartition(".")[2]
            for _, parent in named.get(name, []):
                for node in parent.body:
                    same = isinstance(node, DEFINITION) and node.name == method
                    # Without a docstring, it may override a documented method itself.
                    if same and ast.get_docstring(node) is not None:
                        return True
                if inherited(parent, method):
                    return True
        return False

    found = {}
    for module in known.values():
        if any(part.startswith("_") for part in module.name.split(".")[1:] if part != "__main__"):
            continue
        found[module.name] = ast.get_docstring(module.tree) is not None
        for node in module.tree.body:
            if not isinstance(node, DEFINITION) or node.name.startswith("_"):
                continue
            found[f"{module.name}.{node.name}"] = ast.get_docstring(node) is not None
            for inner in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(inner, DEFINITION) and not inner.name.startswith("_"):
                    documented = ast.get_docstring(inner) is not None
                    documented = documented or inherited(node, inner.name)
                    name = f"{module.name}.{node.name}.{inner.name}"
                    # The setter of a property shares its name.
                    found[name] = found.get(name, False) or documented
    return found


def lengths(known: dict[str, Module]) -> dict[str, tuple[int, int]]:
    """The lines of every function, and how many of them are its docstring's."""
    found = {}

    def visit(node: ast.AST, name: str) -> None:
        for inner in ast.iter_child_nodes(node):
            if not isinstance(inner, DEFINITION):
                continue
            path = f"{name}.{inner.name}"
            if not isinstance(inner, ast.ClassDef):
                first = inner.body[0]
                said = ast.get_docstring(inner) is not None
                docstring = first.end_lineno - first.lineno + 1 if said else 0
                found[path] = inner.end_lineno - inner.lineno + 1, docstring
            visit(inner, path)

    for module in known.values():
        visit(module.tree, module.name.removeprefix("radhard."))
    return found


def comments(known: dict[str, Module]) -> tuple[int, int]:
    """Lines with a comment, and lines with code; neither counts docstrings or blank lines.

    A comment to a checker, such as `noqa`, explains nothing and does not count.
    """
    explained = code = 0
    for module in known.values():
        comment, used = set(), set()
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
            if token.type == tokenize.COMMENT:
                if not re.match(r"# *(type:|noqa|fmt:|pragma)", token.string):
                    comment.add(token.start[0])
            elif token.string.strip() and token.type != tokenize.ENDMARKER:
                used.update(range(token.start[0], token.end[0] + 1))
        for node in ast.walk(module.tree):
            # A string that is a statement is a docstring, also one below a constant.
            statement = node.value if isinstance(node, ast.Expr) else None
            if isinstance(statement, ast.Constant) and isinstance(statement.value, str):
                used.difference_update(range(node.lineno, node.end_lineno + 1))
        explained, code = explained + len(comment), code + len(used)
    return explained, code


def ignored(known: dict[str, Module]) -> Counter[str]:
    """How often each error of the type checker is ignored."""
    found: Counter[str] = Counter()
    for module in known.values():
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
            if token.type == tokenize.COMMENT and "type: ignore" in token.string:
                codes = re.search(r"type: ignore\[(.*?)\]", token.string)
                found.update(codes[1].replace(" ", "").split(",") if codes else ["all"])
    return found


def figures(root: Path) -> str:
    """The table of what the code is like."""
    known = modules(root)
    lines = [module.lines for module in known.values()]
    largest = max(known.values(), key=lambda module: module.lines)
    rings = cycles({name: imported(module, known) for name, module in known.items()})
    documented = public(known)
    bare = [name for name, has in documented.items() if not has]
    explained, code = comments(known)
    sizes = lengths(known)
    long = {name: of - docstring for name, (of, docstring) in sizes.items()}
    long = {name: of for name, of in sorted(long.items(), key=lambda i: -i[1]) if of > LONG}
    ignores = ignored(known).most_common()
    rows = {
        "files": f"{len(lines)}",
        "lines of a file": f"median {statistics.median(lines):.0f}, largest {largest.lines} "
        f"(`{largest.path.relative_to(root)}`)",
        "modules in the largest import cycle": f"{max(map(len, rings), default=0)}"
        + "".join(f" ({', '.join(ring)})" for ring in rings),
        "public names documented": f"{len(documented) - len(bare)} of {len(documented)}"
        + (f", not: {', '.join(f'`{name}`' for name in bare)}" if bare else ""),
        "`type: ignore`": f"{sum(count for _, count in ignores)}: "
        + ", ".join(f"{count} {name}" for name, count in ignores),
        f"functions above {LONG} lines": f"{sum(of > LONG for of, _ in sizes.values())}; "
        f"{len(long) or 'none'} without the docstring"
        + "".join(f"{', ' if at else ': '}`{n}` {of}" for at, (n, of) in enumerate(long.items())),
        "lines with a comment": f"{explained} to {code:,} lines of code, "
        f"{100 * explained / code:.1f} to 100",
    }
    return "| | |\n|---|---|\n" + "".join(f"| {name} | {row} |\n" for name, row in rows.items())


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, begun, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{page} has no marks {begin!r} and {end!r}")
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser("house", description="Put the tables of the code into pages.")
    parser.add_argument("--print", action="store_true", help="print the tables, change no page")
    given = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    tables = {
        ("docs/architecture.md", "make house: figures"): figures(root),
        ("docs/architecture.md", "make house: costs"): component_lists.costs(root),
        ("README.md", "make house: components"): component_lists.overview(),
    }
    for (page, name), text in tables.items():
        if given.print:
            print(text)
        else:
            put(root / page, name, text)


if __name__ == "__main__":
    main()
