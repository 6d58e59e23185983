"""Does an error-correcting code of the words predicted to be critical protect a network?"""

from collections.abc import Mapping

from radhard.analyses.criticality.criticality_forest import ForestKind
from radhard.formats import Fixed, Float32
from radhard.stats import percent
from radhard.studies.claim import Claim, exactly
from radhard.studies.guided import (
    TRAIOLA,
    GuidedEccDesign,
    GuidedEccFindings,
    GuidedEccStudy,
    counted,
    difference,
)
from radhard.studies.pruning import Tuning

__all__ = ["GUIDED_ECC"]

AREA = 0.9742
"""The smallest area under the ROC curve in the paper's table II."""

NONE = 0.00005
"""The paper's 0.00 % are less than half of the last digit."""

SAVED = 0.6122
"""The mean of the gains in the paper's table III."""

_FORESTS: Mapping[ForestKind, str] = {"forest": "an ordinary", "balanced": "a balanced"}


def claims(findings: GuidedEccFindings) -> list[Claim]:
    """What the paper says about learned criticality, statement by statement."""
    return [*_narrow(findings), *_forests(findings), *_memory(findings), *_left(findings)]


def _narrow(findings: GuidedEccFindings) -> list[Claim]:
    """Faults harm fixed point less than floating point."""
    first = findings.measured[findings.first]
    others = {name: each for name, each in findings.measured.items() if each is not first}
    strict, loose = findings.tolerance, findings.loosest
    return [
        Claim(
            f"fewer bits are critical in {name} than in {findings.first}",
            difference(first.flips.share(strict), each.flips.share(strict)),
            "at least",
            0.0,
            f"at a tolerance of {percent(strict)}; share in {findings.first} minus that in {name}",
        )
        for name, each in others.items()
    ] + [
        Claim(
            f"no bit of {name} is critical at a tolerance of {percent(loose)}",
            each.flips.share(loose),
            "at most",
            NONE,
            "the paper: 0.00 % for LeNet-5, 0.38 % to 0.88 % for ResNet-18",
        )
        for name, each in others.items()
        if findings.network == "lenet5"
    ]


def _forests(findings: GuidedEccFindings) -> list[Claim]:
    """Both forests predict well, but an ordinary one misses the rare critical bits."""
    made = []
    for name, each in findings.measured.items():
        for kind, words in _FORESTS.items():
            found = each.prediction(kind, findings.tolerance)
            made.append(
                Claim(
                    f"{words} forest tells critical from harmless bits of {name}",
                    None if found is None else found.quality.area,
                    "at least",
                    AREA,
                    "too few critical bits to learn from"
                    if found is None
                    else "area under the ROC curve, held-out words; the smallest one in the paper",
                )
            )
    return [*made, *_rare(findings)]


def _rare(findings: GuidedEccFindings) -> list[Claim]:
    """In the narrowest format few bits are critical, and the two forests err in opposite ways."""
    name, strict = findings.narrowest, findings.tolerance
    one = findings.measured[name].prediction("forest", strict)
    two = findings.measured[name].prediction("balanced", strict)
    missed = alarms = None
    if one is not None and two is not None:
        missed = difference(counted(one.missed, one.critical), counted(two.missed, two.critical))
        alarms = difference(counted(two.alarms, two.harmless), counted(one.alarms, one.harmless))
    return [
        Claim(
            f"a balanced forest misses a smaller share of the critical bits of {name}",
            missed,
            "at least",
            0.0,
            "share missed by the ordinary forest minus that by the balanced one, held-out words",
        ),
        Claim(
            f"a balanced forest mispredicts more harmless bits of {name}",
            alarms,
            "at least",
            0.0,
            "share of the harmless bits, balanced minus ordinary, held-out words",
        ),
    ]


def _memory(findings: GuidedEccFindings) -> list[Claim]:
    """Selective protection costs less memory than the protection of all words."""
    by = "words chosen by the ordinary forest at 0.5, to whose predictions the paper's shares fit"
    made, gains = [], []
    for name, each in findings.measured.items():
        # At the threshold of the paper, which does not say which of its forests chose the words.
        choice = each.choice("forest")
        gain = None
        if choice is not None:
            gains.append(choice.memory(each.bits).gain)
            gain = exactly(gains[-1], "saved", choice.size)
        what = "check bits of the critical words and the signature take less than check bits of all"
        made.append(Claim(f"{what} words of {name}", gain, "at least", 0.0, by))
    # A mean over some of the formats would not be the paper's.
    every = len(gains) == len(findings.measured)
    mean = exactly(sum(gains) / len(gains), "saved", len(gains)) if every else None
    note = f"{by}; the paper: mean over two networks"
    return [*made, Claim(f"{percent(SAVED)} are saved on average", mean, "at least", SAVED, note)]


def _left(findings: GuidedEccFindings) -> list[Claim]:
    """Not in the paper, which assumes it: protection leaves no more than is promised."""
    made = []
    for name, each in findings.measured.items():
        left = each.left
        promise = None if each.promised is None else each.promised.promise
        missed, note = None, "too few critical bits for a promise"
        if left is not None and promise is not None:
            missed = left.missed
            note = "critical faults repeated on the protected memory; not a claim of the paper"
        made.append(
            Claim(
                f"protection of the chosen words of {name} leaves at most the promised share of "
                "critical faults",
                missed,
                "at most",
                promise or 0.0,
                note,
            )
        )
    return made


GUIDED_ECC = GuidedEccStudy(
    name="guided-ecc",
    title="Error-correcting codes for the words predicted to be critical",
    source="Traiola et al., A machine-learning-guided framework for fault-tolerant DNNs, DATE 2023",
    about=(
        "Weights are stored in a format, and single bits of them are flipped, drawn uniformly. A "
        "bit is critical at a tolerance if its flip lowers the accuracy by more than that. The "
        "flips are tried once, and all tolerances, forests and tables are computed from them. Two"
        " kinds of random forests learn from sign, bit, layer, output and input channel which "
        "bits are critical; 30 % of the words measured are held out. Words with a bit that is "
        "predicted or measured to be critical are protected by a Hamming code, and a signature, "
        "itself in a SEC-DED code, says which these are. The threshold is 0.5 as in the paper, or"
        " such that at most a promised share of the words with critical bits is missed (the "
        "smallest of 5, 10, 20, 30 and 50 % for which there are enough critical words). What is "
        "left is measured on the protected memory: up to 100 critical faults (ResNet-20: 50) from"
        " flips that were drawn independently of those from which was learned are repeated, and "
        "as many faults are injected into check bits and signature. Verdicts of single flips are "
        "partly inferred from gradients (`FirstOrder`) and audited; those of repeated faults are "
        "executed. The paper's numbers of flips are 292,000 and 2,100,000. Its networks in fixed "
        "point are trained in it; here the trained network is fine-tuned with rounded weights "
        "(one epoch of 1,000 training images); activations, biases and norms' statistics are not "
        "rounded. Single flips of words of 32 bits in fixed point are computed with as float32, "
        "which rounds their faulty values; faults in the protected memory as float64."
    ),
    networks=("lenet5", "resnet20"),
    claims=claims,
    design=GuidedEccDesign(
        formats={
            "FP32": Float32(),
            "Fxp32": Fixed(1, 30),
            "Fxp16": Fixed(1, 14),
            "Fxp8": Fixed(1, 6),
        },
        paper=TRAIOLA,
        tuning=Tuning(epochs=1, images=1000, batch=50, rate=0.0001),
    ),
)
