"""Do identically trained networks differ less in sign-magnitude than in two's complement?"""

import numpy as np

from radhard.formats import Int
from radhard.studies.claim import Claim
from radhard.studies.encodings import Encoding
from radhard.studies.instances import InstanceDesign, InstanceFindings, InstanceStudy

__all__ = ["ENCODING_INSTANCES"]

TWOS, SIGN = "two's complement", "sign-magnitude"

INCREASES = (0.005, 0.01, 0.05, 0.1)
FEW, MANY = INCREASES[0], INCREASES[-1]


def claims(findings: InstanceFindings) -> list[Claim]:
    """What the paper says about instances, statement by statement."""
    found = [
        Claim(
            f"at an increase of {100 * increase:g} %, {SIGN} tolerates at least the error rate "
            f"that {TWOS} tolerates",
            findings.gain(SIGN, TWOS, increase),
            "at least",
            1.0,
            "geometric mean over the instances",
        )
        for increase in (FEW, MANY)
    ]
    found += [
        Claim(
            f"at an increase of {100 * increase:g} %, instances in {SIGN} differ at most as much "
            f"as in {TWOS}",
            findings.relative_spread((SIGN, increase), (TWOS, increase), own=True),
            "at most",
            1.0,
            "ratio of the standard deviations of the logarithms; own errors",
        )
        for increase in INCREASES
    ]
    found.append(
        Claim(
            f"at an increase of {100 * MANY:g} %, measured from the largest fault-free error, "
            f"instances in {SIGN} differ at most as much as in {TWOS}",
            findings.relative_spread((SIGN, MANY), (TWOS, MANY), own=False),
            "at most",
            1.0,
            "ratio of the standard deviations of the logarithms; the paper: over 6 times lower",
        )
    )
    found += [
        Claim(
            f"instances in {name} differ at most as much at an increase of {100 * MANY:g} % as at "
            f"{100 * FEW:g} %",
            findings.relative_spread((name, MANY), (name, FEW), own=True),
            "at most",
            1.0,
            "ratio of the standard deviations of the logarithms; own errors",
        )
        for name in (TWOS, SIGN)
    ]
    return found


ENCODING_INSTANCES = InstanceStudy(
    name="encoding-instances",
    title="Instances of a network: how much their tolerable error rates differ, by encoding",
    source="Quantifying the impact of data encoding on DNN fault tolerance",
    about=(
        "The second experiment of the paper: networks that differ in their seed only (initial "
        "weights and order of the training samples) are trained, and every stored bit of their "
        "weights flips with the given probability. The tolerable rate of an instance is the "
        "highest one at which its mean error on the test samples exceeds a fault-free error by at "
        "most the given increase, relative to it: its own error, or the largest of all instances. "
        "Of the paper's 20 instances of VGG12, tolerable rates differ by up to 4 times in two's "
        "complement at 0.5 and 1 %, 4.5 times at 5 %, and in sign-magnitude 2.6 times at 0.5 %; "
        "from the largest error by up to 16 times at 0.5 %, and at most 1.5 times at 10 %. "
        "A finite number of trials adds to these spreads, here as in the paper; the last column "
        "says how much."
    ),
    networks=("mlp", "lenet5"),
    claims=claims,
    design=InstanceDesign(
        encodings=(
            Encoding(TWOS, Int(8), "mixed", "o"),
            Encoding(SIGN, Int(8, code="sign_magnitude"), "field1", "D"),
        ),
        rates=tuple(float(f"{rate:.4g}") for rate in np.geomspace(1e-6, 1e-2, 13)),
        increases=INCREASES,
    ),
)
