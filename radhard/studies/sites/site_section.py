"""How are the tolerable error rates of the sites of one network presented?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from radhard.comparison import Tolerable
from radhard.report.figures import Curve, curves, svg
from radhard.stats import Estimate, percent
from radhard.studies.claim import estimate_facts
from radhard.studies.encodings import ratio_text, tolerable_facts
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.sites.site_findings import MeasuredSite, Phase, SiteFindings
from radhard.studies.standalone_svg import standalone
from radhard.studies.study import NetworkSection

__all__ = ["site_section"]

_LOOKS = {
    "weights": ("mixed", "o"),
    "activations": ("field1", "s"),
    "hidden states": ("field3", "D"),
    "gradients": ("critical", "^"),
}
"""Sites in figures; weights of single layers are only in the table."""

_TITLES: dict[Phase, str] = {"inference": "Inference", "training": "Training"}


def site_section(study: str, network: Network, findings: SiteFindings) -> NetworkSection:
    """The section of a page on one network, with figures and all numbers."""
    return NetworkSection(
        intro=f"{network.about}; {findings.images:,} test samples.",
        body=[line for phase in _TITLES for line in _phase(study, findings, phase)],
        figures={
            _file(study, findings, phase, fault): _figure(study, findings, phase, fault)
            for phase in _TITLES
            for fault in _faults(findings, phase)
        },
        numbers={
            "images": findings.images,
            "fingerprints": findings.fingerprints,
            "sites": [_numbers(findings, each) for each in findings.measured],
        },
    )


def _faults(findings: SiteFindings, phase: Phase) -> Sequence[str]:
    return list(dict.fromkeys(m.fault for m in findings.measured if m.phase == phase))


def _file(study: str, findings: SiteFindings, phase: Phase, fault: str) -> str:
    name = "".join(c if c.isalnum() else "-" for c in fault)
    return f"{study}-{findings.network}-{phase}-{name}.svg"


def _phase(study: str, findings: SiteFindings, phase: Phase) -> Iterator[str]:
    yield from (f"### {_TITLES[phase]}", "")
    increases = findings.increases if phase == "inference" else (findings.training_increase,)
    decisive = findings.increase(phase)
    for fault in _faults(findings, phase):
        here = [m for m in findings.measured if (m.phase, m.fault) == (phase, fault)]
        per = here[0].curve.per
        yield from (
            f"#### {fault[0].upper()}{fault[1:]}",
            "",
            f"![Accuracy over the error rate]({_file(study, findings, phase, fault)})",
            "",
            f"Without faults, {percent(here[0].curve.free)} of the predictions are wrong. "
            f"Tolerable rates are per {per}; numbers of faults and ratios are those at an increase "
            f"of the error of {100 * decisive:g} %:",
            "",
        )
        at_once = {"inference": "in memory, or an inference", "training": "in a step"}[phase]
        yield from table(
            (
                "site",
                f"{per}s {at_once}",
                *(f"tolerable, {100 * increase:g} %" for increase in increases),
                "mean number of faults tolerated",
                "times the rate of weights",
                "times the number",
            ),
            (_row(findings, each, increases) for each in here),
        )


def _row(findings: SiteFindings, each: MeasuredSite, increases: Sequence[float]) -> tuple[str, ...]:
    decisive = findings.tolerable(each, findings.increase(each.phase))
    weights = findings.of("weights", each.fault, each.phase)
    ratios = ["", ""]
    if weights is not None and weights is not each:
        flag = " (may be wrong: few harmful trials)" if _is_rare(findings, each, weights) else ""
        ratios = [
            ratio_text(findings.ratio(each, weights, equal)) + flag for equal in ("rate", "number")
        ]
    return (
        each.site,
        f"{each.size:,}",
        *(_brief(str(findings.tolerable(each, increase))) for increase in increases),
        _brief(str(_faults_at(decisive, each.size))),
        *ratios,
    )


def _is_rare(findings: SiteFindings, *sites: MeasuredSite) -> bool:
    """Whether one of the tolerable rates that decide rests on few harmful trials."""
    return any(findings.tolerable(m, findings.increase(m.phase)).is_rare for m in sites)


def _faults_at(rate: Tolerable, size: int) -> Tolerable:
    """The mean number of faults in so many bits, or words, at a tolerable rate and its limits."""
    value, low, high, least, most = (
        size * x for x in (rate.value, rate.low, rate.high, rate.least, rate.most)
    )
    return replace(rate, value=value, low=low, high=high, least=least, most=most)


def _brief(text: str) -> str:
    """A tolerable rate without its unit and level, which the page states once."""
    for per in ("bit", "word"):
        text = text.replace(f" per {per} (95 %)", "").replace(f" per {per} (95 %; ", " (")
    return text


def _numbers(findings: SiteFindings, each: MeasuredSite) -> dict[str, Any]:
    weights = findings.of("weights", each.fault, each.phase)
    ratios: dict[str, Estimate | None] = {}
    few: dict[str, bool] = {}
    if weights is not None and weights is not each:
        few = {"ratios rest on few harmful trials": _is_rare(findings, each, weights)}
        ratios = {
            "times the rate of weights": findings.ratio(each, weights, "rate"),
            "times the number of faults in weights": findings.ratio(each, weights, "number"),
        }
    increases = dict.fromkeys((*findings.increases, findings.training_increase))
    return {
        "site": each.site,
        "fault": each.fault,
        "phase": each.phase,
        "per": each.curve.per,
        "size": each.size,
        "error without faults": each.curve.free,
        "tolerable": {
            f"{increase:g}": tolerable_facts(findings.tolerable(each, increase))
            for increase in increases
        },
        **{key: _facts(ratio) for key, ratio in ratios.items()},
        **few,
        "accuracy": [
            {"rate": rate, **estimate_facts(accuracy)} for rate, accuracy in each.accuracy()
        ],
    }


def _facts(ratio: Estimate | None) -> dict[str, Any] | None:
    if ratio is None:
        return None
    facts = estimate_facts(ratio)
    # A bound of 0 or infinity is no number in JSON.
    return {**facts, "value": ratio.value if math.isfinite(ratio.value) else None}


def _figure(study: str, findings: SiteFindings, phase: Phase, fault: str) -> str:
    """Accuracy over the error rate with intervals, a curve for each site, as an SVG file."""
    here = [m for m in findings.measured if (m.phase, m.fault) == (phase, fault)]
    lines = [
        Curve(each.site, *_LOOKS[each.site], each.accuracy())
        for each in here
        if each.site in _LOOKS
    ]
    finding = "; ".join(
        f"{each.site}: {findings.tolerable(each, findings.increase(phase))}" for each in here
    )
    return standalone(
        svg(
            lambda: curves(lines, here[0].curve.per, narrow=False),
            f"{study}-{findings.network}-{phase}",
            f"Accuracy of {findings.network}, {fault}, {phase}",
            f"Tolerable rates: {finding}",
        )
    )
