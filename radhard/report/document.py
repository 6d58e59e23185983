"""What does the report of a run say, from top to bottom?"""

from pathlib import Path

from radhard.report.blocks import Document, Section
from radhard.report.main_figure import main_figure
from radhard.report.run_wording import asked, title
from radhard.report.sections.bit_positions import bit_positions
from radhard.report.sections.circumstances import circumstances, repeat
from radhard.report.sections.error_rates import error_rates
from radhard.report.sections.failures_in_time import failures
from radhard.report.sections.figures_left import figures_left
from radhard.report.sections.headline import headline
from radhard.report.sections.outcomes import outcomes
from radhard.report.sections.rates_by_bit_and_tensor import cells
from radhard.report.sections.sample_sizes import sizes
from radhard.report.sections.spread import spread
from radhard.report.sections.tensors import tensors
from radhard.report.sections.worst import worst
from radhard.results import Results
from radhard.stats import percent

__all__ = ["document"]


def document(
    results: Results, *, store: str | Path | None = None, fit_per_bit: float | None = None
) -> Document:
    """All that a report says, the same for the page and for the text.

    ``store`` is the run file, so that lines to copy can name it; ``fit_per_bit`` the raw failure
    rate of one bit in FIT.
    """
    store = None if store is None else Path(store)
    environment = results.manifest.get("environment")
    known = environment if isinstance(environment, dict) else {}
    return Document(
        title=title(results),
        asked=asked(results),
        warnings=_warnings(results),
        headline=headline(results),
        sections=tuple(s for s in _sections(results, store, fit_per_bit) if s is not None),
        version=str(known.get("radhard", "")),
    )


def _sections(
    results: Results, store: Path | None, fit_per_bit: float | None
) -> list[Section | None]:
    harm = main_figure(results)
    found: list[Section | None] = []
    if len(results):
        found.append(outcomes(results))
        if harm.bounded and results.by_rate:
            found.append(error_rates(results, harm))
        elif harm.bounded:
            found += [bit_positions(results, harm), tensors(results, harm), cells(results, harm)]
        found.append(worst(results, harm, store))
        if harm.bounded:
            found.append(spread(results, harm))
        found.append(figures_left(results))
    found.append(sizes(results, harm))
    if len(results):
        found.append(failures(results, harm, fit_per_bit))
    return [*found, circumstances(results), repeat(results, store)]


def _warnings(results: Results) -> tuple[str, ...]:
    if results.complete:
        return ()
    done, planned = len(results), results.planned
    text = (
        f"Unfinished: {done:,} of {planned:,} planned trials ({percent(done / planned)}) have been "
        "executed so far. Trials run part after part, so that the later parts of the fault space "
        "may not have been tried at all."
    )
    return (text,)
