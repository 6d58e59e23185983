"""Which bound on activations makes a network resilient, and what does it cost?"""

from radhard.formats import Fixed
from radhard.studies.claim import Claim, exactly
from radhard.studies.error_rates import (
    ErrorRateDesign,
    ErrorRateFindings,
    ErrorRateStudy,
    Variant,
)

__all__ = ["ACTIVATION_BOUNDS"]

NONE = "unprotected"
LAYER, NEURON = "Ranger, by layer", "Ranger, by neuron"
FT_CLIP, FIT, PRO = "FT-ClipAct", "FitAct", "ProAct"

MODERATE = 50.0
"""Points that the unprotected network loses at most where a rate counts as moderate."""

TOLERANCE = 1.0
"""Points by which the better one may be behind and the order still counts as confirmed."""

ORDER = (
    (PRO, FIT),
    (FIT, FT_CLIP),
    (FT_CLIP, LAYER),
    (FT_CLIP, NEURON),
    (LAYER, NONE),
    (NEURON, NONE),
)


def claims(findings: ErrorRateFindings) -> list[Claim]:
    """What the comparison of ProAct with its rivals says, statement by statement."""
    return [*_order(findings), *_fault_free(findings), *_memory(findings)]


def _order(findings: ErrorRateFindings) -> list[Claim]:
    """Over moderate rates, and over those beyond, where the bounds themselves can be told apart."""
    harmed = findings.harmed(1.0)
    # Found from the unprotected network alone, so that no rate is chosen by how well a bound does
    # there.
    half = [r for r in harmed if findings.drop(NONE, [r], common=True).value > MODERATE]
    moderate = [rate for rate in harmed if rate not in half]
    return [
        _ordered(findings, better, worse, rates, kind, common)
        for kind, rates in (("moderate", moderate), ("higher", half))
        for common in (True, False)
        for better, worse in ORDER
    ]


def _ordered(
    findings: ErrorRateFindings,
    better: str,
    worse: str,
    rates: list[float],
    kind: str,
    common: bool,
) -> Claim:
    what = "the same faults" if common else "each its own faults, in thresholds too"
    where = ", ".join(f"{rate:g}" for rate in rates) or "none of those tried"
    return Claim(
        f"{better} is at least as accurate under faults as {worse}",
        findings.gain(better, worse, rates, common=common) if rates else None,
        "at least",
        -TOLERANCE,
        f"{what}; {kind} rates: {where}",
    )


def _fault_free(findings: ErrorRateFindings) -> list[Claim]:
    note = "points of fault-free accuracy lost on all test images"
    limits = ((PRO, 1.0), (LAYER, 0.2), (NEURON, 0.2))
    claims_of_accuracy = [
        Claim(
            f"{name} loses at most {limit:g} points without faults",
            findings.free_drop(name),
            "at most",
            limit,
            note,
        )
        for name, limit in limits
    ]
    lost = {name: findings.free_drop(name) for name in (PRO, FIT, FT_CLIP)}
    return claims_of_accuracy + [
        Claim(
            f"{PRO} loses no more without faults than {other}",
            exactly(lost[PRO].value - lost[other].value, "points", lost[PRO].trials),
            "at most",
            0.0,
            "difference of points lost on all test images",
        )
        for other in (FT_CLIP, FIT)
    ]


def _memory(findings: ErrorRateFindings) -> list[Claim]:
    added = {name: findings.measured[name].added for name in (NEURON, PRO)}
    layers, last = len(added[NEURON]), added[NEURON][-1]
    formula, words = layers + last, sum(added[PRO])
    return [
        Claim(
            f"{PRO} stores as many thresholds as there are activation layers, and neurons in the "
            f"last of them: {layers} + {last:,}",
            exactly(abs(words - formula), "numbers", words),
            "at most",
            1.0,
            f"difference from the {words:,} that are stored; the formula counts the last layer "
            "once more than it has a threshold of its own",
        ),
        Claim(
            f"{PRO} takes a tenth of the memory of thresholds by neuron, or less",
            exactly(sum(added[NEURON]) / max(words, 1), "times", words),
            "at least",
            10.0,
            f"{sum(added[NEURON]):,} thresholds by neuron as a multiple",
        ),
    ]


ACTIVATION_BOUNDS = ErrorRateStudy(
    name="activation-bounds",
    title="Bounds on activations: ProAct, FitAct, FT-ClipAct, Ranger",
    source="Ahmadilivani et al., ProAct, 2024: its comparison of accuracy under faults",
    about=(
        "Weights, biases, norms and thresholds are words of Fixed(15, 16), and every bit of them "
        "flips with the given chance (the bit error rate, per bit) before the images are looked "
        "at. The order is that of the mean accuracy over the moderate rates, at which the "
        "unprotected network surely loses 1 point and, in the mean, at most 50 (of these the paper "
        "speaks), and over the rates beyond; both follow from that network alone. Bounds that are "
        "learnt are deployed as hard ones: what is above is zero, what is below unchanged."
    ),
    networks=("lenet5", "resnet20", "vgg8"),
    claims=claims,
    design=ErrorRateDesign(
        variants=(
            Variant(NONE, "", "mixed", "o"),
            Variant(LAYER, "Ranger(granularity='layer')", "field4", "s"),
            Variant(NEURON, "Ranger(granularity='neuron')", "field1", "D"),
            Variant(
                FT_CLIP,
                "FTClipAct(format='Fixed(15, 16)')",
                "critical",
                "^",
                "FTClipAct(trials=2, rounds=3, samples=200, format='Fixed(15, 16)')",
            ),
            Variant(FIT, "FitAct()", "field2", "v", "FitAct(epochs=15)"),
            Variant(PRO, "ProAct()", "field3", "P", "ProAct(epochs=2, last_epochs=5)"),
        ),
        rates=(1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5),
        format=Fixed(15, 16),
    ),
)
