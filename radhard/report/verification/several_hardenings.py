"""Which of several hardenings has the best ratio of benefit to cost?"""

from collections.abc import Sequence
from pathlib import Path

from radhard.comparison import compare
from radhard.cost import TimeRatio
from radhard.errors import InputError
from radhard.report.blocks import Document, Headline, Picture, Section, Table, Text, Tile
from radhard.report.change import change_of, trials_that_would_tell
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.figures import ParetoPoint, pareto
from radhard.report.main_figure import MainFigure, main_figure
from radhard.report.run_wording import model_name, summary
from radhard.report.sections.evidence import digest, evidence
from radhard.report.verification.faults_tried import faults_tried, not_the_same
from radhard.results import Results
from radhard.stats import Estimate, percent
from radhard.verification import covers_in, hardening_in

__all__ = ["several"]

_ALIKE = 1.005
"""Costs whose ratio is below this are the same in a figure."""


def several(before: Results, after: Sequence[Results], stores: Sequence[Path] = ()) -> Document:
    """The content of the report of several hardened versions of one model.

    ``stores`` are the run files, for their SHA-256, that of the unprotected model first.

    Raises:
        InputError: a campaign at error rates, or one without measured costs.
    """
    if not after:
        raise InputError(
            "there is no hardening to compare; give at least one run of a hardened model"
        )
    harm = main_figure(before)
    if before.by_rate or not harm.bounded:
        raise InputError(
            "hardenings can be compared on a page only by a share of predictions, in campaigns "
            "with one fault per trial; use radhard compare"
        )
    models = [ParetoPoint("unprotected", (1.0, 1.0, 1.0), before.rate(harm.column))]
    differences: list[Estimate] = []
    times: list[TimeRatio | None] = [None]
    named = [("unprotected", before)]
    for run in after:
        by, cost = hardening_in(run.manifest)
        if cost is None:
            raise InputError(
                f"the run of {model_name(run)} contains no costs; create it with radhard verify, "
                "or use radhard compare for other runs"
            )
        (row,) = compare(before, run, harm.column).rows
        over = cost.after.over(cost.before)
        time = float("nan") if cost.time is None else cost.time.median
        models.append(ParetoPoint(", ".join(by), (over["bits"], over["macs"], time), row.after))
        differences.append(row.difference)
        times.append(cost.time)
        named.append((", ".join(by), run))
    return Document(
        title=f"Ways to protect {model_name(before)}",
        summary=summary(before),
        warnings=not_the_same(named),
        headline=_headline(models, harm),
        sections=(
            _pareto(models, harm),
            _table(models, differences, times, harm),
            *_covers(after),
            faults_tried(named),
            evidence(before, identities=_identities(named, stores)),
        ),
        version="",
        kind="comparison of hardenings",
    )


def _identities(
    named: Sequence[tuple[str, Results]], stores: Sequence[Path]
) -> tuple[tuple[str, str], ...]:
    """The fingerprints of the hardened models, and the digests of all run files."""
    # That of the unprotected model is there anyway.
    models = [
        (f"model with {name}", str(run.manifest.get("model fingerprint", "not recorded")))
        for name, run in named[1:]
    ]
    return (*models, *(row for store in stores for row in digest(store)))


def _covers(after: Sequence[Results]) -> tuple[Section, ...]:
    lines = list(dict.fromkeys(line for run in after for line in covers_in(run.manifest)))
    texts = tuple(Text(f"{line}.") for line in lines)
    return (Section("covers", "Protected layers", texts),) if texts else ()


def _headline(models: Sequence[ParetoPoint], harm: MainFigure) -> Headline:
    best = min(models, key=lambda model: model.rate.value)
    tiles = tuple(
        Tile(f"{harm.rate}, {model.name}", *read(model.rate)) for model in models if model != best
    )
    meaning = f"The lowest rate is that of {best.name}, at {best.costs[0]:.3f} times the bits."
    if any(other.rate.low <= best.rate.high for other in models if other != best):
        meaning += " Its interval overlaps with that of another one, so the order is uncertain."
    main = Tile(f"{harm.Rate}, {best.name}", *read(best.rate))
    return Headline(main, meaning, tiles, colour="open")


def _pareto(models: Sequence[ParetoPoint], harm: MainFigure) -> Section:
    timed = all(model.costs[2] == model.costs[2] for model in models)
    at = 2 if timed else 1
    costs = {"stored bits": 0, "time per pass" if timed else "multiply-accumulates": at}
    # A cost in which the models hardly differ separates nothing, and its panel would be a column.
    differing = {
        name: number
        for name, number in costs.items()
        if max(m.costs[number] for m in models) > _ALIKE * min(m.costs[number] for m in models)
    }
    across = differing or {"stored bits": 0}
    drawn = [
        ParetoPoint(m.name, tuple(m.costs[number] for number in across.values()), m.rate)
        for m in models
    ]
    finding = "; ".join(
        f"{m.name}: {read(m.rate).value} {read(m.rate).interval} at {m.costs[0]:.3f}x stored bits, "
        f"{m.costs[at]:.3f}x {list(costs)[1]}"
        for m in models
    )
    alike = [name for name in costs if name not in across]
    if alike:
        share = percent(round(_ALIKE - 1, 6))
        finding += f". In {' and '.join(alike)} the models differ by less than {share}"
    picture = Picture(
        "pareto",
        f"{harm.Rate} and cost",
        f"{finding}. Cost and {harm.rate} are lower at the bottom left; the dashed line joins the "
        "models that no other one beats in both, and the bars are 95 % intervals.",
        lambda narrow: pareto(drawn, list(across), harm.rate, narrow),
    )
    return Section("pareto", "Cost and benefit", (picture,))


def _table(
    models: Sequence[ParetoPoint],
    differences: Sequence[Estimate],
    times: Sequence[TimeRatio | None],
    harm: MainFigure,
) -> Section:
    rates, costs = [], []
    for model, change, time in zip(models, [None, *differences], times, strict=True):
        changed = ("-", "-")
        if change is not None:
            changed = f"{read(change).value} {read(change).interval}", change_of(change).word
        rates.append((model.name, read(model.rate).value, read(model.rate).interval, *changed))
        # NaN if the time was not measured.
        paid = [f"{x:.3f}x" if x == x else "-" for x in model.costs]
        span = "" if time is None else f" [{time.low:.3f}, {time.high:.3f}]"
        costs.append((model.name, *paid[:-1], paid[-1] + span))
    bought = Table(
        "Harm",
        ("model", harm.rate, COLUMNS[0], "difference, in points", "the rate is"),
        tuple(rates),
    )
    timed = "; times are medians, with the smallest and the largest" if any(times) else ""
    prices = Table(
        f"Cost, as multiples of the unprotected model{timed}",
        ("model", "stored bits", "multiply-accumulates", "time per pass"),
        tuple(costs),
    )
    unsure = [
        Text(f"{model.name}: {text}")
        for model, change in zip(models[1:], differences, strict=True)
        if change_of(change).direction == "open" and (text := trials_that_would_tell(change))
    ]
    return Section("rows", "One by one", (bought, *unsure, prices))
