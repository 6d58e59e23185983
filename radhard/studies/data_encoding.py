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
    """Which tolerable rates are only bounded by the rates tried."""
    found = {name: findings.tolerable(name) for name in names}
    outside = [f"{name} {found[name]}" for name in names if found[name].is_bound]
    if len(outside) == len(names):
        return "ratio of tolerable rates; both outside the rates tried: " + ", ".join(outside)
    if outside:
        return "ratio of tolerable rates, only a bound: " + outside[0]
    return "ratio of tolerable rates"


DATA_ENCODING = EncodingStudy(
    name="data-encoding",
    title="Encodings of weights: two's complement, sign-magnitude, floats, codes",
    source="Quantifying the impact of data encoding on DNN fault tolerance",
    about=(
        "Every stored bit of the weights, check bits included, flips with the given probability "
        "(the bit error rate); biases, statistics of norms and scales are not faulty. The "
        "tolerable rate is the highest one at which the mean error on the test images is at most "
        "0.5 % above the fault-free error of the same encoding, relative to it: the mean error is "
        "made monotonic and interpolated over the logarithm of the rate. The paper does not state "
        "the widths of its words; here, integers have 8 bits and one scale for each tensor. "
        "Encodings of 8 bits without check bits have the same faults, trial by trial. The LSTM "
        "takes the place of the paper's GRU. The paper's second experiment, instances of a "
        "network trained from several seeds, is not part of this study."
    ),
    networks=("mlp", "lenet5", "vgg8", "lstm"),
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
    ),
)
