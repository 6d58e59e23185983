"""How does a table get into docs/performance.md?"""

from pathlib import Path

__all__ = ["put"]

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"


def put(name: str, text: str) -> None:
    """Replace what stands between the marks of this name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    old = DOCUMENT.read_text(encoding="utf-8")
    before, begun, rest = old.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        raise ValueError(f"{DOCUMENT} has no marks {begin!r} and {end!r}")
    DOCUMENT.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
