"""Which limits were asked for, and are they kept?"""

from collections.abc import Sequence

from radhard.report.blocks import Verdict
from radhard.stats import LimitCheck

__all__ = ["limit_verdicts"]


def limit_verdicts(checks: Sequence[LimitCheck]) -> tuple[Verdict, ...]:
    """PASS or FAIL for each limit, worded as on the terminal."""
    verdicts = []
    for check in checks:
        answer, _, reason = str(check).partition("  ")
        verdicts.append(Verdict(answer, "better" if check.passed else "worse", f"{reason}."))
    return tuple(verdicts)
