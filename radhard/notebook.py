"""How is a result shown in a notebook, as a table or in axes?"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from radhard.errors import InputError
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
    """The axes of matplotlib that were given, or the current ones of pyplot, as in pandas.

    A figure without a layout of its own gets the constrained one, which leaves room for the names
    of layers.

    Raises:
        InputError: several axes, or something else.
    """
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if axes is None:
        from matplotlib import pyplot

        axes = pyplot.gca()
    several = np.ravel(np.asarray(axes, dtype=object))
    if len(several) == 1 and isinstance(several[0], Axes):
        axes = several[0]
    if not isinstance(axes, Axes):
        given = f"{len(several)} axes" if len(several) > 1 else f"axes={axes!r:.60}"
        raise InputError(f"{given}: one plot is drawn into one axes of matplotlib; give plot(ax)")
    if isinstance(axes.figure, Figure) and axes.figure.get_layout_engine() is None:
        axes.figure.set_layout_engine("constrained")
    return axes


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
