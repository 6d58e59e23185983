"""What should a reader know about how results were obtained?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from radhard.stats import percent

__all__ = ["Note", "notes_of"]

_ROUNDING = {"masked", "noncritical"}
"""Figures that tell outputs that are equal to the last bit from those that are nearly so."""

_NAMED = 5
"""Names that a sentence lists; the facts have all."""

_MANY = 6
"""Figures of a metric that are named one by one."""


@dataclass(frozen=True, repr=False)
class Note:
    """A kind of note and its facts, which are values of JSON; ``str(note)`` words it.

    All wording is in this file: a component states facts, and a page, a terminal and a run file
    show the same ones.

    >>> print(Note("engines", {"first": "Replay()", "then": "Serial()"}))
    Begun with Replay(), continued with Serial().
    """

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Note {self.kind!r}: {self}>"

    def __str__(self) -> str:
        # Facts are stored and worded only here, so that an old file reads as this version words it.
        wording = _WORDINGS.get(self.kind)
        if wording is None:  # of a later version
            facts = ", ".join(f"{key}: {value}" for key, value in self.facts.items())
            return f"{self.kind}: {facts}" if facts else self.kind
        if callable(wording):
            return wording(self.facts)
        return wording.format_map(self.facts)

    @property
    def of_execution(self) -> bool:
        """Whether it says how trials were executed, and not how to read their results."""
        return self.kind in _OF_EXECUTION

    def brief(self, columns: Sequence[str]) -> str:
        r"""A note of the kind "audit" as a phrase; ``columns`` decide whether a trial is harmful.

        >>> same, other = {"differing": 0}, {"differing": 3}
        >>> facts = {"trials": 20, "columns": {"O().masked": other, "O().critical": same}}
        >>> print(*Note("audit", facts).brief(["O().critical"]).split(", "), sep="\n")
        20 trials repeated by the reference: same verdicts
        3 differ by rounding only
        """
        numbers = {name: fact["differing"] for name, fact in self.facts["columns"].items()}
        same = not any(numbers.get(name) for name in columns)
        unequal = {name: n for name, n in numbers.items() if n}
        differing = []
        for text, names in _by_metric(list(unequal)).items():
            most = max(numbers[name] for name in names)
            if len(names) > 1:
                differing.append(f"{text} differ in up to {most:,}")
            else:
                differing.append(f"{text.rpartition('.')[2]} differs in {most:,}")
        if same and unequal and {name.rpartition(".")[2] for name in unequal} <= _ROUNDING:
            # No prediction differs: these two only say whether outputs are equal to the last bit.
            most = max(unequal.values())
            differing = [f"{most:,} differ{'s' * (most == 1)} by rounding only"]
        text = ", ".join([*(["same verdicts"] if same else []), *differing])
        trials, few = f"{self.facts['trials']:,} trials repeated by the reference", ""
        if "few" in self.facts:
            few = f" ({self.facts['few']:,} on {self.facts['samples']} samples each)"
        return f"{trials}{few}: {text}"

    def to_dict(self) -> dict[str, Any]:
        """The note as values of JSON."""
        return {"kind": self.kind, **self.facts}

    @classmethod
    def text(cls, text: str) -> "Note":
        """A note of a component whose kind is not known here, in its own words."""
        return cls("text", {"text": text})


def notes_of(values: Sequence[Any]) -> tuple[Note, ...]:
    """Notes as `Note.to_dict` gave them, also after they were JSON; texts of older files as well.

    Raises:
        ValueError: a value is neither.
    """
    return tuple(_note_of(value) for value in values)


def _note_of(value: Any) -> Note:
    if isinstance(value, Note):
        return value
    if isinstance(value, str):
        return Note.text(value)
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        # Worded at once: a file without a fact is refused when it is opened, not in the middle of a
        # page.
        note = Note(value["kind"], {key: fact for key, fact in value.items() if key != "kind"})
        try:
            str(note)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ValueError(f"a note of kind {note.kind!r} lacks a fact") from None
        return note
    raise ValueError("a note is neither text nor a kind with facts")


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _unread(facts: Mapping[str, Any]) -> str:
    names = facts["tensors"]
    return (
        f"{len(names)} of {facts['of']} stored tensors are not read in a fault-free pass "
        f"({_names(names)}): their faults are masked."
    )


def _exceptions(facts: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{kind} ({n:,})" for kind, n in sorted(facts["kinds"].items()))
    return (
        f"{sum(facts['kinds'].values()):,} trials ended in an exception and count as DUE: {kinds}. "
        "Each exception was raised again when the trial was repeated, and not in a fault-free pass."
    )


def _leaving_out(facts: Mapping[str, Any]) -> str:
    return (
        f"Faults in {_names(facts['tensors'])} were executed by Serial(), as leaving modules out "
        "would save less than it costs there."
    )


def _serial(facts: Mapping[str, Any]) -> str:
    return f"Serial() executed the faults in {_names(facts['tensors'])}: {facts['why']}."


def _graph(facts: Mapping[str, Any]) -> str:
    return (
        f"Replay followed faults through the graph of {facts['source']}, {facts['operations']} "
        f"operations, in {facts['order']} memory order, {facts['norms']} batch norms folded; sums "
        "in another order than in a whole pass may change the last bits of an output, so masked "
        "and noncritical trials may be exchanged."
    )


def _stacked(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['trials']} trials shared a pass, each with its own weights; sums in another order "
        "than in a whole pass may change the last bits of an output, so masked and noncritical "
        "trials may be exchanged."
    )


def _unfollowed(facts: Mapping[str, Any]) -> str:
    return (
        "Serial() executed trials with faults in tensors that are not in the model's graph: "
        f"{', '.join(facts['tensors'])}."
    )


def _no_gradient(facts: Mapping[str, Any]) -> str:
    return (
        f"FirstOrder has no gradient for faults in {_names(facts['tensors'])}: they were executed."
    )


def _measured(facts: Mapping[str, Any]) -> str:
    names = " and ".join(name.rpartition(".")[2] for name in facts["columns"])
    where = []
    if "samples" in facts:
        where.append(f"on one sample of each trial, drawn at random (of {facts['samples']:,})")
    if "share" in facts:
        where.append(f"in {percent(facts['share'])} of the trials of one sample, drawn at random")
    return (
        f"{names} do not follow from predictions and were measured {' and '.join(where)}; their "
        "intervals allow for this. exact=True (--exact) executes every trial with all samples."
    )


def _no_ranges(facts: Mapping[str, Any]) -> str:
    return (
        f"Hybrid has no ranges for faults in {_names(facts['tensors'])}, or they are in all "
        "samples: they were executed."
    )


def _stopped_early(facts: Mapping[str, Any]) -> str:
    limits = f"[{percent(facts['low'])}, {percent(facts['high'])}]"
    return (
        f"{facts['trials']:,} of {facts['of']:,} trials ended at the output of the faulty layer: "
        f"{percent(facts['share'])} {limits}."
    )


def _inference(facts: Mapping[str, Any]) -> str:
    tallies = [("harmless", facts["harmless"]), ("harmful", facts["harmful"])]
    inferred = sum(tally["inferred"] for _, tally in tallies)
    tried = sum(tally["tried"] for _, tally in tallies)
    text = f"Of {facts['of']:,} "
    if facts["unit"] == "verdicts":
        text += f"verdicts, {inferred:,} were {facts['how']}; "
    elif facts["unit"] == "overflow":
        text += (
            f"verdicts in trials with sums that may overflow, {inferred:,} were computed in "
            "another order than the model's; "
        )
    else:
        text += (
            f"trials, {inferred:,} have sums that may overflow in one order and not in another; "
        )
    if not tried:
        return text + "none of these was executed, so the share that is wrong is not known."
    text += f"{tried:,} of these were executed as well. "
    for name, tally in tallies:
        if tally["tried"]:
            text += (
                f"Of those inferred to be {name}, {tally['wrong'] or 'none'} of {tally['tried']:,} "
                f"{'were' if tally['wrong'] > 1 else 'was'} wrong (at most "
                f"{percent(tally['at_most'])} are). "
            )
    return text + "Rates are corrected accordingly, and their intervals allow for the rest."


def _refuted(facts: Mapping[str, Any]) -> str:
    return (
        f"{facts['wrong']:,} of {facts['tried']:,} inferred verdicts in {facts['tensor']} were "
        f"wrong; therefore all {facts['faults']:,} trials concerned were executed."
    )


def _audit(facts: Mapping[str, Any]) -> str:
    columns = facts["columns"]
    repeated = f"Audit: {facts['trials']:,} of {facts['of']:,} trials were repeated by Serial()"
    unit, all_of = "trials", "in all trials"
    if "few" in facts:  # trials repeated on some samples, drawn at random
        unit, all_of = "pairs", "of all pairs of a trial and a sample"
        repeated += (
            f", {facts['few']:,} of them, in which no prediction changed, on {facts['samples']} of "
            f"{facts['of samples']:,} samples each, drawn at random"
        )
    sentences = [f"{repeated}."]
    equal = [name for name, column in columns.items() if not column["differing"]]
    if equal:
        limit = percent(columns[equal[0]]["at_most"])
        named = ", ".join(_by_metric(equal))
        sentences.append(f"No trial differs in {named} ({all_of}, at most {limit} differ).")
    different = []
    differing = [name for name, column in columns.items() if column["differing"]]
    for text, names in _by_metric(differing).items():
        # Of many figures of a metric, the one that differs most.
        column = max((columns[name] for name in names), key=lambda c: c["differing"])
        most = "" if len(names) == 1 else "up to "
        text += (
            f" in {most}{column['differing']:,} (at most {percent(column['at_most'])} of {unit})"
        )
        if column["mean_difference"] is not None and not most:
            text += f", by {column['mean_difference']:+.2g} on average"
        different.append(text)
    if different:
        sentences.append(f"Trials differ in: {'; '.join(different)}.")
    return " ".join(sentences)


def _by_metric(figures: Sequence[str]) -> dict[str, list[str]]:
    """Figures by their names, those of a metric with many of them by its own."""
    metrics: dict[str, list[str]] = {}
    for name in figures:
        metrics.setdefault(name.rpartition(".")[0], []).append(name)
    found: dict[str, list[str]] = {}
    for metric, names in metrics.items():
        if len(names) > _MANY:
            found[f"{len(names)} figures of {metric}"] = names
        else:
            found |= {name: [name] for name in names}
    return found


def _left_out(facts: Mapping[str, Any]) -> str:
    reasons = [f"{name} ({why})" for name, why in facts["tensors"].items()]
    covered = facts.get("covered")  # not in files of earlier versions
    others = (
        "" if covered is None else f"; there are faults in {covered} layer{'s' * (covered != 1)}"
    )
    return f"No fault can be injected into {_names(reasons)}{others}."


def _recurrent_outputs(facts: Mapping[str, Any]) -> str:
    return (
        f"{_names(facts['tensors'])}: a fault in the output of a recurrent layer at one step "
        "affects what reads that output, but not later steps of the layer, which have computed "
        "with the fault-free hidden state; HiddenStates injects faults that they see."
    )


def _near_chance(facts: Mapping[str, Any]) -> str:
    accuracy, classes = percent(facts["accuracy"]), facts["classes"]
    return (
        f"The fault-free accuracy is {accuracy}, not clearly above chance "
        f"({percent(1 / classes)} with {classes:,} classes): are the weights loaded (weights=, "
        "--weights), and do the labels belong to the samples?"
    )


def _small_strata(facts: Mapping[str, Any]) -> str:
    strata = [f"{name} ({faults:,})" for name, faults in facts["strata"].items()]
    return (
        f"{len(strata):,} of {facts['of']:,} strata have fewer than {facts['asked']:,} faults, "
        f"which were all tried: {_names(strata)}."
    )


def _caps(facts: Mapping[str, Any]) -> str:
    by, shares = facts["by"], f"{percent(facts['harmless'])} of the faults"
    left_out = facts["left out"]
    reasons = [f"{name} ({why})" for name, why in left_out.items()]
    more = f" Nothing is known about faults in {_names(reasons)}." if left_out else ""
    if (audit := facts.get("audit")) is None:
        return (
            f"{by} proves that {shares} change no prediction, and that the mean harm of all faults "
            f"is at most {percent(facts['mean'])}: what was not tried is bounded by this.{more}"
        )
    if audit["wrong"]:
        return (
            f"{by} was refuted: {audit['wrong']:,} of {audit['faults']:,} audited faults harm more "
            "samples than was stated, so that nothing was assumed."
        )
    return (
        f"By {by}, {shares} are taken to change no prediction, and the mean harm of all faults to "
        f"be at most {percent(facts['mean'])}. The intervals hold if this misses nothing: "
        f"{audit['faults']:,} faults audited, 0 wrong (at most {percent(audit['at most'])} of all, "
        f"at 95 %).{more}"
    )


_OF_ENGINES = (
    "engine", "engines", "graph", "16-bit", "overflow", "serial", "no graph", "stacked",
)  # fmt: skip
_OF_TRIALS = (
    "leaving out",
    "shared crash",
    "unfollowed",
    "no gradient",
    "no ranges",
    "refuted",
    "audit",
)
_OF_EXECUTION = frozenset((*_OF_ENGINES, *_OF_TRIALS))

_WORDINGS: dict[str, str | Callable[[Mapping[str, Any]], str]] = {
    "text": "{text}",
    "engine": "engine='auto' chose {engine}: {why}.",
    "engines": "Begun with {first}, continued with {then}.",
    "training mode": "The model was in training mode; it ran in evaluation mode.",
    "nondeterministic": "Fault-free passes were allowed to differ.",
    "unread": _unread,
    "exceptions": _exceptions,
    "graph": _graph,
    "16-bit": (
        "Replay computed whole values in 16-bit formats, whose sums cannot be computed from "
        "differences."
    ),
    "overflow": "Faults that make a value so large that it may overflow were executed by {by}.",
    "serial": _serial,
    "no graph": (
        "There is no graph of the model ({why}); modules that are called before the fault returned "
        "their fault-free outputs, and all others were run."
    ),
    "leaving out": _leaving_out,
    "shared crash": (
        "Serial() executed trials that shared a pass with one that crashed ({exception})."
    ),
    "stacked": _stacked,
    "unfollowed": _unfollowed,
    "no gradient": _no_gradient,
    "measured": _measured,
    "margin of measured": (
        "The margin is of {figure}, which {engine} measures on one sample of each trial, so that "
        "it takes more trials than with engine=Replay(), which executes all samples."
    ),
    "no ranges": _no_ranges,
    "stopped early": _stopped_early,
    "inference": _inference,
    "refuted": _refuted,
    "audit": _audit,
    "no accuracy": (
        "Accuracy() cannot be computed with these labels ({why}), so predictions were only "
        "compared with the fault-free ones; for outputs that are not scores of classes use "
        "Mismatch() or Distance()."
    ),
    "left out": _left_out,
    "recurrent outputs": _recurrent_outputs,
    "small strata": _small_strata,
    "untried strata": (
        "{strata:,} of {of:,} strata have no trial, since their expected rate is nearly 0: "
        "intervals allow for any rate there."
    ),
    "caps": _caps,
    "contradicted caps": (
        "No cap was used, as {trials:,} trials show more harm ({figure}) than theirs allow: faults "
        "that were not tried may do any harm."
    ),
    "untried faults": (
        "Only {figure} is estimated: caps left {faults:,} of {of:,} faults untried, of which no "
        "other figure is known."
    ),
    "trial limit": (
        "The margin was not reached: it takes {trials:,} trials, and a run has at most {most:,}."
    ),
    "listed faults": (
        "The {faults:,} faults were given as a list and not drawn: rates are exact for these "
        "faults, and do not estimate those of the fault space."
    ),
    "close outputs": (
        "The two best classes of {samples:,} of {of:,} samples are closer together in the "
        "fault-free outputs than rounding errors: verdicts about these samples are arbitrary, and "
        "differ between engines."
    ),
    "near chance": _near_chance,
    "one prediction": (
        "All {samples:,} samples have one fault-free prediction, class {class}: a fault that makes "
        "the model always predict it is not detected; use samples of several classes."
    ),
}
