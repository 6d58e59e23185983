"""Which limits were asked for, and are they kept?"""

from collections.abc import Sequence

from radhard.report.blocks import Verdict
from radhard.report.enough_trials import trials_to_keep_a_limit
from radhard.stats import LimitCheck

__all__ = ["limit_verdicts"]


def limit_verdicts(checks: Sequence[LimitCheck]) -> tuple[Verdict, ...]:
    """PASS or FAIL for each limit, worded as on the terminal."""
    verdicts = []
    for check in checks:
        answer, _, reason = str(check).partition("  ")
        reason = f"{reason}. {trials_to_keep_a_limit(check)}".rstrip()
        verdicts.append(Verdict(answer, "better" if check.passed else "worse", reason))
    return tuple(verdicts)
