"""Does clipping bits of weights, or inputs of activation functions, protect StageNet?"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from radhard.metrics import Accuracy, Auroc, Outcome
from radhard.studies.claim import Claim, exactly
from radhard.studies.error_rates import Variant
from radhard.studies.outcomes import (
    OutcomeClaims,
    OutcomeDesign,
    OutcomeFindings,
    OutcomeStudy,
    Point,
    Reading,
    Scenario,
    difference,
)
from radhard.targets import Weights

__all__ = ["STAGENET"]

WHOLE = "all weights"
PLAIN, WBC, AVC = "unprotected", "WBC", "AVC"

RATES = (1e-4, 1e-3, 1e-2)
MOST = RATES[-1]
READINGS: tuple[tuple[Reading, str], ...] = (("word", "per weight"), ("bit", "per bit"))

CONSTANT = {27: 1, 28: 1, 29: 1, 30: 0}
"""The bits that have the same value in all weights of the paper's networks."""


def claims(findings: OutcomeFindings) -> list[Claim]:
    """What the paper says about one network, statement by statement."""
    about = OutcomeClaims(findings)
    every = [claim for reading in READINGS for claim in _at_the_highest(about, *reading)]
    for variant in (WBC, AVC):
        points = [point for point in findings.arms if point.variant == variant]
        every.append(about.no_due(f"with {variant}, no DUE is seen", points))
        every.append(about.no_changes(variant))
    return [*every, *_bits(findings)]


def between_networks(findings: Sequence[OutcomeFindings]) -> list[Claim]:
    """What the paper says about the convolution module, which adds weights."""
    ways: tuple[tuple[str, Reading, float], ...] = (
        (f"at {MOST:g} per weight", "word", MOST),
        (f"at {MOST:g} per bit", "bit", MOST),
        ("at 500 faulty weights on average in both", "faults", 500.0),
    )
    return [
        difference(
            f"{how}, {larger.network} has no more critical SDC and DUE than {smaller.network}",
            larger,
            smaller,
            "harmful",
            Point(WHOLE, PLAIN, reading, rate),
            "at most",
        )
        for smaller, larger in pairwise(sorted(findings, key=lambda each: each.weights[WHOLE]))
        for how, reading, rate in ways
    ]


def _at_the_highest(about: OutcomeClaims, reading: Reading, per: str) -> Iterator[Claim]:
    """The statements about the highest rate, which the paper does not say to be of what."""
    bare, wbc, avc = (Point(WHOLE, variant, reading, MOST) for variant in (PLAIN, WBC, AVC))
    at = f"at {MOST:g} {per}"
    yield about.level(f"{at}, the AUROC is below 60 %", "score", bare, "at most", 60.0)
    yield about.lost(f"{at}, {WBC} loses under 1 point of accuracy", "accuracy", wbc, 1.0)
    for variant, point in ((WBC, wbc), (AVC, avc)):
        text = f"{at}, {variant} at least halves critical SDC and DUE"
        yield about.fraction(text, "harmful", point, bare, 0.5)
        text = f"{at}, {variant} loses less AUROC than no protection"
        yield about.more(text, "score drop", bare, point, "at least")
    text = f"{at}, {WBC} loses no more AUROC than {AVC}"
    yield about.more(text, "score drop", avc, wbc, "at least")


def _bits(findings: OutcomeFindings) -> Iterator[Claim]:
    if findings.bits is None:
        return
    accuracy = findings.bits["all tensors"]["accuracy"]
    lower = 100 * (min(accuracy[bit] for bit in range(len(accuracy)) if bit != 30) - accuracy[30])
    yield Claim(
        "of all bit positions, flips of bit 30 in all weights cost the most accuracy",
        exactly(lower, "points", findings.samples),
        "at least",
        0.0,
        "less accuracy than with any other position; counted",
    )
    constant = sum(findings.constant_bits.get(bit) == value for bit, value in CONSTANT.items())
    yield Claim(
        "bits 27, 28 and 29 are 1 and bit 30 is 0 in all weights",
        exactly(constant, "of these bits", findings.weights[WHOLE]),
        "at least",
        float(len(CONSTANT)),
        "all weights, counted; constant here: "
        + ", ".join(f"bit {bit} = {value}" for bit, value in findings.constant_bits.items()),
    )


STAGENET = OutcomeStudy(
    name="stagenet",
    title="Faults in the weights of StageNet: clipped bits and clipped activations",
    source="Parchekani et al., DFT 2024, and the chapter of a thesis that is based on it",
    about=(
        "Bits of the weights flip; biases are not faulty. WBC keeps bit 30, which is 0 in all "
        "weights, at 0; AVC clamps the inputs of activation functions (sigmoid, tanh, softmax and "
        "ReLU) to their range on the training data. Neither's own limits are faulty. The paper "
        "does not say whether its rates are per bit or per weight, so both are tried: per bit, "
        "there are 32 times as many faults. A DUE is an output with NaN. An output with NaN is a "
        "wrong prediction, and loses every comparison of the AUROC: a trial of only NaN has AUROC "
        "0, not 50 %, so that AUROC losses at 0.01 per bit without protection are mainly DUE. A "
        "claim on the AUROC whose verdict changes if trials with a DUE count 50 % cannot be told. "
        "The numbers of weights with and without the convolution module differ, so that these "
        "networks are also compared at equal numbers of faulty weights. The records of the paper, "
        "MIMIC-III, are not public: the networks here are trained on a synthetic cohort. They "
        "have 72 cells. Those with 384 cells are trained for the study by `--network stagenet384` "
        "and `--network stagenet-conv384`; they are not run by default, as one trial takes eight "
        "times as long."
    ),
    networks=("stagenet72", "stagenet-conv72"),
    claims=claims,
    across=between_networks,
    design=OutcomeDesign(
        scenarios=(Scenario(WHOLE, (Weights("*"),), "mixed", "o"),),
        variants=(
            Variant(PLAIN, "", "mixed", "o"),
            Variant(WBC, "WeightBitClip()", "field1", "s"),
            Variant(AVC, "ActivationClip()", "accent", "P"),
        ),
        rates={"word": RATES, "bit": RATES, "faults": (50.0, 500.0)},
        outcome=Outcome(outputs="logits"),
        accuracy=Accuracy(outputs="logits"),
        score=Auroc(outputs="logits"),
        score_name="AUROC",
        chance=0.5,
        runs=1000,
        # Faults are rarely harmful at this rate, on which the paper's main claims rest.
        further=2,
        bit_wise=True,
    ),
)
