"""How are the outcomes of faults in the weights of one network presented?"""

from collections.abc import Iterator
from typing import Any

from radhard.report.figures import Curve, curves, svg
from radhard.stats import percent
from radhard.studies.claim import estimate_facts
from radhard.studies.error_rates.error_rate_findings import short
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.outcomes.outcome_design import OutcomeDesign, Reading
from radhard.studies.outcomes.outcome_findings import OutcomeFindings, Point
from radhard.studies.standalone_svg import standalone
from radhard.studies.study import NetworkSection

__all__ = ["outcome_section"]

_HEADS: dict[Reading, tuple[str, str]] = {
    "word": ("Rates per weight: one bit flips in that share of the weights", "rate per weight"),
    "bit": ("Rates per bit: every bit flips with that probability", "rate per bit"),
    "faults": ("Equal numbers of faults, whatever the size of the set", "faults on average"),
}
_CLASSES = {
    "masked": "masked",
    "noncritical": "non-critical SDC",
    "critical": "critical SDC",
    "due": "DUE",
}


def outcome_section(
    study: str, design: OutcomeDesign, network: Network, findings: OutcomeFindings
) -> NetworkSection:
    """The section of a page on one network, with a figure and all numbers."""
    picture = f"{study}-{findings.network}"
    free = findings.fault_free
    return NetworkSection(
        intro=f"{network.about}; {findings.samples:,} test samples, on which its accuracy without "
        f"faults is {percent(free['accuracy'])} and its {design.score_name} "
        f"{percent(free['score'])}. The largest of its weights is {findings.largest:.3g} in "
        "magnitude; their numbers: "
        + ", ".join(f"{name} {n:,}" for name, n in findings.weights.items())
        + ".",
        body=[*_body(design, findings, picture)],
        figures={f"{picture}.svg": _figure(picture, design, findings)},
        numbers=_numbers(findings),
    )


def _body(design: OutcomeDesign, findings: OutcomeFindings, picture: str) -> Iterator[str]:
    yield from ("### Outcomes", "", f"![Accuracy over the rate per weight]({picture}.svg)", "")
    for name, why in findings.left_out.items():
        yield from (f"{name} is left out: {why}.", "")
    for reading, (head, axis) in _HEADS.items():
        rows = [
            _row(findings, point)
            for scenario, variant, of in design.arms
            if of == reading
            for point in findings.points(scenario.name, variant.name, reading)
        ]
        lost = ("accuracy lost", f"{design.score_name} lost")
        yield from (f"#### {head}", "")
        yield from table(("faults in", axis, "faulty bits", *_CLASSES.values(), *lost), rows)
    if findings.bits is not None:
        yield from _bits(findings)


def _row(findings: OutcomeFindings, point: Point) -> tuple[str, ...]:
    bare = point.variant == next(iter(findings.changed))
    return (
        point.scenario if bare else f"{point.scenario}, {point.variant}",
        f"{point.rate:g}",
        _count(findings.arms[point].faults),
        *(short(findings.mean(point, name)) for name in _CLASSES),
        *(short(findings.lost(point, of)) for of in ("accuracy", "score")),
    )


def _count(faults: float) -> str:
    return f"{faults:,.0f}" if faults >= 100 else f"{faults:.3g}"


def _bits(findings: OutcomeFindings) -> Iterator[str]:
    assert findings.bits is not None
    every = findings.bits["all tensors"]
    constant = findings.constant_bits
    yield from ("#### One bit position flipped in all weights", "")
    yield from table(
        ("bit", "in all weights", "critical SDC", "DUE", "accuracy"),
        (
            (
                str(bit),
                str(constant.get(bit, "0 or 1")),
                *(percent(every[name][bit]) for name in ("critical", "due", "accuracy")),
            )
            for bit in reversed(range(len(every["critical"])))
        ),
    )


def _numbers(findings: OutcomeFindings) -> dict[str, Any]:
    return {
        "samples": findings.samples,
        "fault-free": dict(findings.fault_free),
        "weights": dict(findings.weights),
        "largest weight": findings.largest,
        "outputs changed without faults": dict(findings.changed),
        "fingerprints": dict(findings.fingerprints),
        "left out": dict(findings.left_out),
        "points": [
            {
                "scenario": point.scenario,
                "variant": point.variant,
                "per": point.reading,
                "rate": point.rate,
                "faults": arm.faults,
                **{
                    name: estimate_facts(findings.mean(point, name))
                    for name in (*_CLASSES, "accuracy", "score")
                },
                **{
                    f"{of} lost": estimate_facts(findings.lost(point, of))
                    for of in ("accuracy", "score")
                },
            }
            for point, arm in findings.arms.items()
        ],
        "bit-wise": None if findings.bits is None else dict(findings.bits),
    }


def _figure(picture: str, design: OutcomeDesign, findings: OutcomeFindings) -> str:
    """Accuracy over the rate per weight, a curve for each set and each protection."""
    lines = []
    for scenario, variant, reading in design.arms:
        points = findings.points(scenario.name, variant.name, reading)
        if reading != "word" or not points:
            continue
        bare = variant == design.variants[0]
        looks = scenario if bare else variant
        name = scenario.name if bare else f"{scenario.name}, {variant.name}"
        values = [(point.rate, findings.mean(point, "accuracy")) for point in points]
        lines.append(Curve(name, looks.paint, looks.mark, values))
    title = f"Accuracy of {findings.network} with faulty weights"
    finding = "; ".join(
        f"{line.name}: {short(line.points[-1][1])} at {line.points[-1][0]:g}" for line in lines
    )
    return standalone(svg(lambda: curves(lines, "weight", narrow=False), picture, title, finding))
