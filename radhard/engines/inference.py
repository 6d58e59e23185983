"""Which verdicts were inferred, and how many of them were checked and found wrong?"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from operator import le
from typing import Any, Literal, get_args

from radhard.notes import Note
from radhard.stats import clopper_pearson

__all__ = ["Counts", "Inference", "Kind", "Tally", "inference_notes", "records_of"]

Counts = tuple[int, ...]
"""One count for each variant of the fault model; one in all for trials with many faults."""

Kind = Literal["pairs", "trials", "overflow"]
"""What a verdict of a record concerns, and how it is checked."""

_KINDS = get_args(Kind)


_UNITS = {"pairs": "verdicts", "trials": "trials", "overflow": "overflow"}
"""How notes name what the counts are of."""


@dataclass(frozen=True)
class Tally:
    """Number of verdicts that were inferred, that were also executed, and that were wrong."""

    inferred: int
    tried: int
    wrong: int

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.inferred + other.inferred, self.tried + other.tried, self.wrong + other.wrong
        )


@dataclass(frozen=True)
class Inference:
    """Verdicts inferred for some words of a tensor, and a sample of them that was executed.

    Of trials with many faults, those of one stratum are recorded together, such as one error rate.

    A verdict concerns one sample in one trial (``kind="pairs"``). Verdicts of which the check
    requires the model's own order of summation have a record of their own, in which a verdict
    concerns one sample in one trial (``"overflow"``) or a whole trial (``"trials"``). For each
    figure of the run, ``open`` counts the verdicts due to which it may be too low, and those due to
    which it may be too high; ``sample`` counts those of them that were executed to estimate how
    many are wrong.
    """

    tensor: str
    """The name of the region or, of trials with many faults, of the stratum."""
    kind: Kind
    samples: int
    """Number of samples of which the figure of a trial is the mean; 1 for whole trials."""
    share: float
    """Probability that a verdict of ``open`` is in the sample."""
    trials: Counts
    open: tuple[tuple[Counts, Counts], ...]
    sample: tuple[tuple[Counts, Counts], ...]
    wrong: tuple[tuple[int, tuple[float, ...]], ...]
    """For wrong verdicts in the sample: the fault, or the trial if it has many, and the error of
    each figure of the data sample, true minus found."""
    harmless: Tally
    """Verdicts with an unchanged prediction as inferred, including those of the pilot."""
    harmful: Tally
    all_tried: bool
    """Whether too many were wrong, so that all were executed."""

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        # Not `asdict`, which copies every count.
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**plain, "harmless": asdict(self.harmless), "harmful": asdict(self.harmful)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Inference":
        """The record from the result of `to_dict`, which may have been stored as JSON.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: ``plain`` is not such a result.
        """
        found = cls(
            str(plain["tensor"]),
            plain["kind"],
            int(plain["samples"]),
            float(plain["share"]),
            tuple(map(int, plain["trials"])),
            _sides(plain["open"]),
            _sides(plain["sample"]),
            tuple((int(fault), tuple(float(d) for d in by)) for fault, by in plain["wrong"]),
            Tally(**{key: int(n) for key, n in plain["harmless"].items()}),
            Tally(**{key: int(n) for key, n in plain["harmful"].items()}),
            bool(plain["all_tried"]),
        )
        # A run file may be damaged or made by hand, and these counts become intervals.
        if not found._possible():
            raise ValueError("counts of inferred verdicts that cannot be")
        return found

    def _possible(self) -> bool:
        columns = len(self.open)
        pairs = [
            (every, some)
            for a, b in zip(self.open, self.sample, strict=True)
            for every, some in zip(a, b, strict=True)
        ]
        most = [self.samples * trials for trials in self.trials]
        return (
            self.kind in _KINDS
            and self.samples > 0
            and 0 <= self.share <= 1
            and all(
                len(every) == len(some) == len(self.trials)
                # No more executed than inferred, nor inferred than there are verdicts.
                and min(some, default=0) >= 0
                and all(map(le, some, every))
                and all(map(le, every, most))
                for every, some in pairs
            )
            and all(
                # The error of one verdict in a share of the samples.
                len(by) == columns and all(-1 <= d <= 1 for d in by) and fault >= 0
                for fault, by in self.wrong
            )
            and (not self.wrong or self.share > 0)
            and all(0 <= t.wrong <= t.tried <= t.inferred for t in (self.harmless, self.harmful))
        )


def records_of(audits: Mapping[str, dict[str, Any]]) -> list[Inference]:
    """The records in a run file; files of earlier versions contain others (`Inferred`)."""
    return [Inference.from_dict(plain) for plain in audits.values() if "kind" in plain]


def _sides(plain: Any) -> tuple[tuple[Counts, Counts], ...]:
    # Of every region, figure and side: by `map`, as a generator takes twice as long.
    return tuple((tuple(map(int, above)), tuple(map(int, below))) for above, below in plain)


def inference_notes(
    records: Collection[Inference], how: str = "inferred from other faults"
) -> list[Note]:
    """What readers of the results should know; ``how`` describes how verdicts were inferred."""
    notes = []
    for kind in _KINDS:
        own = [record for record in records if record.kind == kind]
        sums = {
            name: sum((getattr(record, name) for record in own), Tally(0, 0, 0))
            for name in ("harmless", "harmful")
        }
        if not any(tally.inferred for tally in sums.values()):
            continue
        facts = {
            "unit": _UNITS[kind],
            "of": sum(sum(record.trials) * record.samples for record in own),
            **{name: _facts(tally) for name, tally in sums.items()},
        }
        notes.append(Note("inference", {"how": how, **facts}))
    for name in dict.fromkeys(record.tensor for record in records if record.all_tried):
        own = [record for record in records if record.all_tried and record.tensor == name]
        facts = {
            "tensor": name,
            "wrong": sum(record.harmless.wrong + record.harmful.wrong for record in own),
            "tried": sum(record.harmless.tried + record.harmful.tried for record in own),
            "faults": sum(sum(record.trials) for record in own),
        }
        notes.append(Note("refuted", facts))
    return notes


def _facts(tally: Tally) -> dict[str, Any]:
    """Counts of verdicts, with the upper 95 % confidence limit of the share that is wrong."""
    # Nothing tried, nothing known: all of them may be wrong.
    limit = clopper_pearson(tally.wrong, tally.tried)[1] if tally.tried else 1.0
    return {**asdict(tally), "at_most": limit}
