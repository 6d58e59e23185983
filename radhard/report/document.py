"""Which sections does the report of a run contain?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from radhard.errors import InputError
from radhard.report.blocks import Document, Section
from radhard.report.limit_verdicts import limit_verdicts
from radhard.report.main_figure import main_figure
from radhard.report.run_wording import summary, title
from radhard.report.sections.array_elements import array_elements
from radhard.report.sections.bit_positions import bit_positions
from radhard.report.sections.convergence import convergence
from radhard.report.sections.drill_down import drill_down
from radhard.report.sections.error_rates import error_rates
from radhard.report.sections.evidence import evidence, repeat
from radhard.report.sections.failures_in_time import failures
from radhard.report.sections.figures_left import figures_left
from radhard.report.sections.harm_by_class import harm_by_class
from radhard.report.sections.harm_by_sample import harm_by_sample
from radhard.report.sections.headline import headline
from radhard.report.sections.outcomes import outcomes
from radhard.report.sections.rates_by_bit_and_tensor import cells
from radhard.report.sections.sample_sizes import sizes
from radhard.report.sections.spread import spread
from radhard.report.sections.tensors import tensors
from radhard.report.sections.trial_export import trial_export
from radhard.report.sections.worst import worst
from radhard.results import Results
from radhard.stats import LimitCheck, percent

__all__ = ["document"]


def document(
    results: Results,
    *,
    store: str | Path | None = None,
    fit_per_bit: float | None = None,
    checks: Sequence[LimitCheck] = (),
) -> Document:
    """The content of the report of a run.

    ``store`` is the run file, for the commands in the report; ``fit_per_bit`` is the raw failure
    rate of one bit in FIT; ``checks`` are the limits that were asked for.
    """
    if not isinstance(results, Results):
        # By name: the page of a run does without hardenings and analyses.
        kind = type(results).__name__
        others = {"Verification": "write_verification", "Scores": "write_scores"}
        other = f"; its page is written by rh.report.{others[kind]}" if kind in others else ""
        raise InputError(
            f"the results are {kind}{other or '; give Results, as run returns them, and the path'}"
        )
    store = None if store is None else Path(store)
    kept = bool(checks) and all(check.passed for check in checks)
    first = headline(results, limits_kept=kept)
    environment = results.manifest.get("environment")
    versions = environment if isinstance(environment, dict) else {}
    return Document(
        title=title(results),
        summary=summary(results),
        warnings=_warnings(results),
        headline=replace(first, verdicts=(*limit_verdicts(checks), *first.verdicts)),
        sections=tuple(s for s in _sections(results, store, fit_per_bit, checks) if s is not None),
        version=str(versions.get("radhard", "")),
    )


def _sections(
    results: Results,
    store: Path | None,
    fit_per_bit: float | None,
    checks: Sequence[LimitCheck],
) -> list[Section | None]:
    harm = main_figure(results)
    sections: list[Section | None] = []
    if len(results):
        sections.append(outcomes(results))
        if harm.bounded and results.by_rate:
            sections.append(error_rates(results, harm))
        elif harm.bounded:
            sections += [bit_positions(results, harm), tensors(results, harm), cells(results, harm)]
            sections += [drill_down(results, harm), array_elements(results, harm)]
        sections += [harm_by_class(results, harm), harm_by_sample(results, harm)]
        sections.append(worst(results, harm, store))
        if harm.bounded:
            sections += [spread(results, harm), convergence(results, harm)]
        sections.append(figures_left(results))
    sections.append(sizes(results, harm))
    if len(results):
        sections.append(failures(results, harm, fit_per_bit))
        sections.append(trial_export(results, harm, store))
    return [*sections, evidence(results, store, checks=checks), repeat(results, store)]


def _warnings(results: Results) -> tuple[str, ...]:
    doubts = tuple(str(note) for note in results.notes if note.kind == "near chance")
    if results.complete:
        return doubts
    done, planned = len(results), results.planned
    text = (
        f"Unfinished: {done:,} of {planned:,} planned trials ({percent(done / planned)}) have been "
        "executed so far. Strata are executed one after the other, so the later parts of the fault "
        "space may have no trials yet."
    )
    return (text, *doubts)
