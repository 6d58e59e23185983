"""How do the outcomes of the same faults change?"""

from radhard.metrics.column import Role
from radhard.report.blocks import Picture, Section
from radhard.report.estimate_cells import read
from radhard.report.figures import bars
from radhard.report.main_figure import outcome_columns
from radhard.report.sections.outcomes import CLASS_NAMES
from radhard.verification import Verification

__all__ = ["outcomes_compared"]

_TOLD: tuple[Role, ...] = ("critical", "due")
"""The classes that the text names: harm, silent and detectable."""


def outcomes_compared(verification: Verification) -> Section | None:
    """The outcome classes before and after; None at error rates, or if a run lacks them."""
    before, after = verification.before, verification.after
    if before.by_rate or not outcome_columns(before) or not outcome_columns(after):
        return None
    rates = {
        name: {role: run.rate(column) for role, column in outcome_columns(run).items()}
        for name, run in (("before", before), ("after", after))
    }
    classes = [(CLASS_NAMES[role], role) for role in rates["before"]]
    rows = [(name, [rate.value for rate in by_role.values()]) for name, by_role in rates.items()]
    parts = []
    for role in _TOLD:
        was, now = (read(rates[name][role]) for name in ("before", "after"))
        parts.append(
            f"{CLASS_NAMES[role]} {was.value} {was.interval} before, {now.value} {now.interval} "
            "after"
        )
    picture = Picture(
        "outcomes-compared",
        "Outcome classes before and after",
        f"Of all predictions under a fault: {'; '.join(parts)}.",
        lambda narrow: bars(rows, classes, narrow),
    )
    return Section("outcomes", "Outcomes before and after", (picture,))
