"""Which of several hardenings has the best ratio of benefit to cost?"""

from collections.abc import Sequence
from pathlib import Path

from radhard.comparison import compare
from radhard.errors import InputError
from radhard.report.blocks import Document, Headline, Picture, Section, Table, Text, Tile
from radhard.report.change import change_of, trials_that_would_tell
from radhard.report.estimate_cells import COLUMNS, read, read_column, with_interval
from radhard.report.figures import ParetoPoint, pareto
from radhard.report.main_figure import MainFigure, main_figure
from radhard.report.point_differences import numbers_in_points
from radhard.report.run_wording import model_name, summary
from radhard.report.sections.evidence import digest, evidence
from radhard.report.verification.change_by_group import rows_by_fault
from radhard.report.verification.faults_tried import faults_tried, not_the_same
from radhard.report.verification.run_pair import RunPair
from radhard.results import Results
from radhard.stats import Estimate, percent
from radhard.verification import covers_in, hardening_in, profiles_in

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
        spans = (None, None, None if cost.time is None else (cost.time.low, cost.time.high))
        costs = (over["bits"], over["macs"], time)
        models.append(ParetoPoint(", ".join(by), costs, row.after, spans))
        differences.append(row.difference)
        named.append((", ".join(by), run))
    return Document(
        title=f"Ways to protect {model_name(before)}",
        summary=summary(before),
        warnings=not_the_same(named),
        headline=_headline(models, harm),
        sections=(
            _pareto(models, harm),
            _table(models, differences, harm),
            *_by_fault(named, harm),
            *_covers(after),
            faults_tried(named),
            evidence(before, assumed=_profiles(after), identities=_identities(named, stores)),
        ),
        version="",
        kind="comparison of hardenings",
    )


def _by_fault(named: Sequence[tuple[str, Results]], harm: MainFigure) -> tuple[Section, ...]:
    """The answer for each hardening under each fault model, where there are several."""
    (_, before), *after = named
    rows = []
    for name, run in after:
        for row in rows_by_fault(RunPair(before, run), harm.column):
            change = read(numbers_in_points(row.difference))
            cells = (row.group, name, read(row.before).value, *read(row.after)[:2])
            rows.append((*cells, str(change), change_of(row.difference).word))
    if not rows:
        return ()
    columns = (
        *("fault model", "model", f"{harm.rate}, unprotected", harm.rate),
        *(COLUMNS[0], "difference, points", "the rate is"),
    )
    table = Table("Harm under each fault model", columns, tuple(sorted(rows)), words=2)
    return (Section("fault-models", "Fault models", (table,)),)


def _profiles(after: Sequence[Results]) -> tuple[tuple[str, str], ...]:
    """On which data the hardenings were profiled, and that what they add may be faulty."""
    lines = list(dict.fromkeys(line for run in after for line in profiles_in(run.manifest)))
    unknown = "Not recorded in these run files."
    return (
        ("profile", " ".join(lines) or unknown),
        (
            "upsets",
            "Faults in what a hardening adds are not counted here; the page of its verification "
            "has them.",
        ),
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
    drawn = [m.at(across.values()) for m in models]
    finding = "; ".join(
        f"{m.name} {with_interval(m.rate)} at "
        + " and ".join(f"{m.costs[n]:.3f}x{_span(m, n)} the {name}" for name, n in across.items())
        for m in models
    )
    finding = f"{harm.Rate}: {finding}"
    alike = [name for name in costs if name not in across]
    if alike:
        share = percent(round(_ALIKE - 1, 6))
        finding += f". In {' and '.join(alike)} the models differ by less than {share}"
    picture = Picture(
        "pareto",
        f"{harm.Rate} and cost",
        f"{finding}. Cost and rate are lower at the bottom left; the dashed line joins the models "
        f"that no other one beats in both. {_bars(timed and 'time per pass' in across)}",
        lambda narrow: pareto(drawn, list(across), harm.rate, narrow),
    )
    return Section("pareto", "Cost and benefit", (picture,))


def _timed(models: Sequence[ParetoPoint]) -> bool:
    """Whether the time of a pass was measured with any model."""
    return any(_span(model, 2) for model in models)


def _span(model: ParetoPoint, at: int) -> str:
    """The smallest and the largest of a cost that was measured; empty for one that was counted."""
    span = model.spans[at] if model.spans else None
    return "" if span is None else f" [{span[0]:.3f}, {span[1]:.3f}]"


def _bars(timed: bool) -> str:
    text = "Vertical bars are 95 % intervals"
    if timed:
        text += "; horizontal ones, and brackets after a time, the smallest and largest ratio"
    return f"{text}."


def _table(
    models: Sequence[ParetoPoint],
    differences: Sequence[Estimate],
    harm: MainFigure,
) -> Section:
    rates, costs = [], []
    readings = read_column([model.rate for model in models])
    for model, reading, change in zip(models, readings, [None, *differences], strict=True):
        changed = ("-", "-")
        if change is not None:
            changed = str(read(numbers_in_points(change))), change_of(change).word
        rates.append((model.name, reading.value, reading.interval, *changed))
        # NaN if the time was not measured.
        paid = [f"{x:.3f}x" if x == x else "-" for x in model.costs]
        costs.append((model.name, *paid[:-1], paid[-1] + _span(model, len(paid) - 1)))
    bought = Table(
        "Harm",
        ("model", harm.rate, COLUMNS[0], "difference, points", "the rate is"),
        tuple(rates),
    )
    timed = "; times are medians, with the smallest and the largest" if _timed(models) else ""
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
