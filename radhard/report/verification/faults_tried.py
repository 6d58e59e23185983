"""Which faults did each run of a report try, and are they the same?"""

from collections.abc import Sequence

from radhard.comparison import compare
from radhard.report.blocks import Section, Table
from radhard.results import Results

__all__ = ["faults_tried", "not_the_same"]


def faults_tried(named: Sequence[tuple[str, Results]]) -> Section:
    """One row per run: space, sampler, seed, and whether the trials are those of the first run."""
    first = named[0][1]
    rows = []
    for name, run in named:
        same = "-" if run is first else _why_not(first, run) or "the same faults"
        model = str(run.manifest.get("model fingerprint") or "")[:12] or "not recorded"
        rows.append(
            (
                name,
                f"{', '.join(map(repr, run.space.faults))} in {len(run.space):,}",
                f"{len(run):,} of {run.planned:,} by {run.sampler!r}",
                f"seed {run.seed}",
                str(run.manifest.get("samples", "not recorded")),
                model,
                same,
            )
        )
    heads = (
        "run",
        "faults",
        "trials",
        "seed",
        "samples",
        "model fingerprint",
        "compared with the first",
    )
    return Section(
        "faults", "Which faults each run tried", (Table("Faults tried", heads, tuple(rows)),)
    )


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
