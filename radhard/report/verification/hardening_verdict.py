"""Does the hardening help, as far as the trials tell?"""

from radhard.comparison import Row
from radhard.report.blocks import Verdict
from radhard.report.estimate_cells import read
from radhard.report.figures import direction

__all__ = ["hardening_verdict", "trials_that_would_tell"]


def hardening_verdict(row: Row) -> Verdict:
    """Whether the hardening helps, as far as these trials tell."""
    change = read(row.difference)
    reason = f"The rate changes by {change.value} {change.interval}."
    kind = direction(row.difference)
    if kind == "worse":
        return Verdict("The hardening harms.", kind, reason)
    if kind == "open":
        return Verdict(
            "These trials do not tell.", kind, f"{reason} {trials_that_would_tell(row)}".rstrip()
        )
    if row.reduction is not None:
        removed = read(row.reduction)
        reason = f"It removes {removed.value} {removed.interval} of the harm."
    return Verdict("The hardening helps.", kind, reason)


def trials_that_would_tell(row: Row) -> str:
    """How many trials would tell, if the difference is as large as it seems."""
    value = row.difference.value
    if not value:
        return ""
    # Intervals shrink with the square root of the number of trials, or faster.
    over = (row.difference.high if value < 0 else row.difference.low) - value
    needed = float(f"{row.difference.trials * (over / value) ** 2:.2g}")
    return f"If the difference is as large as it seems, about {needed:,.0f} trials would tell."
