"""Does the hardening help, as far as the trials tell?"""

from radhard.comparison import Row
from radhard.report.blocks import Verdict
from radhard.report.change import Direction, change_of, trials_that_would_tell
from radhard.report.estimate_cells import read
from radhard.report.point_differences import in_points

__all__ = ["hardening_verdict"]

_ANSWERS: dict[Direction, str] = {
    "better": "The hardening helps.",
    "worse": "The hardening harms.",
    "open": "Whether the hardening helps cannot be told.",
}


def hardening_verdict(row: Row, *, under: str = "") -> Verdict:
    """Whether the hardening helps, as far as these trials tell, ``under`` one fault model."""
    kind, change = change_of(row.difference).direction, read(in_points(row.difference))
    # The unit follows the interval.
    reason = f"The rate changes by {change.value.removesuffix(' points')} {change.interval}."
    if kind == "better" and row.reduction is not None:
        removed = read(row.reduction)
        reason = f"It removes {removed.value} {removed.interval} of the harm."
    if kind == "open":
        reason = f"{reason} {trials_that_would_tell(row.difference)}".rstrip()
    answer = _ANSWERS[kind]
    return Verdict(f"{under}: {answer[0].lower()}{answer[1:]}" if under else answer, kind, reason)
