"""What do run files of earlier versions record about inferred verdicts?"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radhard.space import FaultSpace, Numbers
from radhard.stats import Estimate, mean_share

__all__ = ["Inferred", "doubt", "refuted"]


@dataclass(frozen=True)
class Inferred:
    """Counts of inferred faults in some words of a tensor, and of those that were checked.

    Earlier versions checked whole trials and did not record the sign of an error; `Inference` has
    replaced this record.

    Counts are numbers of faults, one for each variant of the fault model. ``wrong`` contains the
    variant of every checked fault with wrong inferred verdicts, and the share of the samples whose
    verdict is wrong.
    """

    tensor: str
    faults: tuple[int, ...]
    inferred: tuple[int, ...]
    checked: tuple[int, ...]
    wrong: tuple[tuple[int, float], ...]
    tried: bool
    """Whether too many were wrong, so that all were executed."""

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Inferred":
        """The record from the result of `to_dict`, which may have been stored as JSON.

        Raises:
            ValueError, TypeError, KeyError: ``plain`` is not such a result.
        """
        counts = [tuple(int(n) for n in plain[key]) for key in ("faults", "inferred", "checked")]
        wrong = tuple((int(variant), float(share)) for variant, share in plain["wrong"])
        faults, inferred, checked = counts
        sound = (
            len(faults) == len(inferred) == len(checked)
            and all(a >= b >= c >= 0 for a, b, c in zip(*counts, strict=True))
            and all(0 <= v < len(faults) and 0 <= share <= 1 for v, share in wrong)
            and all(sum(v == variant for v, _ in wrong) <= n for variant, n in enumerate(checked))
        )
        if not sound:
            raise ValueError("counts of inferred faults that cannot be")
        return cls(str(plain["tensor"]), faults, inferred, checked, wrong, bool(plain["tried"]))

    @property
    def disagreement(self) -> float:
        """Share of the checked verdicts that are wrong."""
        return sum(share for _, share in self.wrong) / max(sum(self.checked), 1)


def refuted(
    records: Iterable[Inferred],
    variants: Collection[int] | None = None,
    confidence: float = 0.95,
) -> tuple[Estimate | None, int]:
    """Share of inferred verdicts that are wrong, and number of inferred faults that are unchecked.

    All verdicts of a checked fault are known, so that the sampling unit is the fault; the checked
    faults are a random sample of the inferred ones. The share is None if no fault was checked.
    ``variants`` restricts both to these variants.
    """
    shares: list[float] = []
    inferred = left = 0
    for record in records:
        for variant, count in enumerate(record.checked):
            if variants is not None and variant not in variants:
                continue
            wrong = [share for v, share in record.wrong if v == variant]
            # A checked fault that is not listed had no wrong verdict.
            shares += wrong + [0.0] * (count - len(wrong))
            inferred += record.inferred[variant]
            # Where all were executed, none is left to be wrong.
            left += 0 if record.tried else record.inferred[variant] - count
    if not shares:
        return None, left
    return mean_share(shares, population=inferred, confidence=confidence), left


def doubt(
    records: Collection[Inferred],
    space: FaultSpace,
    parts: Sequence[tuple[Numbers, int | None]],
    confidence: float = 0.95,
) -> float:
    """By how much unchecked inferred verdicts may change a mean share over faults, at most.

    ``parts`` are the executed faults and the number of faults that they represent. The bound is the
    number of wrong verdicts that is compatible with the checked ones of the same tensors and
    variants, each with the largest weight of a fault.
    """
    places, _, variants = space.locate(np.concatenate([faults for faults, _ in parts]))
    tensors = {space.name(place) for place in np.unique(places).tolist()}
    concerned = [record for record in records if record.tensor in tensors]
    found, left = refuted(concerned, set(np.unique(variants).tolist()), confidence)
    if not left:
        return 0.0
    total = sum(population or 0 for _, population in parts)
    weight = max(
        (population or 0) / total / len(faults) for faults, population in parts if len(faults)
    )
    return min(1.0, left * (1.0 if found is None else found.high) * weight)
