"""How are the tolerable error rates of one network presented?"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from radhard.comparison import Tolerable
from radhard.report.figures import Curve, curves, svg
from radhard.stats import Estimate, percent
from radhard.studies.claim import estimate_facts
from radhard.studies.encodings.encoding_design import EncodingDesign
from radhard.studies.encodings.encoding_findings import EncodingFindings
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.standalone_svg import standalone
from radhard.studies.study import NetworkSection

__all__ = ["encoding_figure", "encoding_section", "ratio_text", "tolerable_facts"]


def encoding_section(
    study: str, design: EncodingDesign, network: Network, findings: EncodingFindings
) -> NetworkSection:
    """The section of a page on one network, with a figure and all numbers."""
    picture = f"{study}-{findings.network}.svg"
    return NetworkSection(
        intro=f"{network.about}; {findings.images:,} test samples. The error rates are those per "
        "stored bit of the weights.",
        body=[*_body(design, findings, picture)],
        figures={picture: _figure(study, design, findings)},
        numbers={
            "images": findings.images,
            "encodings": [_numbers(design, findings, each) for each in findings.measured],
        },
    )


def _body(design: EncodingDesign, findings: EncodingFindings, picture: str) -> Iterator[str]:
    first = design.encodings[0].name
    yield from ("### Tolerable error rates", "", f"![Accuracy over the bit error rate]({picture})")
    yield ""
    yield from table(
        (
            "encoding",
            "format",
            "bits stored",
            "error without faults",
            "tolerable rate",
            f"times that of {first}",
        ),
        (
            (
                name,
                measured.format,
                f"{measured.bits:,}",
                percent(findings.fault_free_error(name)),
                str(findings.tolerable(name)),
                ratio_text(findings.ratio(name, first)) if name != first else "",
            )
            for name, measured in findings.measured.items()
        ),
    )


def ratio_text(ratio: Estimate | None) -> str:
    """A ratio with its interval; a bound is written as such."""
    if ratio is None:
        return "not known from these rates"
    low, high = f"{ratio.low:.3g}", f"{ratio.high:.3g}"
    if math.isinf(ratio.high):
        high = "no limit"
    return f"{ratio.value:.3g} [{low}, {high}]"


def _numbers(design: EncodingDesign, findings: EncodingFindings, name: str) -> dict[str, Any]:
    measured, first = findings.measured[name], design.encodings[0].name
    ratio = findings.ratio(name, first) if name != first else None
    manifest = measured.results.manifest
    return {
        "name": name,
        "format": measured.format,
        "bits": measured.bits,
        "fingerprints": {key: manifest[key] for key in manifest if "fingerprint" in key},
        "campaigns": [
            {"seed": each.seed, "trials": len(each), "sampler": repr(each.sampler)}
            for each in measured.campaigns
        ],
        "error without faults": findings.fault_free_error(name),
        "tolerable": tolerable_facts(findings.tolerable(name)),
        f"times {first}": None if ratio is None else estimate_facts(ratio),
        "smaller change by the sign": measured.smaller,
        "accuracy": [
            {"rate": rate, **estimate_facts(accuracy)}
            for rate, accuracy in findings.accuracy(name).items()
        ],
    }


def tolerable_facts(found: Tolerable) -> dict[str, Any]:
    """The tolerable rate as plain values; null for infinity: above the highest rate tried."""
    value, low, high = (None if math.isinf(x) else x for x in (found.value, found.low, found.high))
    return {
        "text": str(found),
        "value": value,
        "low": low,
        "high": high,
        "confidence": found.confidence,
        "lowest rate": found.least,
        "highest rate": found.most,
        "limit of the error": found.limit,
        "harmful trials": found.harmful,
    }


def _figure(study: str, design: EncodingDesign, findings: EncodingFindings) -> str:
    """Accuracy over the error rate with intervals, a curve for each encoding, as an SVG file."""
    names = [each.name for each in design.encodings]
    return encoding_figure(
        f"{study}-{findings.network}",
        design,
        findings.network,
        {name: list(findings.accuracy(name).items()) for name in names},
        {name: str(findings.tolerable(name)) for name in names},
    )


def encoding_figure(
    name: str,
    design: EncodingDesign,
    network: str,
    accuracy: Mapping[str, Sequence[tuple[float, Estimate]]],
    tolerable: Mapping[str, str],
) -> str:
    """The figure from the accuracy at every rate and the tolerable rates, by encoding."""
    lines = [Curve(e.name, e.paint, e.mark, accuracy[e.name]) for e in design.encodings]
    finding = "; ".join(f"{encoding}: {rate}" for encoding, rate in tolerable.items())
    return standalone(
        svg(
            lambda: curves(lines, "bit", narrow=False, what="accuracy"),
            name,
            f"Accuracy of {network} with faulty weights",
            f"Tolerable rates: {finding}",
        )
    )
