"""What was asked, assumed and executed, and how is a run repeated?"""

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path

from radhard.faults import faults_in_words
from radhard.report.blocks import Code, Section, Table, Text
from radhard.report.run_wording import data_name, name_of
from radhard.report.trust_option import trust_to_execute
from radhard.results import Results
from radhard.stats import LimitCheck, percent

__all__ = ["digest", "evidence", "repeat"]

Rows = tuple[tuple[str, str], ...]


def evidence(
    results: Results,
    store: Path | None = None,
    *,
    checks: Sequence[LimitCheck] = (),
    asked: Rows = (),
    assumed: Rows = (),
    identities: Rows = (),
) -> Section:
    """What an assessor asks for: settings, assumptions, identities, environment, and notes.

    ``store`` is the run file, of which the SHA-256 is given if it is there; ``checks`` are limits
    that were asked for. The others are further rows of the tables of these names.
    """
    manifest, space = results.manifest, results.space
    specs = (
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
        ("limits", "; ".join(map(_kept, checks)) or "none"),
        *asked,
    )
    environment = manifest.get("environment")
    entries = environment if isinstance(environment, dict) else {}
    blocks: list[Table | Text] = [
        Table("What was asked", ("setting", "value"), specs, words=2),
        Table(
            "What is assumed", ("about", "assumption"), (*_assumptions(results), *assumed), words=2
        ),
        Table(
            "What it was done with",
            ("file", "SHA-256"),
            (*identities, *_identities(results, store)),
            words=2,
        ),
        Table(
            "Where and when",
            ("part", "value"),
            tuple((str(k), str(v)) for k, v in entries.items()),
            words=2,
        ),
    ]
    notes = manifest.get("notes")
    for note in notes if isinstance(notes, list) else []:
        blocks.append(Text(f"Note: {note}"))
    return Section("evidence", "Evidence", tuple(blocks))


def _kept(check: LimitCheck) -> str:
    kept = "kept" if check.passed else "not kept"
    return f"{check.name} at most {percent(check.limit)}: {kept}"


def _assumptions(results: Results) -> tuple[tuple[str, str], ...]:
    """What a reader takes for granted who uses the figures for a decision."""
    space = results.space
    faults = faults_in_words(space.faults, None)
    if results.by_rate:
        number = "A trial has several faults, as drawn by the sampler, all over the fault space."
    else:
        number = f"A trial has one fault; each of the {len(space):,} faults has the same weight."
    samples = int(results.manifest.get("samples", 0))
    reference = "Predictions are compared with those of the same model without faults"
    if results.details.scores() is not None:
        reference += "; accuracy is computed from the labels"
    return (
        ("faults", f"{faults[0].upper()}{faults[1:]}, and no others. {number}"),
        ("duration", " ".join(dict.fromkeys(_first_line(e) for e in space.exposures))),
        (
            "place",
            "Only the targets above are faulty: no fault in the program, its control flow, or "
            "other memory of the device.",
        ),
        ("reference", f"{reference}."),
        (
            "inputs",
            f"The rates are those for these {samples:,} samples. The intervals include the choice "
            "of the faults, not the choice of the samples.",
        ),
    )


def _first_line(part: object) -> str:
    """What a component says of itself, where its documentation begins."""
    return (type(part).__doc__ or repr(part)).splitlines()[0].replace("``", "")


def _identities(results: Results, store: Path | None) -> tuple[tuple[str, str], ...]:
    rows = [
        ("model", str(results.manifest.get("model fingerprint", "not recorded"))),
        ("data", str(results.manifest.get("data fingerprint", "not recorded"))),
    ]
    return (*rows, *([] if store is None else digest(store)))


def digest(store: Path) -> Rows:
    """The SHA-256 of a run file as a row; none if it is not there."""
    if not store.is_file():
        return ()
    with store.open("rb") as file:
        return ((f"run file {store.name}", hashlib.file_digest(file, "sha256").hexdigest()),)


def repeat(results: Results, store: Path | None) -> Section:
    """The command that repeats the run, if the manifest is sufficient for one."""
    title = "How to repeat it"
    # Objects that a program made have no names that a command line could repeat.
    named = name_of(results, "model") and name_of(results, "data")
    if store is not None and named:
        file = shlex.quote(store.as_posix())
        again = shlex.quote(store.with_stem(store.stem + "-again").as_posix())
        text = (
            "The run file contains the whole configuration; trials and outcomes will be the same."
        )
        trust = trust_to_execute(results)
        text += " --trust allows the code that it names." if trust else ""
        return Section(
            "repeat",
            title,
            (Text(text), Code(f"radhard run --from {file} --store {again}{trust}", "sh")),
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
