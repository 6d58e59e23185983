"""How are faults that end at the faulty layer presented?"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

from radhard.stats import Estimate, percent
from radhard.studies.early_stops.early_stop_findings import EarlyStopFindings, Inputs, StoppedTrials
from radhard.studies.markdown import table
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection

__all__ = ["early_stop_section"]

Key = Callable[[StoppedTrials], str]


def early_stop_section(network: Network, findings: EarlyStopFindings) -> NetworkSection:
    """The section of a page on one network, with all numbers."""
    return NetworkSection(
        intro=f"{network.about}, in integers of 8 bits. Ranges from {findings.analyzed:,} training "
        f"images, in {findings.seconds:,.0f} s of processor time; guard {findings.guard:g}.",
        body=[*_body(findings)],
        figures={},
        numbers={
            "analyzed": findings.analyzed,
            "guard": findings.guard,
            "seconds": findings.seconds,
            "groups": [asdict(group) for group in findings.groups],
        },
    )


def _body(findings: EarlyStopFindings) -> Iterator[str]:
    keys: dict[str, Key] = {
        "layer": lambda group: group.layer,
        "dataflow": lambda group: group.dataflow.replace("_", " "),
        "register": lambda group: group.register,
    }
    for name, key in keys.items():
        yield from (f"### By {name}", "")
        yield from _table(findings, name, key)
    yield from ("### By guard", "")
    yield from _guards(findings)
    yield from ("### By layer, dataflow and register, unseen images", "")
    yield from table(
        ("layer", "dataflow", "register", "ended at the layer", "no neuron deviates"),
        [
            (
                group.layer,
                group.dataflow.replace("_", " "),
                group.register,
                _text(findings.share(group.__eq__)),
                percent(group.masked / group.trials),
            )
            for group in findings.chosen(lambda group: group.inputs == "unseen")
        ],
    )


def _table(findings: EarlyStopFindings, name: str, key: Key) -> Iterator[str]:
    rows = []
    every = findings.chosen(lambda _: True)
    for value in dict.fromkeys(map(key, every)):

        def unseen(group: StoppedTrials, value: str = value) -> bool:
            return key(group) == value and group.inputs == "unseen"

        def analyzed(group: StoppedTrials, value: str = value) -> bool:
            return key(group) == value and group.inputs == "analyzed"

        masked = sum(group.masked for group in every if unseen(group))
        trials = sum(group.trials for group in every if unseen(group))
        rows.append(
            (
                value,
                _text(findings.share(unseen)),
                percent(masked / trials),
                _text(findings.agreement(unseen)),
                _text(findings.agreement(analyzed)),
            )
        )
    yield from table(
        (
            name,
            "ended at the layer, unseen images",
            "no neuron deviates",
            "agreement, unseen images",
            "agreement, analyzed images",
        ),
        rows,
    )


def _guards(findings: EarlyStopFindings) -> Iterator[str]:
    kinds: tuple[Inputs, ...] = ("analyzed", "held out", "unseen")
    rows = []
    for guard in sorted({group.guard for group in findings.groups}):
        agreements = [findings.agreement(partial(_of, kind), guard=guard) for kind in kinds]
        ended = findings.share(lambda group: group.inputs == "unseen", guard=guard)
        deviating = findings.chosen(lambda group: group.inputs == "unseen", guard)
        settled = sum(group.settled for group in deviating)
        changed = sum(group.trials - group.masked for group in deviating)
        rows.append(
            (
                f"{guard:g}",
                _text(ended),
                percent(settled / changed) if changed else "",
                *map(_text, agreements),
            )
        )
    yield from table(
        (
            "guard",
            "ended at the layer, unseen images",
            "of those that change a neuron",
            *(f"agreement, {kind} images" for kind in kinds),
        ),
        rows,
    )


def _of(inputs: Inputs, group: StoppedTrials) -> bool:
    return group.inputs == inputs


def _text(estimate: Estimate | None) -> str:
    if estimate is None:
        return "none settled"
    limits = f"[{percent(estimate.low)}, {percent(estimate.high)}]"
    return f"{percent(estimate.value)} {limits}"
