"""Which faults were the worst, and how are they repeated?"""

from pathlib import Path

from radhard.report.blocks import Code, Section, Table, Text
from radhard.report.main_figure import MainFigure
from radhard.report.run_wording import name_of
from radhard.results import Results
from radhard.stats import percent

__all__ = ["worst"]

_N = 10


def worst(results: Results, harm: MainFigure, store: Path | None) -> Section:
    """The trials with the highest figure, each with a line of Python that repeats it."""
    values = results.values(harm.column)
    frame = results.worst(min(_N, int((values > 0).sum())), harm.column)
    if not len(frame):
        text = f"The {harm.rate} is 0 in all {len(results):,} trials."
        return Section("worst", "The worst faults", (Text(text),))
    rows, first = [], ""
    for _, row in frame.iterrows():
        trial = int(row["trial"])
        value = float(row[harm.column])
        if (grouping := results.trials.grouping) is not None:
            n = int(row["faults"])
            what = f"{n:,} fault{'' if n == 1 else 's'} at {row[grouping.name]}"
            which = f"results.trials[{trial}]"
        else:
            what = results.space.describe(int(row["fault"]))
            which = str(int(row["fault"]))
        text = percent(round(value, 12)) if harm.bounded else f"{value:.4g}"
        first = first or which
        rows.append((what, text, f"with rh.inject(model, space, {which}): ..."))
    table = Table(
        f"The {len(rows)} trial{'' if len(rows) == 1 else 's'} with the most {harm.effect}",
        ("fault", harm.effect, "to see it"),
        tuple(rows),
        shown=_N,
        code=(2,),
    )
    text = "Results of single trials on the samples of the run. To repeat one, inject its fault:"
    return Section(
        "worst", "The worst faults", (table, Text(text), Code(_python(results, store, first)))
    )


def _python(results: Results, store: Path | None, which: str) -> str:
    """Code that opens the run and injects the faults ``which``."""
    name, formats = name_of(results, "model"), results.space.formats_by_pattern
    load = f"rh.models.load({name!r})" if name else "..."
    weights = name_of(results, "weights")
    if name and weights:
        load = f"rh.models.load({name!r}, weights={weights!r})"
    lines = ["import radhard as rh", ""]
    if store is None:
        lines.append(
            "results = rh.run(...)  # the original call; this run was not stored in a file"
        )
    else:
        lines.append(f"results = rh.Results.open({store.as_posix()!r})")
    lines.append(f"model = {load}" + ("" if name else "  # the model of the run"))
    if name and any(repr(format) != "Float32()" for format in formats.values()):
        lines.append("model = rh.stored_as(model, results.space.formats_by_pattern)")
    lines += [
        "space = results.space",
        f"with rh.inject(model, space, {which}):",
        "    ...  # the model is faulty here, and is restored afterwards",
    ]
    return "\n".join(lines)
