"""Do weights, activations, hidden states and gradients tolerate different error rates?"""

from collections.abc import Iterator

import numpy as np

from radhard.faults import BitFlip, Noise, Replace
from radhard.formats import Int
from radhard.stats import Estimate
from radhard.studies.claim import Claim
from radhard.studies.rate_design import RateDesign
from radhard.studies.sites import (
    Equal,
    MeasuredSite,
    SiteDesign,
    SiteFault,
    SiteFindings,
    SiteStudy,
    TrainingDesign,
)

__all__ = ["ARES_SITES"]

FLIPS, BYTES, ZEROS, NOISE = "flips of float bits", "flips of 8-bit words", "zeroed words", "noise"

DIFFERENT = 2.0
"""The factor from which on two tolerable rates count as different."""

BITS = tuple(float(f"{rate:.4g}") for rate in np.geomspace(1e-9, 1e-2, 15))
WORDS = tuple(float(f"{rate:.4g}") for rate in np.geomspace(1e-7, 1.0, 15))

STEP_BITS, STEP_WORDS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4), (1e-4, 1e-3, 1e-2, 1e-1, 0.5)
"""Per step of a training."""

TRAINED = ("weights", "activations", "gradients")
"""Sites of flips in trainings. Hidden states take far longer: flips in inference only."""


def claims(findings: SiteFindings) -> list[Claim]:
    """What the paper says about sites, statement by statement."""
    return [*_sites(findings), *_layers(findings), _workloads()]


def _sites(findings: SiteFindings) -> Iterator[Claim]:
    """Weights and activations "may have varying degrees of fault tolerance"."""
    for fault in (FLIPS, BYTES, ZEROS, NOISE):
        pair = findings.of("activations", fault), findings.of("weights", fault)
        yield from _different(findings, "weights and activations", fault, *pair)


def _layers(findings: SiteFindings) -> Iterator[Claim]:
    """Tolerance "is model and layer specific"; the first and the last layer, chosen beforehand."""
    layers = [
        each
        for each in findings.measured
        if each.site.startswith("weights of") and each.phase == "inference"
    ]
    for fault in dict.fromkeys(each.fault for each in layers):
        # Not the two that differ most, which would be chosen by the result.
        first, *_, last = (each for each in layers if each.fault == fault)
        names = " and ".join(each.site.removeprefix("weights of ") for each in (first, last))
        yield from _different(findings, f"the layers {names}", fault, first, last)


def _different(
    findings: SiteFindings,
    names: str,
    fault: str,
    one: MeasuredSite | None,
    other: MeasuredSite | None,
) -> Iterator[Claim]:
    if one is None or other is None:
        return
    for equal, of in (("rate", "error rates"), ("number", "numbers of faults")):
        kind: Equal = "rate" if equal == "rate" else "number"
        ratio, figure = findings.ratio(one, other, kind), findings.factor(one, other, kind)
        increase = findings.increase(one.phase)
        more = {each.site: findings.tolerable(each, increase) for each in (one, other)}
        bounds = [f"{site} {found}" for site, found in more.items() if found.is_bound]
        note = f"{fault}; factor between the two"
        if bounds:
            note += "; outside the rates tried: " + ", ".join(bounds)
        rare = [site for site, found in more.items() if found.is_rare]
        # Few harmful trials make a tolerable rate too high. Where it is the lower one, the factor
        # is then too small: it shows a difference, but neither its absence nor the other direction.
        safe = rare == [_lower(ratio, one, other)]
        if rare:
            how = "too small" if safe else "wrong"
            note += f"; few harmful trials, so that it may be {how}: {', '.join(rare)}"
        text, decisive = f"{names} tolerate different {of}", safe or not rare
        yield Claim(text, figure, "at least", DIFFERENT, note, decisive)


def _lower(ratio: Estimate | None, one: MeasuredSite, other: MeasuredSite) -> str | None:
    """The site that tolerates less, by the factor that counts as different; None if not known."""
    if ratio is None:
        return None
    if ratio.low >= DIFFERENT:
        return other.site
    return one.site if ratio.high <= 1 / DIFFERENT else None


def _workloads() -> Claim:
    return Claim(
        "networks tolerate bit error rates orders of magnitude above those of other workloads",
        None,
        "at least",
        10.0,
        "radhard injects faults into networks only",
    )


def _bits() -> RateDesign:
    return RateDesign(BITS, runs=10, near=5, most=6)


def _words() -> RateDesign:
    return RateDesign(WORDS, runs=10, near=5, most=6, per="word")


ARES_SITES = SiteStudy(
    name="ares-sites",
    title="Sites of faults: weights, activations, hidden states, gradients",
    source="Quantifying the impact of data encoding on DNN fault tolerance",
    about=(
        "The tool of the paper injects bit flips, noise and zeros into weights, activations, "
        "hidden states and gradients; the paper itself reports weights only, and says that other "
        "sites may tolerate more or less. Here all of these are tried: hidden states with bit "
        "flips in inference, gradients in training. In inference, faults in weights stay for a "
        "pass over all test samples; each value of an activation or hidden state is faulty with "
        "the given probability in every inference anew. Noise is Gaussian, with the magnitude of "
        "each value as its standard deviation. In training, from random weights, the probability "
        "is that of each step: faults in weights stay and are trained on. Tolerable is the "
        "highest rate at which the mean error is at most the given part above the fault-free one. "
        "Sites differ in size, so that the mean number of faults at that rate is compared as "
        "well: in memory at one time, or in one inference. Two sites count as different from a "
        "factor of 2 on, which is our limit. Networks quantized to 8 bits have one scale a "
        "tensor."
    ),
    networks=("mlp", "gru"),
    claims=claims,
    design=SiteDesign(
        faults=(
            SiteFault(FLIPS, BitFlip(), _bits(), STEP_BITS, TRAINED, by_layer=True),
            SiteFault(BYTES, BitFlip(), _bits(), format=Int(8), everywhere=False),
            SiteFault(
                ZEROS, Replace("zero"), _words(), STEP_WORDS, ("gradients",), everywhere=False
            ),
            SiteFault(
                NOISE,
                Noise(1.0, relative=True),
                _words(),
                STEP_WORDS,
                ("gradients",),
                everywhere=False,
            ),
        ),
        training=TrainingDesign(),
    ),
)
