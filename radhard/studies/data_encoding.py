"""Does sign-magnitude tolerate higher bit error rates than two's complement?"""

import numpy as np

from radhard.formats import Float8E4M3, Float32, InPlaceHamming, Int, Oracle, SecDed, ZeroSpace
from radhard.studies.claim import Claim, exactly
from radhard.studies.encodings import Encoding, EncodingDesign, EncodingFindings, EncodingStudy

__all__ = ["DATA_ENCODING"]

TWOS, SIGN, ORACLE = "two's complement", "sign-magnitude", "oracle sign"

MOST = 10.0
"""The largest gain of sign-magnitude in the paper, "up to 10x"."""

NEAR = 0.8
"""Within 20 % of the oracle."""

SHARE = 0.999
"""Of the weights of the paper's VGG, those that a flipped sign changes less by a factor of 10."""

RATES = tuple(float(f"{rate:.4g}") for rate in np.geomspace(1e-9, 1e-3, 50))
"""Those of the paper."""

BEYOND = tuple(float(f"{rate:.4g}") for rate in np.geomspace(1e-3, 1e-2, 9)[1:])
"""Higher than in the paper, because some networks tolerate all of its rates."""


def claims(findings: EncodingFindings) -> list[Claim]:
    """What the paper says about sign-magnitude, statement by statement."""
    gain, near = findings.ratio(SIGN, TWOS), findings.ratio(SIGN, ORACLE)
    smaller = findings.measured[SIGN].smaller
    weights = findings.measured[SIGN].bits // Int(8).bits
    return [
        Claim(
            f"{SIGN} tolerates at least the error rate that {TWOS} tolerates",
            gain,
            "at least",
            1.0,
            _bounds(findings, SIGN, TWOS),
        ),
        Claim(
            f"{SIGN} tolerates up to {MOST:g} times the error rate that {TWOS} tolerates",
            gain,
            "at most",
            MOST,
            f"no more than that on this network; {_bounds(findings, SIGN, TWOS)}",
        ),
        Claim(
            f"{SIGN} is within {100 * (1 - NEAR):.0f} % of an ideal protection of the sign",
            near,
            "at least",
            NEAR,
            f"{_bounds(findings, SIGN, ORACLE)}; the paper: equal for its VGG12, ResNet50 and GRU, "
            "within 20 % for its MLP, LeNet-5 and VGG16",
        ),
        Claim(
            f"a flipped sign changes more than {100 * SHARE:g} % of the weights over 10 times less "
            f"in {SIGN} than in {TWOS}",
            None if smaller is None else exactly(smaller, "of the weights", weights),
            "at least",
            SHARE,
            "all weights; the paper: those of its VGG12",
        ),
    ]


def _bounds(findings: EncodingFindings, *names: str) -> str:
    """Which tolerable rates are only bounded by the rates tried, or are higher than the paper's."""
    found = {name: findings.tolerable(name) for name in names}
    outside = [f"{name} {found[name]}" for name in names if found[name].is_bound]
    if len(outside) == len(names):
        return "ratio of tolerable rates; both outside the rates tried: " + ", ".join(outside)
    if outside:
        return "ratio of tolerable rates, only a bound: " + outside[0]
    beyond = [name for name in names if found[name].value > RATES[-1]]
    text = "ratio of tolerable rates"
    if beyond:
        text += f"; above {RATES[-1]:g}, the paper's highest rate: {' and '.join(beyond)}"
    return text


DATA_ENCODING = EncodingStudy(
    name="data-encoding",
    title="Encodings of weights: two's complement, sign-magnitude, floats, codes",
    source="Quantifying the impact of data encoding on DNN fault tolerance",
    about=(
        "Every stored bit of the weights, check bits included, flips with the given probability "
        "(the bit error rate); biases, statistics of norms and scales are not faulty. The "
        "tolerable rate is the highest one at which the mean error on the test samples is at most "
        "0.5 % above the fault-free error of the same encoding, relative to it. The mean error at "
        "a rate is estimated from the trials at all rates, by their numbers of faults, made "
        "monotonic, and interpolated over the logarithm of the rate. The paper tries rates up to "
        "0.001, and 20 trials each; what is said of higher rates goes beyond it, and so do the "
        "trials near the tolerable rate. It does not state the widths of its words; here, integers "
        "have 8 bits and one scale for each tensor. Encodings of 8 bits without check bits have "
        "the same faults, trial by trial, in the sweep, and the first three also near the "
        "tolerable rate."
    ),
    networks=("mlp", "lenet5", "vgg8", "gru"),
    claims=claims,
    design=EncodingDesign(
        encodings=(
            Encoding(TWOS, Int(8), "mixed", "o"),
            Encoding(SIGN, Int(8, code="sign_magnitude"), "field1", "D"),
            Encoding(ORACLE, Oracle(Int(8)), "critical", "^"),
            Encoding("8-bit float", Float8E4M3(), "field2", "v"),
            Encoding("32-bit float", Float32(), "field3", "s"),
            Encoding("SEC-DED, 8 words", SecDed(Int(8), block=8), "field4", "P"),
            Encoding("SEC-DED in place", ZeroSpace(), "accent", "X"),
            Encoding("float, Hamming in place", InPlaceHamming(Float32()), "muted", "*"),
        ),
        rates=RATES,
        beyond=BEYOND,
        near=1,
        near_paired=2,
        paired=3,
        images=200,
    ),
)
