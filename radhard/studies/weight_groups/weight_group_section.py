"""How are faults in the sets of weights of one network presented?"""

from collections.abc import Iterator
from typing import Any

from radhard.stats import Estimate, percent
from radhard.studies.claim import estimate_facts
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection
from radhard.studies.weight_groups.weight_group_figure import weight_group_figure
from radhard.studies.weight_groups.weight_group_findings import WeightGroupFindings

__all__ = ["weight_group_section"]

_NONE = "N/A"
"""In place of a mean where a set has fewer bits than flips."""

_UNTRIED = ""
"""In place of figures of sets that are not selected."""


def weight_group_section(
    study: str, network: Network, findings: WeightGroupFindings
) -> NetworkSection:
    """The section of a page on one network, with its figure and all numbers."""
    picture = f"{study}-{findings.network}.svg"
    accuracy, tests = findings.accuracy_on_test(), len(findings.right)
    return NetworkSection(
        intro=f"{network.about}; accuracy without faults {_short(accuracy)} on all {tests:,} test "
        f"samples, {percent(findings.golden.plain)} on the {findings.samples:,} of the campaigns.",
        body=[*_body(findings, picture)],
        figures={picture: weight_group_figure(study, findings)},
        numbers={
            "samples": findings.samples,
            "accuracy": estimate_facts(accuracy),
            "accuracy on the samples": findings.golden.plain,
            "with check bits": findings.golden.protected,
            "points lost by check bits": findings.lost_by_code(),
            "selected": list(findings.selected),
            "sets": [_numbers(findings, group.name) for group in findings.groups],
            "times": [_time_numbers(findings, at) for at in range(len(findings.times))],
            "campaigns": dict(findings.facts),
        },
    )


def _body(findings: WeightGroupFindings, picture: str) -> Iterator[str]:
    design = findings.design
    yield from ("### Flips in each set of weights (table 2)", "")
    yield from (f"![Points of accuracy lost, by set of weights]({picture})", "")
    yield (
        "Mean accuracy in % under so many flips in a field of the words; N/A where a set has fewer "
        "bits. Intervals are in the JSON."
    )
    yield ""
    cases = [(field, count) for field in design.fields for count in design.counts]
    yield from table(
        ("set", "weights", *(f"{field}, {count}" for field, count in cases)),
        (
            (
                group.name,
                f"{group.size:,}",
                *(_mean(findings.accuracy(group.name, *case)) for case in cases),
            )
            for group in findings.groups
        ),
    )
    yield from ("### Equal numbers of flips, and equal rates", "")
    yield (
        f"Points of accuracy lost under flips in the {design.exposed}: equally many in every set, "
        "large or small, or at an equal rate per bit, which brings more flips to a larger set."
    )
    yield ""
    rates = [f"at {rate:g} per bit" for rate in design.rates]
    yield from table(
        ("set", f"{findings.most} flips", *rates, "selected"),
        (
            (
                group.name,
                _short(findings.drop([group.name], design.exposed, findings.most)),
                *(_short(findings.drop_at_rate([group.name], rate)) for rate in design.rates),
                "yes" if group.name in findings.selected else "no",
            )
            for group in findings.groups
        ),
    )
    yield from _protected(findings)
    yield from _times(findings)


