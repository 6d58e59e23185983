"""How are estimates shown as a table in a terminal?"""

from dataclasses import dataclass, field

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from radhard.escaping import printable
from radhard.stats import Estimate, estimate_column

__all__ = ["EstimateTable", "bar", "plain_table"]

_NARROW = 64
"""Terminal width below which bars and numbers of trials are omitted."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_BAR = 12


@dataclass
class EstimateTable:
    """Rows of names and estimates, all with the same number of decimals, and bars."""

    first: str = ""
    """The head of the column of names."""
    title: str = ""
    head: str = "rate"
    _rows: list[tuple[str, Estimate | None, float]] = field(default_factory=list)

    def add(self, name: str, estimate: Estimate, full: float) -> None:
        """Add a row; ``full`` is the value at which its bar fills the whole column."""
        self._rows.append((name, estimate, full))

    def add_section(self, title: str) -> None:
        """Add a line that says what the rows below it are."""
        self._rows.append((title, None, 1.0))

    def rendered(self, console: Console) -> Table:
        """The table, for a terminal of this width."""
        wide = console.width >= _NARROW
        plain = not console.encoding.startswith("utf")
        table = plain_table(self.title)
        table.add_column(self.first, overflow="fold", header_style="dim")
        table.add_column(self.head, justify="right", no_wrap=True)
        table.add_column("95 % interval", no_wrap=True, header_style="dim")
        if wide:
            table.add_column("trials", justify="right", no_wrap=True, header_style="dim")
            table.add_column("", no_wrap=True, style="cyan")
        texts = iter(estimate_column([e for _, e, _ in self._rows if e is not None]))
        for name, estimate, full in self._rows:
            title = Text(printable(name), style="dim" if estimate is None else "")
            row: list[RenderableType] = [title]
            if estimate is not None:
                text = next(texts)
                row += [text.value, text.interval]
                if wide:
                    # Without trials: a figure of the fault-free model.
                    trials = f"{estimate.trials:,}" if estimate.trials else ""
                    row += [trials, bar(estimate.value, full, plain=plain)]
            table.add_row(*row)
        return table


def plain_table(title: str) -> Table:
    """A table without lines between its cells."""
    table = Table(
        title=Text(printable(title)) if title else None,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    table.padding = (0, 2, 0, 0)
    return table


def bar(value: float, most: float, *, plain: bool) -> str:
    """A bar with a length proportional to ``value / most``."""
    eighths = round(8 * _BAR * max(value, 0.0) / most) if most > 0 else 0
    full, rest = divmod(min(eighths, 8 * _BAR), 8)
    if plain:
        return "#" * full
    return "█" * full + (_EIGHTHS[rest] if rest else "")
