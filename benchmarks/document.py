"""How is a table written, and how does it get into a page of the documentation?"""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["put", "table"]

DOCUMENTS = Path(__file__).parent.parent / "docs"


def put(name: str, text: str, page: str = "performance.md") -> None:
    """Replace what stands between the marks of this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    document = DOCUMENTS / page
    old = document.read_text(encoding="utf-8")
    before, begun, rest = old.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{document} has no marks {begin!r} and {end!r}")
    document.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of Markdown, all columns but the first aligned to the right."""
    rule = ["---"] + ["---:"] * (len(heads) - 1)
    return ["| " + " | ".join(cells) + " |" for cells in (heads, rule, *rows)]
