"""How are two runs, and a verification, shown in a terminal?"""

import math

from radhard.cli.cost_table import show_cost
from radhard.cli.estimate_table import plain_table
from radhard.cli.terminal import Terminal
from radhard.comparison import Comparison
from radhard.escaping import printable
from radhard.metrics.run_columns import RunColumns
from radhard.stats import estimate_column, p_text
from radhard.verification import Verification

__all__ = ["show_changes", "show_comparison", "show_verification"]

_NAMES = ("before", "after", "difference")

_P = "p: probability of a difference at least this large if there were none"

_NARROW = 110
"""Terminal width below which each rate of a group has a row of its own."""


def show_comparison(comparison: Comparison, terminal: Terminal) -> None:
    """Print both rates and their difference, one row for each group."""
    how = "the same faults" if comparison.paired else f"not paired: {comparison.why_unpaired}"
    # Only the meaning is needed; of a metric of another package, the name is shown.
    meaning = RunColumns({comparison.column: (0.0, 1.0)}, foreign=False).meaning(comparison.column)
    terminal.say(f"{meaning}, {how}", always=True)
    if len(comparison.rows) == 1 or terminal.console.width < _NARROW:
        for row in comparison.rows:
            if row.group:
                terminal.say(f"{row.group}:")
            texts = estimate_column([getattr(row, name) for name in _NAMES])
            for name, text in zip(_NAMES, texts, strict=True):
                terminal.say(f"  {name:<10}  {text}", always=len(comparison.rows) == 1)
            terminal.say(f"  {_pairs(row.lower, row.equal, row.higher)}{p_text(row.p_value, 'p')}")
            if row.against_pairs:
                terminal.say(f"  {row.against_pairs}")
        terminal.say(f"  {_P}", "dim")
        return
    table = plain_table("")
    for head in (comparison.by or "", *_NAMES, "p"):
        justify = "left" if not head or head == comparison.by else "right"
        table.add_column(head, justify=justify, no_wrap=True, header_style="dim")  # type: ignore[arg-type]
    columns = [estimate_column([getattr(row, name) for row in comparison.rows]) for name in _NAMES]
    for row, *texts in zip(comparison.rows, *columns, strict=True):
        table.add_row(printable(row.group), *map(str, texts), p_text(row.p_value))
    terminal.show(table)
    terminal.say(_P, "dim")


def show_changes(comparison: Comparison, terminal: Terminal) -> None:
    """Print for every fault model whether the hardening helps under it, and by how much."""
    # Here, as `radhard compare` needs no pages.
    from radhard.report.estimate_cells import read
    from radhard.report.verification.hardening_verdict import hardening_verdict

    for row in comparison.rows:
        verdict = hardening_verdict(row, under=f"under {row.group}")
        before, after = read(row.before), read(row.after)
        terminal.say(verdict.answer, "bold", always=True)
        terminal.say(
            f"  {before.value} {before.interval} before, {after.value} {after.interval} after; "
            f"{verdict.reason[:1].lower()}{verdict.reason[1:]}"
        )


def show_verification(verification: Verification, terminal: Terminal) -> None:
    """Print what was hardened, the comparison, and what the hardening costs."""
    terminal.say(verification.heading, "bold", always=True)
    for line in verification.covers:
        terminal.say(line)
    show_comparison(verification.comparison, terminal)
    for group, drop in (verification.loss() or {}).items():
        at = f"at {group}: " if group else ""
        terminal.say(f"{at}accuracy loss against the fault-free unprotected model: {drop}")
    if (counted := verification.upsets()) is not None:
        terminal.say("harmful faults among all possible faults")
        terminal.say(f"  before  {counted[0]}")
        terminal.say(f"  after   {counted[1]}")
    if (tolerated := verification.tolerable()) is not None:
        before, after = tolerated
        terminal.say("highest tolerable error rate (error at most 0.5 % higher)")
        terminal.say(f"  before  {before}")
        terminal.say(f"  after   {after}")
        if before.value > 0 and math.isfinite(after.value / before.value):
            terminal.say(f"  {after.value / before.value:.3g} times as high")
    if verification.cost is not None:
        show_cost(verification.cost, terminal)
    for note in verification.notes:
        terminal.say(f"note: {note}")


def _pairs(lower: int, equal: int, higher: int) -> str:
    if not (pairs := lower + equal + higher):
        return ""
    return f"{pairs:,} pairs: {lower:,} lower, {equal:,} equal, {higher:,} higher; "
