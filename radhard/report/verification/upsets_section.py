"""How many more upsets occur in a hardened model, because it stores more bits?"""

import math

from radhard.comparison import Tolerable
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.verification import Verification

__all__ = ["upset"]


def upset(verification: Verification, fit_per_bit: float | None) -> Section | None:
    """Rate times size of the fault space of each model, or the tolerable error rates."""
    if verification.before.by_rate:
        return _tolerated(verification)
    counted = verification.upsets()
    if counted is None:
        return None
    rows = []
    for name, upsets in zip(("before", "after"), counted, strict=True):
        rows.append((f"{name}: harmful faults", f"{upsets.faults:,}", *read(upsets.harmful)))
        if fit_per_bit is not None:
            rows.append((f"{name}: failures", "", *read(upsets.failures(fit_per_bit))))
    text = "A hardened model stores more bits, so more faults are possible. "
    if verification.own is not None:
        text += (
            f"Of the faults in what the hardening added, {len(verification.own):,} were tried; "
            f"their rate is {verification.own.rate()}. "
        )
    text += (
        "Compare the models by their harmful faults: the rate times the number of possible faults."
    )
    if fit_per_bit is not None:
        text += f" Failures are in 1e9 hours, at {fit_per_bit:g} FIT per bit."
    table = Table(
        "Rate times size", ("model", "possible faults", "estimate", *COLUMNS), tuple(rows)
    )
    return Section("upsets", "More bits, more upsets", (Text(text), table))


def _tolerated(verification: Verification) -> Section | None:
    both = verification.tolerable()
    if both is None:
        return None
    rows = tuple(
        (name, *_row(before_rate))
        for name, before_rate in zip(("before", "after"), both, strict=True)
    )
    before_rate, after_rate = (tolerable.value for tolerable in both)
    text = (
        "The highest error rate at which the error increases by at most half a percent of the "
        "fault-free error: mean errors, made monotonic and interpolated over the logarithm of the "
        "rate; intervals by bootstrap of the trials. In the hardened model, faults are injected "
        "into everything that it stores."
    )
    if before_rate > 0 and math.isfinite(after_rate / before_rate):
        text += f" It tolerates {after_rate / before_rate:.3g} times the rate."
    table = Table("Highest tolerable error rate", ("model", "rate", "95 % interval"), rows)
    return Section("tolerable", "Tolerable error rate", (Text(text), table))


def _row(tolerable: Tolerable) -> tuple[str, str]:
    value, _, interval = str(tolerable).partition(" [")
    return value, "[" + interval.rpartition(" (")[0]
