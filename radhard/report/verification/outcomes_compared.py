"""How do the outcomes of the same faults change?"""

from radhard.metrics.column import Role
from radhard.report.blocks import Picture, Section
from radhard.report.estimate_cells import read
from radhard.report.figures import bars
from radhard.report.main_figure import outcome_columns
from radhard.report.sections.outcomes import CLASS_NAMES
from radhard.report.verification.run_pair import RunPair

__all__ = ["outcomes_compared"]

_TOLD: tuple[Role, ...] = ("critical", "due")
"""The classes that the text names: harm, silent and detectable."""


def outcomes_compared(pair: RunPair) -> Section | None:
    """The outcome classes in both runs; None at error rates, or if a run lacks some or has caps."""
    if pair.before.by_rate or not all(map(outcome_columns, pair.runs)):
        return None
    if any(run.untried for run in pair.runs):
        return None
    if not all(run.has_mean(c) for run in pair.runs for c in outcome_columns(run).values()):
        return None
    rates = {
        name: {role: run.rate(column) for role, column in outcome_columns(run).items()}
        for name, run in zip(pair.names, pair.runs, strict=True)
    }
    classes = [(CLASS_NAMES[role], role) for role in rates[pair.names[0]]]
    rows = [
        (label, [rate.value for rate in by_role.values()])
        for label, by_role in zip(pair.labels, rates.values(), strict=True)
    ]
    parts = []
    for role in _TOLD:
        was, now = (read(rates[name][role]) for name in pair.names)
        parts.append(f"{CLASS_NAMES[role]} {was} {pair.names[0]}, {now} {pair.names[1]}")
    picture = Picture(
        "outcomes-compared",
        f"Outcome classes {pair.both}",
        f"Of all predictions under a fault: {'; '.join(parts)}.",
        lambda narrow: bars(rows, classes, narrow),
    )
    return Section("outcomes", f"Outcomes {pair.both}", (picture,))
