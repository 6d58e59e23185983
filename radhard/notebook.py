"""How is a result shown in a notebook?"""

from collections.abc import Iterable, Sequence
from html import escape

from radhard.escaping import visible

__all__ = ["html_table"]


def html_table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    notes: Sequence[str] = (),
) -> str:
    """A table as HTML, with all text escaped: the first column is names, the others are numbers.

    >>> html_table(["layer", "rate"], [["a<b", "1 %"]]).count("a&lt;b")
    1
    """
    lines = [f"<p><b>{_text(title)}</b></p>"] if title else []
    lines += ["<table>", f"<thead>{_row('th', head)}</thead>", "<tbody>"]
    lines += [_row("td", row) for row in rows]
    lines += ["</tbody>", "</table>"]
    return "\n".join([*lines, *(f"<p>{_text(note)}</p>" for note in notes)])


def _row(tag: str, cells: Sequence[str]) -> str:
    aligned = ["left", *["right"] * (len(cells) - 1)]
    return "".join(
        [
            "<tr>",
            *(
                f'<{tag} style="text-align:{side}">{_text(cell)}</{tag}>'
                for side, cell in zip(aligned, cells, strict=True)
            ),
            "</tr>",
        ]
    )


def _text(text: str) -> str:
    return escape(visible(text))
