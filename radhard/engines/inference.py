"""Which verdicts were inferred, and what came of trying some of them?"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from radhard.stats import clopper_pearson, percent

__all__ = ["Counts", "Inference", "Tally", "in_words", "records_of"]

Counts = tuple[int, ...]
"""One a variant of the fault model."""

_KINDS = ("pairs", "trials")


@dataclass(frozen=True)
class Tally:
    """Verdicts that were inferred, that were tried as well, and that proved wrong."""

    inferred: int
    tried: int
    wrong: int

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.inferred + other.inferred, self.tried + other.tried, self.wrong + other.wrong
        )


@dataclass(frozen=True)
class Inference:
    """Verdicts inferred for some words of a tensor, and a sample of them that was tried.

    A verdict is that of one sample in one trial (``kind="pairs"``), or a trial's as a whole where
    it takes the model's own sums (``"trials"``). Of each figure of the run, ``open`` counts those
    by which it may be too low, and those by which it may be too high, and ``sample`` those of them
    that were tried to estimate how often that is so.
    """

    tensor: str
    kind: Literal["pairs", "trials"]
    samples: int
    """Of how many a trial's figure is the mean; 1 for trials as a whole."""
    share: float
    """With which probability a verdict of ``open`` is in the sample."""
    trials: Counts
    open: tuple[tuple[Counts, Counts], ...]
    sample: tuple[tuple[Counts, Counts], ...]
    wrong: tuple[tuple[int, tuple[float, ...]], ...]
    """Of the sample: the fault, and by how much each figure of the sample is off, true less found.
    """
    harmless: Tally
    """Of verdicts whose answer was taken to stay, those that only decided something included."""
    harmful: Tally
    all_tried: bool
    """Whether too many proved wrong, so that all were tried in the end."""

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Inference":
        """The record that `to_dict` gave, also after it was JSON.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it did not.
        """
        found = cls(
            str(plain["tensor"]),
            plain["kind"],
            int(plain["samples"]),
            float(plain["share"]),
            tuple(int(n) for n in plain["trials"]),
            _sides(plain["open"]),
            _sides(plain["sample"]),
            tuple((int(fault), tuple(float(d) for d in by)) for fault, by in plain["wrong"]),
            Tally(**{key: int(n) for key, n in plain["harmless"].items()}),
            Tally(**{key: int(n) for key, n in plain["harmful"].items()}),
            bool(plain["all_tried"]),
        )
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
        return (
            self.kind in _KINDS
            and self.samples > 0
            and 0 <= self.share <= 1
            and all(
                len(every) == len(some) == len(self.trials)
                and all(
                    0 <= k <= n <= self.samples * trials
                    for n, k, trials in zip(every, some, self.trials, strict=True)
                )
                for every, some in pairs
            )
            and all(
                len(by) == columns and all(-1 <= d <= 1 for d in by) and fault >= 0
                for fault, by in self.wrong
            )
            and (not self.wrong or self.share > 0)
            and all(0 <= t.wrong <= t.tried <= t.inferred for t in (self.harmless, self.harmful))
        )


def records_of(audits: Mapping[str, dict[str, Any]]) -> list[Inference]:
    """The records among what engines found out; older run files hold others (`Inferred`)."""
    return [Inference.from_dict(plain) for plain in audits.values() if "kind" in plain]


def _sides(plain: Any) -> tuple[tuple[Counts, Counts], ...]:
    found = []
    for above, below in plain:
        found.append((tuple(int(n) for n in above), tuple(int(n) for n in below)))
    return tuple(found)


def in_words(records: Collection[Inference], how: str = "inferred from other faults") -> list[str]:
    """What a reader of the results should know, as notes; ``how`` verdicts were inferred.

    >>> counts = ((9_000,), (50,)), ((180,), (1,))
    >>> tallies = Tally(9_000, 180, 2), Tally(50, 1, 0)
    >>> kept = counts[:1], counts[1:], ()
    >>> record = Inference("a", "pairs", 10, 0.02, (1_000,), *kept, *tallies, False)
    >>> for sentence in in_words([record])[0].split(". "):
    ...     print(sentence)
    Of 10,000 verdicts, 9,050 were inferred from other faults; 181 of these were tried as well
    Of those taken as harmless, 2 of 180 were wrong (at most 3.96 % are)
    Of those taken as harmful, none of 1 was wrong (at most 97.5 % are)
    Rates are corrected by what was found, and their intervals allow for the rest.
    """
    own = [record for record in records if record.kind == "pairs"]
    notes = _note(own, f"verdicts, {{:,}} were {how}")
    own = [record for record in records if record.kind == "trials"]
    notes += _note(own, "trials, {:,} have sums that may overflow in one order and not in another")
    for name in dict.fromkeys(record.tensor for record in records if record.all_tried):
        own = [record for record in records if record.all_tried and record.tensor == name]
        tried = sum(record.harmless.tried + record.harmful.tried for record in own)
        wrong = sum(record.harmless.wrong + record.harmful.wrong for record in own)
        faults = sum(sum(record.trials) for record in own)
        notes.append(
            f"{wrong:,} of {tried:,} inferred verdicts in {name} were wrong, so that all "
            f"{faults:,} faults concerned were tried."
        )
    return notes


def _note(records: Collection[Inference], said: str) -> list[str]:
    harmless, harmful = (
        sum((getattr(record, name) for record in records), Tally(0, 0, 0))
        for name in ("harmless", "harmful")
    )
    inferred, tried = harmless.inferred + harmful.inferred, harmless.tried + harmful.tried
    if not inferred:
        return []
    every = sum(sum(record.trials) * record.samples for record in records)
    note = f"Of {every:,} {said.format(inferred)}; "
    if not tried:
        return [f"{note}none of these was tried, so that nothing is known of them."]
    found = "".join(
        f"Of those taken as {name}, {tally.wrong or 'none'} of {tally.tried:,} "
        f"{'were' if tally.wrong > 1 else 'was'} wrong (at most "
        f"{percent(clopper_pearson(tally.wrong, tally.tried)[1])} are). "
        for name, tally in (("harmless", harmless), ("harmful", harmful))
        if tally.tried
    )
    return [
        f"{note}{tried:,} of these were tried as well. {found}"
        "Rates are corrected by what was found, and their intervals allow for the rest."
    ]
