"""How are scores shown in a terminal?"""

import numpy as np
from rich.text import Text

from radhard.cli.estimate_table import bar, plain_table
from radhard.cli.terminal import Terminal
from radhard.escaping import printable
from radhard.report.vulnerability import amount, limits, part_name, pass_cost, verdict
from radhard.results import Results
from radhard.scores import Agreement, AnalysisComparison, Scores, agreements
from radhard.stats import percent

__all__ = ["show_analysis_comparison", "show_scores"]

_MOST_LAYERS = 12
_NARROW = 64
"""Terminal width below which bars are omitted."""
_MEANINGS = (
    "compared: channels or tensors with both a score and trials; rank: Spearman's rank correlation "
    "with its 95 % interval; worst tenth: share of the campaign's worst tenth that is also in that "
    "of the scores, with its 95 % interval, and in brackets the share expected by chance; "
    "|difference|: mean in percentage points, of scores that are shares"
)

_NARROW_FOR_FIGURES = 110
"""Terminal width below which the agreement is printed as sentences instead of a table."""


def show_scores(scores: Scores, results: Results | None, terminal: Terminal, top: int) -> None:
    """Print the most vulnerable parts, the layers, the cost, and the agreement with a campaign."""
    if terminal.quiet and len(scores):
        (first,) = scores.ranking(1)
        place = f"{part_name(first, scores.level)} {amount(first.value, scores.unit)}"
        terminal.say(f"{scores.by}  most vulnerable: {place}", "bold", always=True)
        return
    terminal.say("")
    terminal.say(scores.by, "bold")
    terminal.say(
        f"{len(scores):,} {scores.level} scores in {len(scores.values):,} tensors; {_unit(scores)}",
    )
    if layers := scores.facts.get("analyzed"):
        terminal.say(f"analyzed {layers}")
    if without := scores.facts.get("without a score"):
        terminal.say(f"no score for {without}")
    if cost := pass_cost(scores):
        terminal.say(cost)
    ranked = scores.ranking(top)
    rows = [(part_name(r, scores.level), r.value, limits(scores, r)) for r in ranked]
    _show(terminal, f"Most vulnerable of {len(scores):,}", scores.level, scores, rows)
    if scores.level != "tensor":
        coarse = scores.at("tensor")
        layers = [(r.tensor, r.value, "") for r in coarse.ranking(_MOST_LAYERS)]
        _show(terminal, "Mean of every tensor", "tensor", scores, layers)
        if len(coarse) > len(layers):
            terminal.say(f"and {len(coarse) - len(layers):,} more, which the report shows")
    if results is not None:
        _show_agreement(scores, results, terminal)
    terminal.say("")


def show_analysis_comparison(
    comparison: AnalysisComparison, results: Results, terminal: Terminal
) -> None:
    """Print agreement with a campaign and cost of several analyses."""
    terminal.say("")
    terminal.say(
        f"By {comparison.level}, compared with {results.column()} in {len(results):,} trials",
        "bold",
    )
    if terminal.console.width < _NARROW_FOR_FIGURES:
        for row in comparison.rows:
            title = str(row.agreement or row.scores.by)
            terminal.say("; ".join(part for part in (title, pass_cost(row.scores)) if part))
        _say_why(comparison, terminal)
        return
    table = plain_table("")
    table.add_column("analysis", overflow="fold")
    for name in (
        "compared",
        "rank",
        "interval",
        "worst tenth",
        "|difference|",
        "seconds",
        "samples",
    ):
        table.add_column(name, justify="right", no_wrap=True, header_style="dim")
    for row in comparison.rows:
        cost = row.scores.cost
        seconds = f"{cost['seconds']:.3g}" if "seconds" in cost else "-"
        samples = f"{cost['samples']:,.0f}" if "samples" in cost else "-"
        parts = f"{row.agreement.parts:,}" if row.agreement else "-"
        table.add_row(row.scores.by, parts, *_agreement(row.agreement), seconds, samples)
    terminal.show(table)
    if any(row.agreement for row in comparison.rows):
        terminal.say(f"{_MEANINGS}; samples: passed through the model", "dim")
    _say_why(comparison, terminal)


def _say_why(comparison: AnalysisComparison, terminal: Terminal) -> None:
    for row in comparison.rows:
        if row.why:
            terminal.say(f"no comparison of {row.scores.by} {row.why}", "dim")


def _show_agreement(scores: Scores, results: Results, terminal: Terminal) -> None:
    by_level, why = agreements(scores, results)
    # Trials in tensors without scores say nothing of them, so each level has its own number.
    title = f"Compared with {results.column()} of the campaign"
    if by_level and terminal.console.width < _NARROW_FOR_FIGURES:
        terminal.say("")
        terminal.say(title, "bold")
        for agreement in by_level:
            terminal.say(str(agreement))
    elif by_level:
        table = plain_table(title)
        table.add_column("level")
        for name in ("compared", "trials", "rank", "interval", "worst tenth", "|difference|"):
            table.add_column(name, justify="right", no_wrap=True, header_style="dim")
        for agreement in by_level:
            rank, interval, overlap, error = _agreement(agreement)
            sizes = f"{agreement.parts:,}", f"{agreement.trials:,}"
            table.add_row(agreement.level, *sizes, rank, interval, overlap, error)
        terminal.show(table)
        terminal.say(_MEANINGS, "dim")
    if by_level:
        found = verdict(by_level[0])
        terminal.say(f"{found.answer} {found.reason}", "bold")
    for reason in why:
        terminal.say(f"no comparison {reason}", "dim")


def _agreement(agreement: Agreement | None) -> tuple[str, str, str, str]:
    if agreement is None:
        return "-", "-", "-", "-"
    rank = agreement.rank
    error = "-" if agreement.error is None else f"{100 * agreement.error:.3g}"
    overlap = f"{' '.join(agreement.overlap_texts)} ({_share(agreement.overlap_by_chance)})"
    return f"{rank.value:.2f}", f"[{rank.low:.2f}, {rank.high:.2f}]", overlap, error


def _show(
    terminal: Terminal, title: str, first: str, scores: Scores, rows: list[tuple[str, float, str]]
) -> None:
    wide = terminal.console.width >= _NARROW
    table = plain_table(title)
    table.add_column(first, overflow="fold", header_style="dim")
    table.add_column("score", justify="right", no_wrap=True)
    with_intervals = any(interval for _, _, interval in rows)
    if with_intervals:
        table.add_column("interval", no_wrap=True, header_style="dim")
    if wide:
        table.add_column("", no_wrap=True, style="cyan")
    # Bars are relative to the longest one, as scores may have any unit.
    most = max((value for _, value, _ in rows), default=0.0)
    for name, value, interval in rows:
        drawn = (
            [bar(value, most, plain=not terminal.console.encoding.startswith("utf"))]
            if wide
            else []
        )
        table.add_row(
            Text(printable(name)),
            amount(value, scores.unit),
            *([interval] if with_intervals else []),
            *drawn,
        )
    terminal.show(table)


def _unit(scores: Scores) -> str:
    if scores.unit == "share":
        return "a score is the predicted rate of critical faults"
    return "scores are relative, and not rates of critical faults"


def _share(share: float) -> str:
    return percent(float(np.round(share, 2)))