def _protected(findings: WeightGroupFindings) -> Iterator[str]:
    design = findings.design
    yield from ("### With the code (table 3)", "")
    yield (
        f"Points lost at {design.judged} flips in the {design.exposed} of a set with the code, "
        "from the accuracy without faults and without the code. For selected sets also what the "
        f"code gains under {findings.most} flips (the same flips without and with it, other ones "
        "than those that selected the set), and the mean accuracy in % with it."
    )
    yield ""
    cases = [(field, count) for field in (design.exposed, design.whole) for count in design.counts]
    shown = [g.name for g in findings.groups if g.name in (*findings.precise, *findings.selected)]
    yield from table(
        (
            "set",
            "selected",
            f"lost at {design.judged} flips",
            f"gained at {findings.most}, {design.exposed}",
            f"gained at {findings.most}, {design.whole}",
            *(f"{field}, {count}" for field, count in cases),
        ),
        (
            (
                name,
                "yes" if name in findings.selected else "no",
                _short(findings.drop_protected(name)),
                *(
                    _short(findings.gain(name, field, findings.most))
                    if name in findings.selected
                    else _UNTRIED
                    for field in (design.exposed, design.whole)
                ),
                *(
                    _mean(findings.accuracy_protected(name, *case))
                    if name in findings.selected
                    else _UNTRIED
                    for case in cases
                ),
            )
            for name in shown
        ),
    )


def _times(findings: WeightGroupFindings) -> Iterator[str]:
    if not findings.times:
        return
    yield from ("### Time (table 4)", "")
    yield (
        "A pass over so many samples in ms, with all sets but the embedding protected: with torch's"
        " LSTM, decoded once before the pass; and with the LSTM computed step by step, decoded"
        " before every step. Decoding at every step is compared with the original network, torch's"
        " LSTM without the code, as in the paper, and with steps that are not decoded."
    )
    yield ""
    yield from table(
        (
            "samples in a pass",
            "LSTM of torch",
            "decoded once",
            "times torch's LSTM",
            "step by step",
            "decoded at every step",
            "times step by step",
            "times torch's LSTM",
        ),
        (
            (
                f"{each.samples:,}",
                _short(each.time("plain")),
                _short(each.time("once")),
                _short(each.ratio("once", "plain")),
                _short(each.time("stepwise")),
                _short(each.time("every")),
                _short(each.ratio("every", "stepwise")),
                _short(each.ratio("every", "plain")),
            )
            for each in findings.times
        ),
    )


def _mean(estimate: Estimate | None) -> str:
    return _NONE if estimate is None else f"{100 * estimate.value:.2f}"


def _short(estimate: Estimate | None) -> str:
    """The figure and its interval, without the rest."""
    if estimate is None:
        return _NONE
    unit = "" if estimate.unit == "share" else f" {estimate.unit}"
    return str(estimate).partition(" (")[0].removesuffix(unit)


def _numbers(findings: WeightGroupFindings, name: str) -> dict[str, Any]:
    design = findings.design
    return {
        "name": name,
        "weights": findings.size(name),
        "accuracy": [
            {"field": field, "flips": count, **_facts(findings.accuracy(name, field, count))}
            for field in design.fields
            for count in design.counts
        ],
        "at rates": [
            {"rate": rate, **_facts(findings.accuracy_at_rate(name, rate))} for rate in design.rates
        ],
        "selected": name in findings.selected,
        "points lost with the code": _facts(findings.drop_protected(name)),
        "with the code": [
            {
                "field": field,
                "flips": count,
                "accuracy": _facts(findings.accuracy_protected(name, field, count)),
                "accuracy without it": _facts(findings.accuracy_control(name, field, count)),
                "gain": _facts(findings.gain(name, field, count)),
            }
            for field in (design.whole, design.exposed)
            for count in design.counts
            if name in findings.selected
        ],
    }


def _facts(estimate: Estimate | None) -> dict[str, Any]:
    """The figure, or that there is none as the set has fewer bits than flips."""
    return (
        {"value": None, "why": "fewer bits than flips"}
        if estimate is None
        else estimate_facts(estimate)
    )


def _time_numbers(findings: WeightGroupFindings, at: int) -> dict[str, Any]:
    times = findings.times[at]
    ways = ("plain", "once", "stepwise", "every")
    ratios = (("once", "plain"), ("every", "stepwise"), ("every", "plain"))
    return {
        "samples": times.samples,
        "ms": {way: estimate_facts(times.time(way)) for way in ways},
        "times": {f"{one} / {two}": estimate_facts(times.ratio(one, two)) for one, two in ratios},
    }
