"""What is a report made of, before it is HTML or Markdown?"""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

__all__ = ["Code", "Document", "Headline", "Picture", "Section", "Table", "Text", "Tile"]


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
    """Rows of text. The first ``words`` columns hold words, the others numbers.

    ``shown`` rows are in sight, the others are folded away where a page can fold (None: all are in
    sight). ``code`` says which columns are lines of code.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    shown: int | None = None
    code: tuple[int, ...] = ()

    @property
    def open(self) -> tuple[tuple[str, ...], ...]:
        """The rows in sight."""
        return self.rows[: self.shown]

    @property
    def folded(self) -> tuple[tuple[str, ...], ...]:
        """The rows folded away."""
        return () if self.shown is None else self.rows[self.shown :]


@dataclass(frozen=True)
class Picture:
    """A figure, drawn when a page needs it: wide, or narrow for a phone (``draw(True)``).

    ``name`` is unique in a report; ``title`` says what is drawn, ``finding`` what it shows, in a
    sentence that can stand for the picture.
    """

    name: str
    title: str
    finding: str
    draw: Callable[[bool], Figure]


@dataclass(frozen=True)
class Section:
    """A part of the report under a heading."""

    name: str
    title: str
    blocks: tuple[Text | Code | Table | Picture, ...]


@dataclass(frozen=True)
class Tile:
    """One figure that stands by itself, with its interval and what it rests on."""

    label: str
    value: str
    interval: str = ""
    basis: str = ""


@dataclass(frozen=True)
class Headline:
    """The figures that come first, and what the first of them means in plain words."""

    main: Tile
    meaning: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Document:
    """A whole report, the same for every way it is written."""

    title: str
    asked: str
    warnings: tuple[str, ...]
    headline: Headline
    sections: tuple[Section, ...]
    version: str
    kind: str = "fault-injection report"
    foot: str = "Means weigh every fault of the space alike; intervals count trials, not samples."
