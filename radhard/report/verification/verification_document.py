"""Which sections does the report of a verification contain?"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from radhard.comparison import Row
from radhard.errors import InputError
from radhard.report.blocks import Code, Document, Headline, Section, Table, Text, Tile, Verdict
from radhard.report.change import as_sentence, chance_of
from radhard.report.estimate_cells import read
from radhard.report.limit_verdicts import limit_verdicts
from radhard.report.main_figure import MainFigure, main_figure
from radhard.report.odds import odds
from radhard.report.point_differences import in_points
from radhard.report.run_wording import model_name, where
from radhard.report.sections.evidence import evidence
from radhard.report.trust_option import trust_to_execute, trust_to_open
from radhard.report.verification.change_by_group import (
    change_by_bit,
    change_by_fault,
    change_by_tensor,
    rows_by_fault,
)
from radhard.report.verification.faults_made_worse import faults_made_worse
from radhard.report.verification.faults_tried import faults_tried
from radhard.report.verification.figures_compared import figures_compared
from radhard.report.verification.hardening_verdict import hardening_verdict
from radhard.report.verification.outcomes_compared import outcomes_compared
from radhard.report.verification.run_pair import RunPair
from radhard.report.verification.upsets_section import upset
from radhard.stats import LimitCheck
from radhard.verification import Verification, profiles_in

__all__ = ["cost_table", "verification_document"]


def verification_document(
    verification: Verification,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> Document:
    """The content of the report of a verification."""
    if not isinstance(verification, Verification):
        raise InputError(
            f"the verification is {type(verification).__name__}; give what rh.verify returns; the "
            "page of a run is written by rh.report.write"
        )
    harm = main_figure(verification.after)
    pair = RunPair(verification.before, verification.after)
    sections: list[Section | None] = [
        outcomes_compared(pair),
        figures_compared(pair, harm, _losses(verification)),
        change_by_fault(pair, harm),
        change_by_tensor(pair, harm),
        change_by_bit(pair, harm),
        faults_made_worse(pair, harm, "in the hardened model"),
        _covers(verification),
        upset(verification, fit_per_bit),
        _cost(verification),
        faults_tried([("before", verification.before), ("hardened", verification.after)]),
        _evidence(verification, store, checks),
        _repeat(verification, store),
    ]
    name = model_name(verification.before)
    return Document(
        title=f"{', '.join(verification.by) or 'A change'} on {name}",
        summary=_summary(verification),
        warnings=tuple(verification.notes) + _unpaired(verification),
        headline=_headline(verification, pair, harm, limit_verdicts(checks)),
        sections=tuple(section for section in sections if section is not None),
        version=str((verification.after.manifest.get("environment") or {}).get("radhard", "")),
        kind="verification of a hardened model",
    )


def cost_table(verification: Verification) -> Table | None:
    """The cost of the hardening; None if it was not measured."""
    if verification.cost is None:
        return None
    return Table(
        "Cost",
        ("counted", "before", "after", "as a multiple"),
        tuple(verification.cost.rows()),
    )


def _summary(verification: Verification) -> str:
    trials = len(verification.after)
    if verification.comparison.paired:
        return (
            f"The {trials:,} trials of the campaign in {where(verification.before)} were repeated "
            "on the hardened model, with the same faults and samples."
        )
    return (
        f"{trials:,} trials on the hardened model are compared with those in "
        f"{where(verification.before)}."
    )


def _unpaired(verification: Verification) -> tuple[str, ...]:
    comparison = verification.comparison
    if comparison.paired:
        return ()
    return (f"The trials are not the same faults: {comparison.why_unpaired}.",)


def _headline(
    verification: Verification, pair: RunPair, harm: MainFigure, limits: tuple[Verdict, ...]
) -> Headline:
    # The last row is the whole or, of several error rates, the highest.
    row = verification.comparison.rows[-1]
    grouping = verification.before.trials.grouping
    at = f" {grouping.at} {row.group}" if grouping is not None and row.group else ""
    tiles = [
        Tile(f"{harm.rate} before{at}", *read(row.before)),
        Tile("difference", *read(in_points(row.difference))),
    ]
    lost = (verification.loss() or {}).get(row.group)
    if lost is not None:
        tiles.append(Tile("accuracy loss by faults and hardening together", *read(in_points(lost))))
    if verification.cost is not None:
        after = verification.cost.after.over(verification.cost.before)
        tiles.append(Tile("stored bits", f"{after['bits']:.3f}x"))
        tiles.append(Tile("multiply-accumulates", f"{after['macs']:.3f}x"))
        if (time := verification.cost.time) is not None:
            basis = f"smallest to largest of {time.basis}"
            span = f"[{time.low:.3f}, {time.high:.3f}]"
            tiles.append(Tile("time per pass", f"{time.median:.3f}x", span, basis))
    main = Tile(f"{harm.Rate}, hardened{at}", *read(row.after))
    verdict = hardening_verdict(row)
    # The mean over fault models hides that a protection harms under one of them.
    by_fault = rows_by_fault(pair, harm.column)
    verdicts = [hardening_verdict(row, under=f"Under {row.group}") for row in by_fault]
    return Headline(
        main, _meaning(row), tuple(tiles), (*limits, verdict, *verdicts), verdict.direction
    )


def _meaning(row: Row) -> str:
    text = ""
    if 0 < row.after.value < 1 and row.after.unit == "share":
        still = odds(row.after.value, "prediction")
        text = f"{still[0].upper()}{still[1:]} is still changed or lost. "
    pairs = row.lower + row.equal + row.higher
    if not pairs:
        return f"{text}The runs are not paired. {chance_of(row.p_value)}"
    return (
        f"{text}Of {pairs:,} faults {row.lower:,} do less harm than before, {row.higher:,} more. "
        f"{as_sentence(row.against_pairs)}{chance_of(row.p_value)}"
    )


def _losses(verification: Verification) -> tuple[Text, ...]:
    return tuple(
        Text(
            f"Accuracy of the unprotected model without faults minus that of the hardened one with "
            f"them{f' at {group}' if group else ''}: {in_points(drop)}."
        )
        for group, drop in (verification.loss() or {}).items()
    )


def _cost(verification: Verification) -> Section | None:
    table = cost_table(verification)
    if table is None:
        return None
    text = Text(
        "Stored bits include copies, bounds and check values. The time is the median "
        "over paired turns on one thread, with the smallest and the largest."
    )
    return Section("cost", "Cost", (table, text))


def _covers(verification: Verification) -> Section | None:
    if not verification.covers:
        return None
    lines = tuple(Text(f"{line}.") for line in verification.covers)
    return Section("covers", "Protected layers", lines)


def _evidence(
    verification: Verification, store: str | Path | None, checks: Sequence[LimitCheck]
) -> Section:
    """That of the hardened run, with the hardening, its profile and the unprotected model."""
    before = verification.before.manifest
    if profiles := profiles_in(verification.after.manifest):
        profile = " ".join(profiles)
    elif verification.by:
        profile = "The protection was not profiled on these samples, as far as its record says."
    else:
        profile = "Not known, as the model has no record of a hardening."
    return evidence(
        verification.after,
        None if store is None else Path(store),
        checks=checks,
        asked=(("hardening", ", ".join(verification.by) or "not recorded"),),
        assumed=(
            ("profile", profile),
            ("upsets", "What the hardening adds is as likely to be faulty as what was there."),
        ),
        identities=(("unprotected model", str(before.get("model fingerprint", "not recorded"))),),
    )


def _repeat(verification: Verification, store: str | Path | None) -> Section | None:
    if store is None:
        return None
    file = Path(store)
    blocks: list[Text | Code] = []
    base, model = (verification.after.manifest.get(key) for key in ("replayed", "model"))
    if isinstance(base, str) and isinstance(model, str):
        words = [base, "--model", model, "--store", file.with_stem(f"{file.stem}-again").as_posix()]
        weights = verification.after.manifest.get("unprotected weights")
        words += ["--weights", weights] if isinstance(weights, str) else []
        trust = trust_to_execute(verification.before, verification.after)
        allowed = " (--trust allows the code that the files name)" if trust else ""
        blocks = [
            Text(f"The same faults give the same outcomes{allowed}:"),
            Code(f"radhard verify {shlex.join(words)}{trust}", "sh"),
        ]
    line = f"radhard report {shlex.quote(file.as_posix())}{trust_to_open(verification.after)}"
    text = Text("The trials on the hardened model are a separate run:")
    return Section("repeat", "How to repeat it", (*blocks, text, Code(line, "sh")))
