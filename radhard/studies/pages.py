"""How does a study read as a page?"""

from collections.abc import Iterator

from radhard.stats import percent
from radhard.studies.drawn import drawn
from radhard.studies.findings import Findings, short
from radhard.studies.markdown import JUDGED, judged, table
from radhard.studies.networks import Network
from radhard.studies.study import Study
from radhard.studies.told import Told, numbers

__all__ = ["study_texts"]


def study_texts(told: Told) -> dict[str, str]:
    """The page (Markdown), its figures (SVG) and every number (JSON), by the name of the file."""
    name = told.study.name
    texts = {f"{name}.md": _page(told), f"{name}.json": numbers(told)}
    for _, found in told.found:
        for common in (False, True):
            texts[_picture(told.study, found, common)] = drawn(told.study, found, common=common)
    return texts


def _picture(study: Study, found: Findings, common: bool) -> str:
    return f"{study.name}-{found.network}-{'common' if common else 'own'}.svg"


def _page(told: Told) -> str:
    study, plan = told.study, told.plan
    lines = [
        f"# {study.title}",
        "",
        f"`{told.command}`",
        "",
        f"Seed {plan.seed}, {plan.runs:,} trials at each rate, {told.versions}. Written by this "
        "command; not to be edited.",
        "",
        f"{study.about} ({study.source})",
        "",
        f"Intervals are of 95 %, over the trials. {JUDGED}",
        "",
    ]
    for network, found in told.found:
        lines += _network(study, network, found)
    return "\n".join(lines).rstrip() + "\n"


def _network(study: Study, network: Network, found: Findings) -> Iterator[str]:
    right = found.base.right
    yield from (
        f"## {found.network}",
        "",
        f"{network.about}; stored as `{study.format!r}` it gets {percent(float(right.mean()))} of "
        f"{len(right):,} test images right, {percent(found.base.accuracy)} of the first "
        f"{found.images:,}, which the trials look at.",
        "",
        "### What the paper says",
        "",
    )
    yield from judged(study.claims(found))
    for common in (False, True):
        faults = (
            "The same faults in what the unprotected network stores"
            if common
            else "All that each network stores is struck, at the same rate per bit"
        )
        yield from (
            f"### {faults}",
            "",
            f"![Accuracy over the bit error rate]({_picture(study, found, common)})",
            "",
            "Points of accuracy lost, of the unprotected network without faults less the one "
            "under faults:",
            "",
        )
        names = list(found.measured)
        rows = [
            (f"{rate:g}", *(short(found.drop(name, [rate], common=common)) for name in names))
            for rate in found.rates
        ]
        yield from table(("rate per bit", *names), rows)
        if not common:
            yield from ("Bits struck in a trial, in the mean:", "")
            yield from table(("rate per bit", *names), _flips(found))
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
        _costs(found),
    )


def _flips(found: Findings) -> list[tuple[str, ...]]:
    return [
        (f"{rate:g}", *(f"{m.own.flips[rate]:,.3g}" for m in found.measured.values()))
        for rate in found.rates
    ]


def _costs(found: Findings) -> Iterator[tuple[str, ...]]:
    for name, measured in found.measured.items():
        cost = measured.cost
        ratio = cost.after.over(cost.before)
        yield (
            name,
            f"{found.free_drop(name).value:.2f}",
            short(found.free_drop_elsewhere(name)),
            f"{cost.after.bits:,} ({100 * (ratio['bits'] - 1):+.4f} %)",
            f"{cost.after.macs:,} ({ratio['macs']:.3f}x)",
            "" if cost.time is None else f"{cost.time.median:.3f}x",
            measured.hardening,
        )
