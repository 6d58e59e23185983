"""Which sections does the report of two runs side by side contain?"""

from dataclasses import replace
from pathlib import Path

from radhard.comparison import Row, compare
from radhard.errors import InputError
from radhard.report.blocks import Document, Headline, Section, Table, Tile, Verdict
from radhard.report.change import as_sentence, chance_of, change_of, trials_that_would_tell
from radhard.report.estimate_cells import read
from radhard.report.main_figure import MainFigure, main_figure
from radhard.report.point_differences import in_points
from radhard.report.run_wording import summary, title
from radhard.report.sections.evidence import evidence
from radhard.report.verification.change_by_group import (
    change_by_bit,
    change_by_fault,
    change_by_tensor,
)
from radhard.report.verification.faults_made_worse import faults_made_worse
from radhard.report.verification.faults_tried import faults_tried
from radhard.report.verification.figures_compared import figures_compared
from radhard.report.verification.outcomes_compared import outcomes_compared
from radhard.report.verification.run_pair import RunPair
from radhard.results import Results

__all__ = ["comparison_document"]


def comparison_document(first: Results, second: Results, names: tuple[str, str]) -> Document:
    """The content of the report of two runs; ``names`` are those of their run files.

    Raises:
        InputError: no common figure, or a figure without bounds.
    """
    harm = main_figure(first)
    if not harm.bounded:
        raise InputError(
            f"{harm.column} has no bounds, so that its means have no valid interval; use radhard "
            "compare --figure"
        )
    pair = RunPair(first, second, ("in the first", "in the second"), "in both runs")
    why = compare(first, second, harm.column).why_unpaired
    sections: list[Section | None] = [
        outcomes_compared(pair),
        figures_compared(pair, harm),
        change_by_fault(pair, harm),
        change_by_tensor(pair, harm),
        change_by_bit(pair, harm),
        faults_made_worse(pair, harm, "in the second run"),
        faults_tried([(names[0], first), (names[1], second)]),
        *(
            _named(evidence(run, Path(name)), number)
            for number, (run, name) in enumerate(zip(pair.runs, names, strict=True), start=1)
        ),
    ]
    return Document(
        title=f"{Path(names[0]).stem} and {Path(names[1]).stem}",
        summary=f"First: {_sentence(first)} Second: {_sentence(second)}",
        warnings=(f"The trials are not the same faults: {why}.",) if why else (),
        headline=_headline(pair, harm),
        sections=tuple(section for section in sections if section is not None),
        version=str((second.manifest.get("environment") or {}).get("radhard", "")),
        kind="comparison of two runs",
    )


def _sentence(run: Results) -> str:
    return f"{title(run)}. {summary(run)}"


def _named(section: Section, number: int) -> Section:
    which = "first" if number == 1 else "second"
    # Two tables of one page must not have one name, by which a screen reader lists them.
    blocks = tuple(
        replace(block, caption=f"{block.caption}, {which} run")
        if isinstance(block, Table)
        else block
        for block in section.blocks
    )
    return Section(f"{section.name}-{number}", f"{section.title}, {which} run", blocks)


def _headline(pair: RunPair, harm: MainFigure) -> Headline:
    row = compare(*pair.runs, harm.column).rows[-1]
    grouping = pair.before.trials.grouping
    at = f" {grouping.at} {row.group}" if grouping is not None and row.group else ""
    tiles = (
        Tile(f"{harm.rate}{at}, first run", *read(row.before)),
        Tile(f"{harm.rate}{at}, second run", *read(row.after)),
    )
    change = change_of(row.difference)
    more = trials_that_would_tell(row.difference) if change.direction == "open" else ""
    # Neither run is meant to be the better one, so that the box has no colour of good or bad.
    verdict = Verdict(change.sentence("in the second run"), "open", more)
    main = Tile(f"{harm.Rate}{at}: second run minus first", *read(in_points(row.difference)))
    return Headline(main, _pairs(row), tiles, (verdict,), colour="open")


def _pairs(row: Row) -> str:
    if pairs := row.lower + row.equal + row.higher:
        return (
            f"Of {pairs:,} faults {row.lower:,} do less harm in the second run, {row.higher:,} "
            f"more. {as_sentence(row.against_pairs)}{chance_of(row.p_value)}"
        )
    return f"These are two independent campaigns. {chance_of(row.p_value)}"
