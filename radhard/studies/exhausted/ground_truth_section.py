"""How are exhausted networks, and the estimators scored on them, presented?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from radhard.stats import Estimate, clopper_pearson, percent
from radhard.studies.claim import estimate_facts
from radhard.studies.exhausted.ground_truth_findings import (
    CapScore,
    EstimatorScore,
    GroundTruthFindings,
    TableFindings,
)
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection

__all__ = ["ground_truth_section"]


def ground_truth_section(network: Network, findings: GroundTruthFindings) -> NetworkSection:
    """The section of a page on one network, with all numbers."""
    return NetworkSection(
        intro=f"{network.about}; {findings.images:,} test images, all flips of weights and biases.",
        body=[*_body(findings)],
        figures={},
        numbers={"images": findings.images, "tables": [_numbers(one) for one in findings.tables]},
    )


def _body(findings: GroundTruthFindings) -> Iterator[str]:
    yield from ("### Exhausted tables", "")
    yield from table(
        ("format", "faults", "rate", "repeated by Serial", "differ", "CPU s", "SHA-256"),
        [
            (
                one.index["format"],
                f"{one.index['faults']:,}",
                percent(one.index["rate"]),
                f"{one.index['checked']:,}",
                f"{one.index['differing']:,}",
                f"{one.index['seconds']:,.0f}",
                one.index["sha256"],
            )
            for one in findings.tables
        ],
    )
    for one in findings.tables:
        yield from _audit(one)
        yield from _of_table(one)


def _audit(findings: TableFindings) -> Iterator[str]:
    """What was inferred, tensor by tensor, and how much of it was wrong."""
    if not (audit := findings.index.get("audit")):
        return
    value, low, high = audit["rate"]
    tensors = audit["tensors"]
    sums = {key: sum(one[key] for one in tensors.values()) for key in next(iter(tensors.values()))}
    yield from (f"### {findings.index['format']}: verdicts that were inferred", "")
    yield from (f"Rate with the uncertainty of the audit: {_limits(value, low, high)}.", "")
    yield from table(
        (
            "tensor",
            "flips",
            "rate",
            "verdicts inferred",
            "executed as well",
            "wrong",
            "at most wrong (95 %)",
        ),
        [
            _tensor_row(name, one)
            for name, one in [*tensors.items(), ("all", {**sums, "rate": findings.index["rate"]})]
        ],
    )


def _tensor_row(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    most = percent(clopper_pearson(one["wrong"], one["executed"])[1]) if one["executed"] else ""
    return (
        name,
        f"{one['faults']:,}",
        percent(one["rate"]),
        percent(one["inferred"] / one["verdicts"]),
        f"{one['executed']:,}",
        f"{one['wrong']:,}",
        most,
    )


def _of_table(findings: TableFindings) -> Iterator[str]:
    """What the estimators, caps and analyses make of an exhausted table."""
    yield from _estimators(findings)
    if findings.seconds:
        yield from (f"### {_format(findings)}: time of a campaign with Replay, caps included", "")
        rows = [(name, f"{seconds:,.1f}") for name, seconds in findings.seconds.items()]
        yield from table(("estimator", "CPU s"), rows)
    if findings.caps:
        yield from _caps(findings)
        yield from _by_tensor(findings)
    if findings.predicted:
        yield from _predictions(findings)
    for name, reason in findings.left_out.items():
        yield from (f"{name} is left out: {reason}.", "")


def _format(findings: TableFindings) -> str:
    return str(findings.index["format"])


def _estimators(findings: TableFindings) -> Iterator[str]:
    """How well the estimators answer, a table for each question."""
    for question in dict.fromkeys(score.question for score in findings.scores):
        own = [score for score in findings.scores if score.question == question]
        yield from (f"### {_format(findings)}: {question}", "")
        yield from table(
            (
                "estimator",
                "trials (mean)",
                "trials (most)",
                "half-width",
                "coverage",
                "coverage of all groups at once",
                "estimates within the margin",
                "campaigns",
            ),
            [_row(score) for score in own],
        )


def _caps(findings: TableFindings) -> Iterator[str]:
    """How many faults the caps call harmless, beside how many are."""
    yield from (f"### {_format(findings)}: caps", "")
    yield from table(
        (
            "caps",
            "harmless by the caps",
            "truly harmless",
            "mean cap",
            "faults above their cap",
            "CPU s",
        ),
        [
            (
                _named(one, findings),
                percent(one.harmless),
                percent(findings.index["harmless"]),
                percent(one.mean),
                f"{one.contradictions:,}",
                f"{one.seconds:,.1f}",
            )
            for one in findings.caps
        ],
    )


def _predictions(findings: TableFindings) -> Iterator[str]:
    """What analyses predict, beside what is true."""
    yield from (f"### {_format(findings)}: predictions without injected faults", "")
    yield from table(
        ("analysis", "true mean over the layers", "predicted, by seed", "CPU s"),
        [
            (
                one.analysis,
                percent(one.true),
                "; ".join(_limits(*value) for value in one.values),
                f"{one.seconds:,.1f}",
            )
            for one in findings.predicted
        ],
    )


def _by_tensor(findings: TableFindings) -> Iterator[str]:
    """What the caps say of each tensor, and what that means with these samples."""
    yield (
        "A fault is harmless if it harms none of the images: with more of them, fewer faults are. "
        "The share of harmless pairs of a fault and an image is a mean over the images, and does "
        "not become smaller with their number. A miss is a fault that harms more images than its "
        "cap."
    )
    if findings.index.get("audit"):
        yield (
            "Verdicts that were inferred from gradients cannot show a miss: the misses are those "
            "among the verdicts that were executed, and the audit above bounds the others."
        )
    yield ""
    rows = []
    for name, share in findings.caps[0].truly.items():
        cells = [cell for one in findings.caps for cell in _of_caps(one, name)]
        rows.append((name, *cells, percent(share)))
    heads = [head for one in findings.caps for head in _heads(one, findings)]
    yield from table(("tensor", *heads, "truly harmless"), rows)
    yield from _left_out(findings.caps)


def _heads(caps: CapScore, findings: TableFindings) -> tuple[str, ...]:
    text = _named(caps, findings)
    return (f"harmless by {text}", "pairs", "misses")


def _named(caps: CapScore, findings: TableFindings) -> str:
    """The caps, with the number of images if they do not hold for all of them."""
    whole = caps.samples == findings.index["samples"]
    return caps.caps if whole else f"{caps.caps}, first {caps.samples} images"


def _of_caps(caps: CapScore, tensor: str) -> tuple[str, ...]:
    return (percent(caps.shares[tensor]), percent(caps.pairs[tensor]), f"{caps.misses[tensor]:,}")


def _left_out(caps: Sequence[CapScore]) -> Iterator[str]:
    """The tensors without caps, by reason; sources that leave out the same ones together."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in caps:
        reasons: dict[str, list[str]] = {}
        for name, reason in one.left_out.items():
            reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            found.setdefault((reason, tuple(names)), []).append(one.caps)
    for (reason, tensors), sources in found.items():
        verb = "has" if len(sources) == 1 else "have"
        yield f"{', '.join(sources)} {verb} no caps for {', '.join(tensors)}: {reason}."
        yield ""


def _row(score: EstimatorScore) -> tuple[str, ...]:
    return (
        score.estimator,
        f"{score.trials:,.0f}",
        f"{score.most:,}",
        percent(score.half_width),
        _short(score.held),
        _short(score.all_held) if score.groups > 1 else "",
        _short(score.near),
        f"{score.held.trials:,}",
    )


def _short(estimate: Estimate) -> str:
    return _limits(estimate.value, estimate.low, estimate.high)


def _limits(value: float, low: float, high: float) -> str:
    return f"{percent(value)} [{percent(low)}, {percent(high)}]"


def _numbers(findings: TableFindings) -> dict[str, Any]:
    scores = [
        {
            **asdict(score),
            **{key: estimate_facts(getattr(score, key)) for key in ("held", "all_held", "near")},
        }
        for score in findings.scores
    ]
    return {
        **findings.index,
        "estimators": scores,
        "caps": [asdict(one) for one in findings.caps],
        "predicted": [asdict(one) for one in findings.predicted],
        "left out": dict(findings.left_out),
        **({"seconds": dict(findings.seconds)} if findings.seconds else {}),
    }
