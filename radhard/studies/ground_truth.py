"""How many faults do estimators need, and how often are they right, where the truth is known?"""

from radhard.formats import BFloat16, Fixed, Float32, Int
from radhard.studies.claim import Claim, exactly
from radhard.studies.exhausted import (
    EstimatorScore,
    GroundTruthDesign,
    GroundTruthFindings,
    GroundTruthStudy,
    MarginQuestion,
    TableFindings,
)

__all__ = ["GROUND_TRUTH"]

SHORT = 0.02
"""By how much an interval may hold the truth less often than it says."""

_PUBLISHED = ("normal interval", "iterative")


def claims(findings: GroundTruthFindings) -> list[Claim]:
    """What the sources say of their samples, and what intervals and caps have to be."""
    return [claim for one in findings.tables for claim in _of_table(one)]


def _of_table(findings: TableFindings) -> list[Claim]:
    format = findings.index["format"]
    made = []
    for score in findings.scores:
        note = f"{format}, {score.question}"
        if _published(score):
            made.append(
                Claim(
                    f"estimates are within the margin: {score.estimator.partition(';')[0]}",
                    score.near,
                    "at least",
                    score.confidence,
                    note,
                )
            )
        made.append(
            Claim(
                f"intervals hold the true rate: {score.estimator}",
                score.held,
                "at least",
                score.confidence - SHORT,
                f"{note}; up to 2 points less often than they say",
            )
        )
    number, audit = findings.index["faults"], findings.index.get("audit")
    note = f"{format}, all {number:,} flips"
    if audit:
        note += "; inferred verdicts cannot show a miss, and the audit bounds them"
    for caps in findings.caps:
        whole = caps.samples == findings.index["samples"]
        made.append(
            Claim(
                f"no fault harms more samples than its cap: {caps.caps}",
                exactly(caps.contradictions, "faults", number),
                "at most",
                0,
                note if whole else f"{note}; caps for the first {caps.samples} images",
                # Verdicts and caps that follow from the same gradients cannot contradict.
                decisive=not audit or caps.contradictions > 0,
            )
        )
    return made


def _published(score: EstimatorScore) -> bool:
    return any(word in score.estimator for word in _PUBLISHED)


_QUESTIONS = (
    MarginQuestion(
        "the network to within 0.1 points at 95 %",
        0.001,
        0.95,
        None,
        (
            "Uniform",
            "iterative",
            "Adaptive(0.001)",
            "Until(0.001)",
            "Guided('scores.json', 0.001)",
            "Adaptive(0.001, caps=Stated())",
            "Adaptive(0.001, caps=Certified())",
            "Until(0.001, caps=Certified())",
        ),
        narrow=(
            "Uniform",
            "iterative",
            "Adaptive(0.001)",
            "Until(0.001)",
        ),
    ),
    MarginQuestion(
        "the network to within 0.01 points at 95 %",
        0.0001,
        0.95,
        None,
        (
            "Adaptive(0.0001)",
            "Adaptive(0.0001, caps=Stated())",
            "Adaptive(0.0001, caps=Certified())",
        ),
    ),
    MarginQuestion(
        "every tensor to within 1 point at 99 %",
        0.01,
        0.99,
        "tensor",
        (
            "PerTensor(margin=0.01, confidence=0.99)",
            "PerBit(margin=0.01, confidence=0.99)",
            "PerBit(margin=0.01, confidence=0.99, p='data')",
            "iterative",
            "Adaptive(0.01, confidence=0.99, by='tensor')",
            "Adaptive(0.01, confidence=0.99, by='tensor', caps=Stated())",
            "Adaptive(0.01, confidence=0.99, by='tensor', caps=Certified())",
        ),
        narrow=(
            "PerTensor(margin=0.01, confidence=0.99)",
            "PerBit(margin=0.01, confidence=0.99, p='data')",
            "Adaptive(0.01, confidence=0.99, by='tensor')",
        ),
        quick=True,
    ),
    MarginQuestion(
        "every bit to within 1 point at 99 %",
        0.01,
        0.99,
        "bit",
        (
            "Adaptive(0.01, confidence=0.99, by='bit')",
            "Adaptive(0.01, confidence=0.99, by='bit', caps=Certified())",
        ),
    ),
)


GROUND_TRUTH = GroundTruthStudy(
    name="ground-truth",
    title="Estimators beside the truth",
    source=(
        "Leveugle et al., DATE 2009; Ruospo et al., DATE 2023; Ruospo et al., IEEE Transactions on "
        "Computers 2025; Ahmadilivani et al., DeepVigor+, 2024"
    ),
    about=(
        "Every single bit flip of the weights and biases of a network is tried (`Bracket`, "
        "whose verdicts are mostly inferred; 1,000 flips drawn at random are repeated by "
        "`Serial`), and the number of samples that it harms is kept in a Parquet file. "
        "Campaigns are then simulated by looking up their trials, with consecutive seeds. The "
        "harm of a flip is the share of the samples whose prediction changes. Published "
        "samplers: `Uniform` and `PerTensor` (layer-wise) with the worst-case sample size, "
        "`PerBit` (data-unaware), `PerBit(p='data')` (data-aware). *Iterative* sampling draws "
        "500 faults, and then 100 at a time, until the margin computed from the rate so far is "
        "small enough; only the abstract of the published procedure was available, which may "
        "differ. The normal interval is that of the textbooks, in which a stratum without trials "
        "has a rate of 0. In formats other than `Float32` fewer estimators are tried, and no "
        "caps. Estimators with more than 100,000 trials have 20 campaigns at most, and those on "
        "the transformer 60, as campaigns of many stages take long. `Guided` has the scores of "
        "`WeightSensitivity`. Caps are computed once for a table, in the time that the page "
        "states; `Certified` proves them, `Stated` assumes and audits them."
    ),
    networks=("lenet5", "mlp", "row-transformer"),
    claims=claims,
    design=GroundTruthDesign(
        formats={"lenet5": (Float32(), BFloat16(), Int(8), Fixed(1, 15))},
        questions=_QUESTIONS,
        fewer={"row-transformer": 60},
    ),
)
