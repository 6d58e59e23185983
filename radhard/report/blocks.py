"""Which elements does a report consist of, independent of HTML and Markdown?"""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from radhard.report.change import Direction
from radhard.report.csv_text import csv_text
from radhard.report.part_tree import PartTree

__all__ = ["Code", "Document", "Headline", "Picture", "Section", "Table", "Text", "Tile", "Verdict"]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines to copy; ``language`` is "python" or "sh"."""

    text: str
    language: str = "python"


@dataclass(frozen=True)
class Table:
    """Rows of text. The first ``words`` columns contain words, the others numbers.

    ``shown`` rows are visible, the others are collapsed if the format allows it (None: all rows are
    visible). ``code`` contains the indices of columns with code.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    shown: int | None = None
    code: tuple[int, ...] = ()

    @property
    def open(self) -> tuple[tuple[str, ...], ...]:
        """The visible rows."""
        return self.rows[: self.shown]

    @property
    def folded(self) -> tuple[tuple[str, ...], ...]:
        """The collapsed rows."""
        return () if self.shown is None else self.rows[self.shown :]

    @property
    def csv(self) -> str:
        """All rows as comma-separated values, with the names of the columns."""
        return csv_text([self.columns, *self.rows])


@dataclass(frozen=True)
class Picture:
    """A figure, drawn on demand: wide, or narrow for a phone (``draw(True)``).

    ``name`` is unique in a report, ``title`` names the content, and ``finding`` describes the
    result in a sentence that can replace the figure.
    """

    name: str
    title: str
    finding: str
    draw: Callable[[bool], Figure]


@dataclass(frozen=True)
class Section:
    """A section of the report with a heading."""

    name: str
    title: str
    blocks: tuple[Text | Code | Table | Picture | PartTree, ...]


@dataclass(frozen=True)
class Tile:
    """A single value with its interval and the number of trials it is computed from."""

    label: str
    value: str
    interval: str = ""
    basis: str = ""


@dataclass(frozen=True)
class Verdict:
    """An answer in a word or two, its colour, and the reason."""

    answer: str
    direction: Direction
    reason: str


@dataclass(frozen=True)
class Headline:
    """The values at the top of the page, and the meaning of the first one in a sentence."""

    main: Tile
    meaning: str
    tiles: tuple[Tile, ...]
    verdicts: tuple[Verdict, ...] = ()
    colour: Direction | None = None
    """Whether the first value is good or bad news; None: a rate without anything to judge it by."""


@dataclass(frozen=True)
class Document:
    """A whole report, independent of the format in which it is written."""

    title: str
    summary: str
    warnings: tuple[str, ...]
    headline: Headline
    sections: tuple[Section, ...]
    version: str
    kind: str = "fault-injection report"
    foot: str = "All faults of a space have equal weight; the unit of intervals is the trial."
