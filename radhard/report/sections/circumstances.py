"""How was the run configured, in which environment, and how is it repeated?"""

import shlex
from pathlib import Path

from radhard.report.blocks import Code, Section, Table, Text
from radhard.report.run_wording import data_name, name_of
from radhard.results import Results

__all__ = ["circumstances", "repeat"]


def circumstances(results: Results) -> Section:
    """All specs of the run, the environment, and the notes."""
    manifest, space = results.manifest, results.space
    specs = [
        ("model", name_of(results, "model") or "not named"),
        ("data", data_name(results) or "not named"),
        ("samples", f"{int(manifest.get('samples', 0)):,}"),
        ("targets", ", ".join(map(repr, space.targets))),
        ("fault", ", ".join(map(repr, space.faults))),
        ("format", ", ".join(dict.fromkeys(term.stored_as for term in space.terms))),
        *([("planes", ", ".join(space.planes))] if space.planes != ("codes",) else []),
        ("exposure", ", ".join(map(repr, space.exposures))),
        ("sampler", repr(results.sampler)),
        ("metrics", ", ".join(map(str, manifest.get("metrics", ())))),
        ("seed", str(results.seed)),
        ("engine", str(manifest.get("engine", "not recorded"))),
        ("model fingerprint", str(manifest.get("model fingerprint", "not recorded"))),
        ("data fingerprint", str(manifest.get("data fingerprint", "not recorded"))),
    ]
    environment = manifest.get("environment")
    entries = environment if isinstance(environment, dict) else {}
    blocks: list[Table | Text] = [
        Table("What was run", ("part", "spec"), tuple(specs), words=2),
        Table(
            "Environment",
            ("part", "version"),
            tuple((str(k), str(v)) for k, v in entries.items()),
            words=2,
        ),
    ]
    notes = manifest.get("notes")
    for note in notes if isinstance(notes, list) else []:
        blocks.append(Text(f"Note: {note}"))
    return Section("circumstances", "Circumstances", tuple(blocks))


def repeat(results: Results, store: Path | None) -> Section:
    """The command that repeats the run, if the manifest is sufficient for one."""
    title = "How to repeat it"
    named = name_of(results, "model") and name_of(results, "data")
    if store is not None and named:
        file = shlex.quote(store.as_posix())
        again = shlex.quote(store.with_stem(store.stem + "-again").as_posix())
        text = (
            "The run file contains the whole configuration; trials and outcomes will be the same."
        )
        return Section(
            "repeat",
            title,
            (Text(text), Code(f"radhard run --from {file} --store {again}", "sh")),
        )
    missing = (
        "it was run from Python, with a model or data defined in the program"
        if not named
        else "it was not stored in a run file (store=...)"
    )
    text = (
        f"No command line repeats this run, because {missing}. The same call, with the specs and "
        "the seed above, gives the same trials and outcomes; the fingerprints show whether model "
        "and data are the same."
    )
    return Section("repeat", title, (Text(text),))
