"""How does a table get into a page of the documentation?"""

from pathlib import Path

__all__ = ["put"]

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
