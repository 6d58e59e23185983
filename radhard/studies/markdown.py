"""How do claims and figures read in a page?"""

from collections.abc import Iterable, Iterator, Sequence

from radhard.report.escaping import plain
from radhard.studies.claim import Claim

__all__ = ["JUDGED", "judged", "table"]

JUDGED = (
    "A claim *holds*, or *does not hold*, where the whole interval says so; otherwise it *cannot "
    "be told*. Each verdict stands for itself: where there are many, one in twenty may be chance."
)
"""What the verdicts mean."""


def judged(claims: Sequence[Claim]) -> Iterator[str]:
    """How many claims hold, and each with its figure and verdict, as lines of Markdown."""
    said = [claim.verdict for claim in claims]
    counts = [said.count(verdict) for verdict in ("holds", "does not hold", "cannot be told")]
    yield "Of {} claims {} hold, {} do not, {} cannot be told.".format(len(said), *counts)
    yield ""
    yield from table(("claim", "over what", "figure", "limit", "verdict"), map(_claim, claims))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, as lines of Markdown, with an empty one behind it.

    >>> list(table(("a", "b"), [("1", "2")]))
    ['| a | b |', '| --- | --- |', '| 1 | 2 |', '']
    """
    yield _row(head)
    yield "|" + " --- |" * len(head)
    yield from map(_row, rows)
    yield ""


def _claim(claim: Claim) -> tuple[str, ...]:
    figure, text = claim.figure, ""
    if figure is not None:
        counted = f"{figure.value:.4g} {figure.unit}"
        text = counted if figure.low == figure.high else str(figure)
    return claim.text, claim.note, text, f"{claim.sense} {claim.limit:g}", claim.verdict


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"
