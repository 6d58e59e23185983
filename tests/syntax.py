"""What is the syntax of a file? For all tests that look at the code, each file is parsed once."""

import ast
from functools import cache
from pathlib import Path

__all__ = ["syntax", "syntax_nodes"]


@cache
def syntax(path: Path) -> ast.Module:
    """The tree of a file of Python, which nobody changes."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def syntax_nodes(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of the tree, from the outer ones to the inner ones."""
    return tuple(ast.walk(syntax(path)))
