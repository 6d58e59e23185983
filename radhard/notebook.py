"""How is a result shown in a notebook, as a table or in axes?"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from radhard.escaping import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["html_table", "usual_axes"]


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


def usual_axes(axes: "Axes | None") -> "Axes":
    """The axes of matplotlib that were given, or the current ones of pyplot, as in pandas."""
    if axes is not None:
        return axes
    from matplotlib import pyplot

    return pyplot.gca()


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
