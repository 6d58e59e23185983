"""Do two halves of a critical neuron protect as well as three copies?"""

from radhard.stats import Estimate
from radhard.studies.claim import Claim, exactly
from radhard.studies.neuron_copies import (
    NeuronCopiesDesign,
    NeuronCopiesFindings,
    NeuronCopiesStudy,
)

__all__ = ["QDEEPVIGOR_COPIES"]

COMMON = 0.2
"""The threshold that the paper chooses for all networks, for a loss of at most 5 points."""

LOWEST = 0.01
"""A threshold at which networks that are less vulnerable have critical neurons too."""

PROTECTED = (LOWEST, 0.05, COMMON)
"""The thresholds from which on neurons are protected."""


def claims(findings: NeuronCopiesFindings) -> list[Claim]:
    """What the paper says about splitting, statement by statement."""
    found = [
        Claim(
            "every neuron has an NVF below 50 %",
            exactly(findings.largest, "share", findings.neurons),
            "at most",
            0.5,
            "all neurons",
        )
    ]
    reached = [t for t in sorted(PROTECTED, reverse=True) if findings.of(t, "split") is not None]
    for threshold in dict.fromkeys((COMMON, *reached[:1], LOWEST)):
        if threshold == COMMON:
            found += _of_splitting(findings, threshold, 0.0)
        if threshold != COMMON or reached[:1] == [COMMON]:
            found += _of_splitting(findings, threshold, threshold)
        found.append(
            Claim(
                f"networks with neurons split from an NVF of {threshold:.0%} on predict the same "
                "without faults",
                _changed(findings, threshold),
                "at most",
                0.0,
                "share of all test images whose prediction differs",
            )
        )
    return found


def _of_splitting(findings: NeuronCopiesFindings, threshold: float, since: float) -> list[Claim]:
    """The claims about neurons split from a threshold on, over faults in those from an NVF on."""
    at = f"from an NVF of {threshold:.0%} on"
    over = f"faults in neurons from {since:.0%} on" if since else "all faults"
    if findings.of(threshold, "split") is None:
        over = "no neuron is critical"
    return [
        Claim(
            f"networks with neurons split {at} lose at least 2 times less accuracy than "
            "unprotected ones",
            findings.reduction(threshold, "drop", 2.0, since=since),
            "at least",
            0.0,
            f"{over}: unprotected / 2 - split",
        ),
        Claim(
            f"networks with neurons split {at} have at least 1.85 times fewer critical faults than "
            "unprotected ones",
            findings.reduction(threshold, "critical", 1.85, since=since),
            "at least",
            0.0,
            f"{over}: unprotected / 1.85 - split",
        ),
        Claim(
            f"networks with neurons split {at} lose at most 1 point more than with three copies",
            findings.beyond_copies(threshold, since=since),
            "at most",
            0.01,
            f"{over}: split - triplicated",
        ),
    ]


def _changed(findings: NeuronCopiesFindings, threshold: float) -> Estimate | None:
    split = findings.of(threshold, "split")
    return None if split is None else exactly(split.changed, "share", findings.images)


QDEEPVIGOR_COPIES = NeuronCopiesStudy(
    name="qdeepvigor-protection",
    title="Critical neurons in two halves: against three copies, and no protection",
    source="Ahmadilivani et al., Enhancing Fault Resilience of QNNs by Selective Neuron Splitting",
    about=(
        "Neurons are outputs of hidden layers after their activation function, as the paper counts "
        "them. They are ranked by the share of their bits whose flip changes a "
        "prediction. Critical ones are split into two "
        "halves that a lightweight correction unit compares, or computed three times. The same "
        "faults, one flipped bit in the word of one neuron, are injected into all variants; in a "
        "protected neuron they are in one copy. In the paper no neuron has an NVF of 50 %, and "
        "17.86, 3.99 and 0.60 % of the neurons of MLP-7, LeNet-5 and AlexNet have 20 %; there the "
        "accuracy loss is 4.86, 3.88 and 1.56 points, 2.14, 3.38 and 3.36 times less than without "
        "protection, with 1.85, 2.78 and 1.97 times fewer critical faults. The paper evaluates all "
        "test images under every fault; here a trial is one fault in one image, with the same mean."
    ),
    networks=("mlp7", "lenet5-1", "patch-cnn"),
    claims=claims,
    design=NeuronCopiesDesign(
        counted=(0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
        protected=PROTECTED,
        quick=(LOWEST,),
    ),
)
