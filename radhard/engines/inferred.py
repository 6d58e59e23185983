"""What do run files of earlier versions say of verdicts that were inferred?"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radhard.space import FaultSpace, Numbers
from radhard.stats import Estimate, mean_share

__all__ = ["Inferred", "doubt", "refuted"]


@dataclass(frozen=True)
class Inferred:
    """The faults of some words of a tensor, and what came of trying some that had been inferred.

    Earlier versions tried whole trials, and wrote no sign of an error; now there is `Inference`.

    Counts are of faults, one for each variant of the fault model. ``wrong`` has the variant of
    every checked fault with inferred verdicts that proved wrong, and the share of the samples for
    which this is so.
    """

    tensor: str
    faults: tuple[int, ...]
    inferred: tuple[int, ...]
    checked: tuple[int, ...]
    wrong: tuple[tuple[int, float], ...]
    tried: bool
    """Whether too many proved wrong, so that all were tried in the end."""

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Inferred":
        """The record that `to_dict` gave, also after it was JSON.

        Raises:
            ValueError, TypeError, KeyError: it did not.
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
        """Share of the checked verdicts that proved wrong."""
        return sum(share for _, share in self.wrong) / max(sum(self.checked), 1)


def refuted(
    records: Iterable[Inferred],
    variants: Collection[int] | None = None,
    confidence: float = 0.95,
) -> tuple[Estimate | None, int]:
    """Share of inferred verdicts that are wrong, and the faults that were inferred and not checked.

    All verdicts of the checked faults are known, so that the unit is the fault; they are a random
    sample of the inferred ones. None: not one was checked. ``variants``: only these.
    """
    shares: list[float] = []
    inferred = left = 0
    for record in records:
        for variant, count in enumerate(record.checked):
            if variants is not None and variant not in variants:
                continue
            wrong = [share for v, share in record.wrong if v == variant]
            shares += wrong + [0.0] * (count - len(wrong))
            inferred += record.inferred[variant]
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
    """By how much inferred verdicts that were not checked may move a mean share over faults.

    ``parts`` are faults that were tried and the number they stand for. The mean moves by no more
    than the wrong verdicts that the checked ones of the same tensors and variants leave possible,
    each with the largest weight that a fault has.
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
