"""How do the reference and links to the repository get into the documentation site?

The reference has a page for each public package of radhard, made here from its ``__all__``, so
that no list has to be kept. Pages link to files of the repository, such as ``../CONTRIBUTING.md``,
which are no pages of the site: the text of such a link stands there without the link.
"""

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

BOOSTS = {"questions.md": 8.0, "choose.md": 4.0, "guides/": 3.0, "getting-started.md": 3.0}
BOOSTS |= {"glossary.md": 2.0, "studies/": 0.2, "architecture.md": 0.2, "performance.md": 0.7}
"""How far up a search lists a page: answers before measurements that have the words too."""

_DEFINITION = ast.FunctionDef | ast.ClassDef

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./(?!guides|reference|studies)[^)]*\)")


def on_files(files: Files, config: Any) -> Files:
    """The files of the site, with a page of reference for every public package."""
    for package in packages():
        # None is the package itself: its verbs and nouns.
        name = package or "radhard"
        content = reference(package)
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """The text of a page, without links to files outside the site, and its place in a search."""
    boost = next((n for start, n in BOOSTS.items() if page.file.src_uri.startswith(start)), 1.0)
    page.meta.setdefault("search", {"boost": boost})
    if "/" in page.file.src_uri:
        return markdown  # "../" leads to a page of the site there
    return _OUTSIDE.sub(r"\1", markdown)


def packages() -> list[str | None]:
    """The public packages, after None for radhard itself."""
    return [None, *(name for name in _public(None)[1] if _source(name).is_file())]


def reference(package: str | None) -> str:
    """The page of a package: what it is, a table of its public names, and each of them."""
    title = f"radhard.{package}" if package else "radhard"
    first, names = _public(package)
    here = [name for name in names if package or not _source(name).is_file()]
    # Of radhard itself the verbs first; lists of components and other constants come last.
    here.sort(key=lambda name: (name.isupper(), package is None and name[0].isupper()))
    rows = (f"| [`{n}`](#{title}.{n}) | {_summary(_source(package), n)} |\n" for n in here)
    entries = "\n".join(f"::: {title}.{name}\n" for name in here)
    return f"# {title}\n\n{first}\n\n| name | |\n|---|---|\n{''.join(rows)}\n{entries}"


def _summary(source: Path, name: str) -> str:
    """The first line of the docstring of a name that a file defines or imports from another."""
    body = ast.parse(source.read_text(encoding="utf-8")).body
    body += [inner for node in body if isinstance(node, ast.If) for inner in node.body]
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.ImportFrom) and name in (alias.name for alias in node.names):
            return _summary(_source((node.module or "").partition(".")[2].replace(".", "/")), name)
        text = None
        if isinstance(node, _DEFINITION) and node.name == name:
            text = ast.get_docstring(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
            # What follows a constant says what it is.
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                text = ast.literal_eval(after.value)
        if text:
            return str(text).partition("\n")[0].replace("|", "\\|")
    return ""


def _source(package: str | None) -> Path:
    folder = ROOT / "radhard" / (package or "")
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def _public(package: str | None) -> tuple[str, list[str]]:
    """The first line of the documentation of a package, and its public names."""
    tree = ast.parse(_source(package).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names = ast.literal_eval(node.value)
            return (ast.get_docstring(tree) or "").partition("\n")[0], list(names)
    raise ValueError(f"{_source(package)} has no __all__")
