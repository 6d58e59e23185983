"""How are the results of one network under bit error rates presented?"""

from collections.abc import Iterator
from typing import Any

from radhard.report.figures import Curve, curves, svg
from radhard.stats import percent
from radhard.studies.claim import estimate_facts
from radhard.studies.error_rates.error_rate_design import ErrorRateDesign
from radhard.studies.error_rates.error_rate_findings import ErrorRateFindings, short
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.standalone_svg import standalone
from radhard.studies.study import NetworkSection

__all__ = ["error_rate_section"]


def error_rate_section(
    study: str, design: ErrorRateDesign, network: Network, findings: ErrorRateFindings
) -> NetworkSection:
    """The section of a page on one network, with its two figures and all numbers."""
    right = findings.base.right
    names = {common: _picture(study, findings, common) for common in (False, True)}
    return NetworkSection(
        intro=f"{network.about}; stored as `{design.format!r}` it gets "
        f"{percent(float(right.mean()))} of {len(right):,} test images right, "
        f"{percent(findings.base.accuracy)} of the first {findings.images:,}, which the trials "
        "use.",
        body=[*_body(findings, names)],
        figures={
            f"{name}.svg": _error_rate_figure(name, design, findings, common=common)
            for common, name in names.items()
        },
        numbers=_numbers(findings),
    )


def _picture(study: str, findings: ErrorRateFindings, common: bool) -> str:
    return f"{study}-{findings.network}-{'common' if common else 'own'}"


def _body(findings: ErrorRateFindings, pictures: dict[bool, str]) -> Iterator[str]:
    for common in (False, True):
        faults = (
            "The same faults in what the unprotected network stores"
            if common
            else "Faults in all that each network stores, at the same rate per bit"
        )
        yield from (
            f"### {faults}",
            "",
            f"![Accuracy over the bit error rate]({pictures[common]}.svg)",
            "",
            "Points of accuracy lost, of the unprotected network without faults less the one "
            "under faults:",
            "",
        )
        names = list(findings.measured)
        rows = [
            (f"{rate:g}", *(short(findings.drop(name, [rate], common=common)) for name in names))
            for rate in findings.rates
        ]
        yield from table(("rate per bit", *names), rows)
        if not common:
            yield from ("Faulty bits in a trial, on average:", "")
            yield from table(("rate per bit", *names), _flips(findings))
    yield from ("### Without faults, and what it costs", "")
    yield from table(
        (
            "variant",
            "points lost",
            "on other images",
            "bits stored",
            "multiply-accumulates",
            "time",
            "made by",
        ),
        _costs(findings),
    )


def _flips(findings: ErrorRateFindings) -> list[tuple[str, ...]]:
    return [
        (f"{rate:g}", *(f"{m.own.flips[rate]:,.3g}" for m in findings.measured.values()))
        for rate in findings.rates
    ]


def _costs(findings: ErrorRateFindings) -> Iterator[tuple[str, ...]]:
    for name, measured in findings.measured.items():
        cost = measured.cost
        ratio = cost.after.over(cost.before)
        yield (
            name,
            f"{findings.free_drop(name).value:.2f}",
            short(findings.free_drop_elsewhere(name)),
            f"{cost.after.bits:,} ({100 * (ratio['bits'] - 1):+.4f} %)",
            f"{cost.after.macs:,} ({ratio['macs']:.3f}x)",
            "" if cost.time is None else f"{cost.time.median:.3f}x",
            measured.hardening,
        )


def _numbers(findings: ErrorRateFindings) -> dict[str, Any]:
    return {
        "images": findings.images,
        "test images": len(findings.base.right),
        "variants": [_variant(findings, name) for name in findings.measured],
    }


def _variant(findings: ErrorRateFindings, name: str) -> dict[str, Any]:
    measured = findings.measured[name]
    return {
        "name": name,
        "hardening": measured.hardening,
        "accuracy": measured.accuracy,
        "test accuracy": float(measured.right.mean()),
        "points lost without faults": estimate_facts(findings.free_drop(name)),
        "points lost on other images": estimate_facts(findings.free_drop_elsewhere(name)),
        "numbers added": list(measured.added),
        "cost": measured.cost.to_dict(),
        "common": _campaign(findings, name, common=True),
        "own": _campaign(findings, name, common=False),
    }


def _campaign(findings: ErrorRateFindings, name: str, *, common: bool) -> dict[str, Any]:
    campaign = findings.measured[name].common if common else findings.measured[name].own
    return {
        "faults": campaign.faults,
        "rates": [
            {
                "rate": rate,
                "flips": campaign.flips[rate],
                "accuracy": estimate_facts(findings.accuracy(name, [rate], common=common)),
                "drop": estimate_facts(findings.drop(name, [rate], common=common)),
            }
            for rate in findings.rates
        ],
    }


def _error_rate_figure(
    name: str, design: ErrorRateDesign, findings: ErrorRateFindings, *, common: bool
) -> str:
    """Accuracy over the error rate with intervals, a curve for each variant, as an SVG file."""
    lines = [
        Curve(
            variant.name,
            variant.paint,
            variant.mark,
            [
                (rate, findings.accuracy(variant.name, [rate], common=common))
                for rate in findings.rates
            ],
        )
        for variant in design.variants
    ]
    faults = "the same faults" if common else "faults in all that each network stores"
    title = f"Accuracy of {findings.network} under faults, {faults}"
    finding = "; ".join(
        f"{line.name}: "
        + ", ".join(f"{short(at)} at {rate:g}" for rate, at in (line.points[0], line.points[-1]))
        for line in lines
    )
    return standalone(svg(lambda: curves(lines, "bit", narrow=False), name, title, finding))
