"""What do the figures in a run file mean?"""

from collections.abc import Iterator, Mapping

from radhard.errors import InputError
from radhard.metrics.base import METRICS
from radhard.metrics.column import Column, Part, Role
from radhard.spec import near

__all__ = ["RunColumns"]


class RunColumns(Mapping[str, Column]):
    """The figures of a run by their full names, as described by the metrics of the run.

    ``ranges`` has the minimum and maximum of each; only the name is known of a figure whose metric
    cannot be imported, or must not be (``foreign=False``: only metrics of radhard).

    >>> columns = RunColumns({"Outcome().due": (0, 1), "Sdc(k=5).sdc": (0, 1)}, foreign=False)
    >>> columns.meaning("Sdc(k=5).sdc"), columns.with_role("due")
    ('SDC-5', 'Outcome().due')
    """

    def __init__(self, ranges: Mapping[str, tuple[float, float]], *, foreign: bool) -> None:
        self._columns: dict[str, Column] = {}
        self._ranges = dict(ranges)
        metrics: dict[str, dict[str, Column]] = {}
        for full, bounds in ranges.items():
            text, _, name = full.rpartition(".")
            if text not in metrics:
                metrics[text] = _columns_of(text, foreign=foreign)
            # A file may name a metric of a package that is not here; its figures can be read all
            # the same.
            self._columns[full] = metrics[text].get(name, Column(name, full, bounds))

    def __repr__(self) -> str:
        return f"<RunColumns {', '.join(self)}>"

    def __getitem__(self, key: str) -> Column:
        return self._columns[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def meaning(self, name: str) -> str:
        """A figure as a noun phrase; with its metric if an earlier figure has the same meaning."""
        meaning = self._columns[name].meaning
        first = next(full for full, column in self.items() if column.meaning == meaning)
        return meaning if name == first else f"{meaning} of {name.rpartition('.')[0]}"

    def of_part(self, part: Part) -> list[str]:
        """The figures of single classes, or of single samples, in their order."""
        return [name for name, column in self.items() if column.part == part]

    @property
    def headline(self) -> str:
        """The figure that counts first: critical silent data corruption."""
        shares = [c for c in self if self._ranges[c] == (0.0, 1.0)]
        harms = {c: harm.order for c in shares if (harm := self[c].harm) is not None}
        return min(harms, key=harms.__getitem__) if harms else (shares or list(self))[0]

    def full_name(self, name: str | None = None) -> str:
        """The full name of a figure, given the full name or its last part (``"critical"``).

        Raises:
            InputError: no figure, or more than one, has this name.
        """
        if name is None:
            return self.headline
        found = [c for c in self if c == name] or [
            c for c in self if c.rpartition(".")[2] == name or c.rpartition(".")[0] == name
        ]
        if len(found) != 1:
            problem = "is not a figure of this run" if not found else "is several figures"
            raise InputError(
                f"{name!r} {problem}: {near(name, list(self))}there is {', '.join(found or self)}"
            )
        return found[0]

    def with_role(self, role: Role) -> str | None:
        """The full name of the first figure with this role; None if there is none."""
        return next((full for full, column in self.items() if column.role == role), None)

    def scores(self) -> tuple[str, str] | None:
        """A score such as accuracy and its drop, of the first metric that has both."""
        for full, column in self.items():
            drop = f"{full.rpartition('.')[0]}.drop"
            if column.role == "score" and drop in self:
                return full, drop
        return None


def _columns_of(text: str, *, foreign: bool) -> dict[str, Column]:
    try:
        metric = METRICS.parse(text, foreign=foreign)
    except InputError:
        return {}
    return {column.name: column for column in metric.figures}
