"""What do the additional bits of a hardened model mean?"""

import math

from radhard.comparison import Tolerable
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.verification import Verification

__all__ = ["upset"]


def upset(found: Verification, fit_per_bit: float | None) -> Section | None:
    """Rate times size of each model's own faults; at error rates the highest tolerable ones."""
    if found.before.by_rate:
        return _tolerated(found)
    counted = found.upsets()
    if counted is None:
        return None
    rows = []
    for name, upsets in zip(("before", "after"), counted, strict=True):
        rows.append((f"{name}: faults that harm", f"{upsets.faults:,}", *read(upsets.harmful)))
        if fit_per_bit is not None:
            rows.append((f"{name}: failures", "", *read(upsets.failures(fit_per_bit))))
    text = "A hardened model stores more, so that more can strike it. "
    if found.own is not None:
        text += (
            f"In what was added {len(found.own):,} faults were tried: "
            f"{found.own.rate()} of them harm. "
        )
    text += "What counts is the rate times the number of all faults that can happen."
    if fit_per_bit is not None:
        text += f" Failures are in 1e9 hours, at {fit_per_bit:g} FIT a bit."
    table = Table(
        "Rate times size", ("model", "possible faults", "of these", *COLUMNS), tuple(rows)
    )
    return Section("upsets", "More bits, more upsets", (Text(text), table))


def _tolerated(found: Verification) -> Section | None:
    both = found.tolerable()
    if both is None:
        return None
    rows = tuple((name, *_row(one)) for name, one in zip(("before", "after"), both, strict=True))
    one, two = (tolerable.value for tolerable in both)
    text = (
        "The highest error rate at which the error rises by no more than half a percent of what it "
        "is without faults: mean errors, made monotone and interpolated over the logarithm of the "
        "rate; intervals by bootstrap of the trials. The hardened model is struck in all it stores."
    )
    if one > 0 and math.isfinite(two / one):
        text += f" It tolerates {two / one:.3g} times the rate."
    table = Table("Highest tolerable error rate", ("model", "rate", "95 % interval"), rows)
    return Section("tolerable", "How many errors it tolerates", (Text(text), table))


def _row(tolerable: Tolerable) -> tuple[str, str]:
    value, _, interval = str(tolerable).partition(" [")
    return value, "[" + interval.rpartition(" (")[0]
