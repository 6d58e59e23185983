"""Does duplication with correction do as well as triplication, for half the memory?"""

from collections.abc import Sequence
from typing import Literal

from radhard.analyses import VulnerabilityGain
from radhard.formats import Float32
from radhard.stats import Estimate
from radhard.studies.claim import Claim, exactly
from radhard.studies.error_rates import (
    ErrorRateDesign,
    ErrorRateFindings,
    ErrorRateStudy,
    Variant,
)

__all__ = ["CHANNEL_DUPLICATION"]

NONE = "unprotected"
INTERVALS, SOME, ALL = "intervals only", "15 % duplicated", "all duplicated"
PLAIN, TRIPLED = "all, no intervals", "triplicated"

COLLAPSE = 20.0
"""Points of accuracy after whose loss a network counts as collapsed; the paper's lose 24 to 31."""


def claims(findings: ErrorRateFindings) -> list[Claim]:
    """What the paper says of duplication and correction, statement by statement."""
    return [*_like_triplication(findings), *_some(findings), *_fault_free(findings)]


def _like_triplication(findings: ErrorRateFindings) -> list[Claim]:
    rates = findings.harmed(1.0)
    made = []
    for name in (PLAIN, ALL):
        for common in (True, False):
            made.append(
                _over(
                    f"{name} is as accurate under faults as {TRIPLED}, but for 1 point",
                    rates,
                    findings.gain(name, TRIPLED, rates, common=common) if rates else None,
                    "at least",
                    -1.0,
                    common,
                )
            )
    triplication = findings.measured[TRIPLED].cost
    for name, limit in ((PLAIN, 0.5), (ALL, 0.51)):
        cost = findings.measured[name].cost
        # Of what is added, not of the sum: the network itself is there in both.
        share = (cost.after.bits - cost.before.bits) / (
            triplication.after.bits - triplication.before.bits
        )
        about = "half" if limit == 0.5 else "half, and 2 bounds a channel"
        made.append(
            Claim(
                f"{name} adds at most {about}, of the memory that triplication adds",
                exactly(share, "of what triplication adds", triplication.after.bits),
                "at most",
                limit,
                "stored bits",
            )
        )
    return made


def _some(findings: ErrorRateFindings) -> list[Claim]:
    harmed, collapsed = findings.harmed(1.0), findings.harmed(COLLAPSE)
    first = collapsed[:1]
    # The highest rate up to 100 times that of the collapse; a little more, as rates are decimal
    # fractions.
    far = tuple(r for r in findings.rates if first and first[0] < r <= 100.001 * first[0])[-1:]
    made = []
    for common in (True, False):
        beyond = f" {far[0] / first[0]:.0f} times" if far else " up to 100 times"
        cases = ((SOME, 5.0, first, ""), (SOME, 5.0, far, beyond), (INTERVALS, 4.0, far, beyond))
        for name, limit, rates, times in cases:
            made.append(
                _over(
                    f"{name}: fewer than {limit:g} points are lost at{times} the rate at which the "
                    "unprotected network collapses",
                    rates,
                    findings.drop(name, rates, common=common) if rates else None,
                    "at most",
                    limit,
                    common,
                )
            )
        made.append(
            _over(
                f"{SOME} loses no more than {INTERVALS}, but for 1 point",
                harmed,
                findings.gain(SOME, INTERVALS, harmed, common=common) if harmed else None,
                "at least",
                -1.0,
                common,
            )
        )
    return made


def _over(
    text: str,
    rates: Sequence[float],
    figure: Estimate | None,
    sense: Literal["at least", "at most"],
    limit: float,
    common: bool,
) -> Claim:
    what = "the same faults" if common else "each its own faults, in copies and intervals too"
    where = ", ".join(f"{rate:g}" for rate in rates)
    note = f"{what}; rate {where}" if len(rates) == 1 else f"{what}; mean over the rates {where}"
    if figure is None:
        note = f"{what}; no rate of those tried"
    return Claim(text, figure, sense, limit, note)


def _fault_free(findings: ErrorRateFindings) -> list[Claim]:
    return [
        Claim(
            f"{name}: at most 0.1 points are lost without faults",
            findings.free_drop(name),
            "at most",
            0.1,
            "all test images; the intervals are those of the training images",
        )
        for name in (INTERVALS, SOME, ALL, PLAIN)
    ]


CHANNEL_DUPLICATION = ErrorRateStudy(
    name="channel-duplication",
    title="Duplicated channels with error detection and correction",
    source="Ahmadilivani et al., IOLTS 2024: resilience over the share of duplicated channels",
    about=(
        "Every bit of every stored number (weights, biases, norms, copies, intervals; Float32) "
        "flips with the given chance (the bit error rate, per bit). Channels are ranked by "
        "VulnerabilityGain. The unprotected network counts as collapsed at the lowest rate at "
        "which it surely loses 20 points; what is compared over several rates is compared over "
        "those at which it surely loses 1 point."
    ),
    networks=("lenet5", "resnet20", "vgg8"),
    claims=claims,
    design=ErrorRateDesign(
        variants=(
            Variant(NONE, "", "mixed", "o"),
            Variant(INTERVALS, "ChannelDuplication(share=0.0)", "field4", "s"),
            Variant(SOME, "ChannelDuplication(share=0.15)", "field1", "D"),
            Variant(ALL, "ChannelDuplication(share=1.0)", "critical", "^"),
            Variant(PLAIN, "ChannelDuplication(share=1.0, edac='min')", "field2", "v"),
            Variant(TRIPLED, "Triplication()", "field3", "P"),
        ),
        rates=(1e-8, 5e-8, 1e-7, 5e-7, 1e-6, 5e-6, 1e-5, 5e-5, 1e-4),
        format=Float32(),
        scores=VulnerabilityGain(),
    ),
)
