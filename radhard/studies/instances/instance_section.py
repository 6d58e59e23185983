"""How is the spread over instances of one network presented?"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from radhard.comparison import Spread, Tolerable
from radhard.stats import percent
from radhard.studies.claim import estimate_facts
from radhard.studies.encodings import Encoding
from radhard.studies.instances.instance_findings import InstanceFindings
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection

__all__ = ["instance_section"]

_REFERENCES = {True: "own", False: "largest of all"}


def instance_section(
    network: Network,
    findings: InstanceFindings,
    encodings: Sequence[Encoding],
    increases: Sequence[float],
) -> NetworkSection:
    """The section of a page on one network, with all numbers."""
    names = [each.name for each in encodings]
    count = len(findings.curves[names[0]])
    errors = [curve.free for curve in findings.curves[names[0]]]
    return NetworkSection(
        intro=f"{count} instances of {network.name}, trained for this from seeds 1 to {count}; "
        f"{findings.images:,} test samples. Their errors without faults, in {names[0]}, are from "
        f"{percent(min(errors))} to {percent(max(errors))}. The error rates are those per stored "
        "bit of the weights.",
        body=[*_body(findings, names, increases)],
        figures={},
        numbers={
            "images": findings.images,
            "instances": list(findings.fingerprints),
            "encodings": [
                {
                    "name": name,
                    "errors without faults": [curve.free for curve in findings.curves[name]],
                    "spreads": [
                        _numbers(findings, name, increase, own)
                        for own in _REFERENCES
                        for increase in increases
                    ],
                }
                for name in names
            ],
        },
    )


def _body(
    findings: InstanceFindings, names: Sequence[str], increases: Sequence[float]
) -> Iterator[str]:
    yield from ("### Spread of tolerable error rates", "")
    yield (
        "Deviations are geometric standard deviations: 2 is a factor of 2 up or down. That of the "
        "trials is what an instance would show if it were tried again with other faults."
    )
    yield ""
    rows = []
    for own, reference in _REFERENCES.items():
        for increase in increases:
            for name in names:
                rates = [_inside(x) for x in findings.tolerable(name, increase, own=own)]
                found = findings.spread(name, increase, own=own)
                rows.append(
                    (
                        reference,
                        percent(increase),
                        name,
                        f"{min(rates):.3g} to {max(rates):.3g}",
                        f"{_least(found)}{found.ratio:.3g}",
                        _deviation(found),
                        f"{findings.noise(name, increase, own=own):.3g}",
                    )
                )
    yield from table(
        (
            "fault-free error",
            "increase",
            "encoding",
            "tolerable rates",
            "max/min",
            "deviation",
            "that of the trials",
        ),
        rows,
    )


def _inside(found: Tolerable) -> float:
    return min(max(found.value, found.least), found.most)


def _least(found: Spread) -> str:
    return "at least " if found.bounds else ""


def _deviation(found: Spread) -> str:
    deviation = found.deviation
    high = "no limit" if math.isinf(deviation.high) else f"{deviation.high:.3g}"
    text = f"{_least(found)}{deviation.value:.3g} [{deviation.low:.3g}, {high}]"
    return text + (f"; {found.bounds} outside the rates tried" if found.bounds else "")


def _numbers(findings: InstanceFindings, name: str, increase: float, own: bool) -> dict[str, Any]:
    found = findings.spread(name, increase, own=own)
    return {
        "reference": _REFERENCES[own],
        "increase": increase,
        "tolerable rates": [_inside(x) for x in findings.tolerable(name, increase, own=own)],
        "outside the rates tried": found.bounds,
        "max/min": found.ratio,
        "deviation": estimate_facts(found.deviation),
        "deviation of the trials": findings.noise(name, increase, own=own),
    }
