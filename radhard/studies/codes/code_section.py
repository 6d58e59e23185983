"""How are the codes of one network's weights presented?"""

import math
from collections.abc import Iterator
from typing import Any

from radhard.comparison import Tolerable
from radhard.stats import Estimate, percent
from radhard.studies.claim import estimate_facts
from radhard.studies.codes.code_design import CodeDesign
from radhard.studies.codes.code_findings import EQUAL, CodeFindings
from radhard.studies.codes.trade_off_figure import trade_off_figure
from radhard.studies.encodings import ratio_text, tolerable_facts
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection

__all__ = ["code_section"]

_SHOWN = (1e-6, 1e-5, 1e-4, 1e-3)
"""Error rates at which a table shows the points of accuracy lost; the others are in the JSON."""


def code_section(
    study: str, design: CodeDesign, network: Network, findings: CodeFindings
) -> NetworkSection:
    """The section of a page on one network, with its figure and all numbers."""
    picture = f"{study}-{findings.network}.svg"
    return NetworkSection(
        intro=f"{network.about}; {findings.weights:,} weights, {findings.rates.images:,} test "
        "images. The error rates are those per stored bit of the weights.",
        body=[*_body(findings, picture)],
        figures={picture: trade_off_figure(f"{study}-{findings.network}", design, findings)},
        numbers={
            "images": findings.rates.images,
            "weights": findings.weights,
            "encodings": [_numbers(findings, name) for name in findings.names],
        },
    )


def _body(findings: CodeFindings, picture: str) -> Iterator[str]:
    yield from ("### Stored bits and time against harm", "")
    yield from (f"![Tolerable rate over stored bits and decoding time]({picture})", "")
    yield (
        "*Dominated*: another code stores no more bits, decodes no slower (within the interval) "
        "and tolerates no lower rate, and is better in one of these; *perhaps* where the interval "
        "of the ratio of the tolerable rates does not exclude the contrary."
    )
    yield ""
    head = "encoding", "format", "bits per weight", "ns to decode", "error without faults"
    yield from table(
        (*head, "tolerable rate", "dominated for these words", "dominated by any"),
        (_cost_cells(findings, name) for name in findings.names),
    )
    yield from ("### Single faults, and equal numbers of faults", "")
    yield (
        "Predictions changed by one fault in the stored bits; by one upset in a memory of the size "
        "of the plain words, where more bits mean more upsets; and how many times the faults of "
        "the plain words are tolerated at an equal rate per stored bit and in equal number "
        "(expected faults in all stored bits)."
    )
    yield ""
    yield from table(
        (
            "encoding",
            "changed by one fault",
            "by one upset of the plain memory",
            "tolerable faults",
            "times the rate of the plain words",
            "times the number",
        ),
        (_fault_cells(findings, name) for name in findings.names),
    )
    rates = [rate for rate in findings.points_lost(findings.names[0]) if _is_shown(rate)]
    if rates:
        yield from ("### Points of accuracy lost", "")
        yield f"Of {findings.names[0]} without faults, less the encoding under faults."
        yield ""
        yield from table(("encoding", *(f"at {rate:g}" for rate in rates)), _lost(findings, rates))


def _is_shown(rate: float) -> bool:
    return any(math.isclose(rate, each) for each in _SHOWN)


def _cost_cells(findings: CodeFindings, name: str) -> tuple[str, ...]:
    time = findings.time(name)
    return (
        name,
        findings.rates.measured[name].format,
        f"{findings.bits(name):.4g}",
        "not measured" if time is None else _short(time),
        percent(findings.rates.fault_free_error(name)),
        str(findings.rates.tolerable(name)),
        str(findings.dominated(*findings.families[findings.plain(name)])[name]),
        str(findings.dominated()[name]),
    )


def _fault_cells(findings: CodeFindings, name: str) -> tuple[str, ...]:
    plain = findings.plain(name)
    ratios = [
        "" if name == plain else ratio_text(findings.ratio(name, plain, equal=equal))
        for equal in EQUAL
    ]
    return (
        name,
        _short(findings.single[name]),
        _short(findings.single_at_equal_rate(name)),
        _number(findings.tolerable_faults(name)),
        *ratios,
    )


def _number(faults: float) -> str:
    """A tolerable number of faults; a bound is written as such."""
    if faults == 0:
        return "below those tried"
    return "above those tried" if math.isinf(faults) else f"{faults:.3g}"


def _lost(findings: CodeFindings, rates: list[float]) -> Iterator[tuple[str, ...]]:
    for name in findings.names:
        lost = findings.points_lost(name)
        yield (name, *(_short(lost[rate]) for rate in rates))


def _short(estimate: Estimate) -> str:
    """The figure and its interval, without the rest."""
    return str(estimate).partition(" (")[0].replace(f" {estimate.unit}", "")


def _numbers(findings: CodeFindings, name: str) -> dict[str, Any]:
    plain, time = findings.plain(name), findings.time(name)
    measured = findings.rates.measured[name]
    found: Tolerable = findings.rates.tolerable(name)
    ratios = {
        equal: None if name == plain else findings.ratio(name, plain, equal=equal)
        for equal in EQUAL
    }
    return {
        "name": name,
        "plain": plain,
        "format": measured.format,
        "bits": measured.bits,
        "bits per weight": findings.bits(name),
        "ns to decode": None if time is None else estimate_facts(time),
        "fingerprints": {
            key: measured.results.manifest[key]
            for key in measured.results.manifest
            if "fingerprint" in key
        },
        "error without faults": findings.rates.fault_free_error(name),
        "tolerable": tolerable_facts(found),
        "changed by one fault": estimate_facts(findings.single[name]),
        "changed by one upset of the plain memory": estimate_facts(
            findings.single_at_equal_rate(name)
        ),
        **{
            f"times the {equal} of the plain words": None if r is None else estimate_facts(r)
            for equal, r in ratios.items()
        },
        "dominated for these words": str(findings.dominated(*findings.families[plain])[name]),
        "dominated by any": str(findings.dominated()[name]),
        "points lost": [
            {"rate": rate, **estimate_facts(lost)}
            for rate, lost in findings.points_lost(name).items()
        ],
    }
