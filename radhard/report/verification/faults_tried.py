"""Which faults did each run of a report try, and are they the same?"""

from collections.abc import Sequence

from radhard.comparison import compare
from radhard.report.blocks import Section, Table
from radhard.results import Results

__all__ = ["faults_tried", "not_the_same"]


def faults_tried(named: Sequence[tuple[str, Results]]) -> Section:
    """A column per run: space, sampler, seed, and whether the trials are those of the first run."""
    first = named[0][1]
    runs = [run for _, run in named]
    rows = (
        ("faults", *(f"{', '.join(map(repr, r.space.faults))} in {len(r.space):,}" for r in runs)),
        ("trials", *(f"{len(run):,} of {run.planned:,} by {run.sampler!r}" for run in runs)),
        ("seed", *(f"seed {run.seed}" for run in runs)),
        ("samples", *(str(run.manifest.get("samples", "not recorded")) for run in runs)),
        ("model fingerprint", *(_model(run) for run in runs)),
        (
            "compared with the first",
            *("-" if r is first else _why_not(first, r) or "the same faults" for r in runs),
        ),
    )
    heads = ("property", *(name for name, _ in named))
    table = Table("Faults tried", heads, rows, words=len(heads))
    return Section("faults", "Which faults each run tried", (table,))


def _model(run: Results) -> str:
    return str(run.manifest.get("model fingerprint") or "")[:12] or "not recorded"


def not_the_same(named: Sequence[tuple[str, Results]]) -> tuple[str, ...]:
    """A sentence for every run whose trials differ from those of the first."""
    first = named[0][1]
    return tuple(
        f"The faults of {name} (seed {run.seed}) are not those of {named[0][0]} (seed "
        f"{first.seed}): {why}. Its difference is that of two independent campaigns."
        for name, run in named[1:]
        if (why := _why_not(first, run))
    )


def _why_not(first: Results, run: Results) -> str:
    why = compare(first, run).why_unpaired
    if not why and first.numbers.tolist() != run.numbers.tolist():
        return "not the same trials have been executed"
    return why
