"""Which trials have been drawn stage by stage?"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from radhard.samplers.array_text import numbers_of, text_of
from radhard.samplers.base import Stratum, Trials
from radhard.samplers.trial_directions import TrialDirections
from radhard.space import FaultSpace, Numbers

__all__ = ["CAP_ROUNDING", "Stage", "StagedTrials"]

CAP_ROUNDING = 1e-6
"""By how much a share may exceed a cap because caps are kept in single precision."""


@dataclass(frozen=True)
class Stage:
    """Trials that are drawn together, before any of them is executed."""

    strata: Numbers
    """The position of the stratum of each trial."""
    faults: Numbers
    """The fault of each trial."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the sampler needs to know for the next stage: values of JSON."""


class StagedTrials(Trials):
    """The trials of all stages so far, in the order in which they were drawn.

    Unlike other trials, they cannot be drawn again without the model; run files have all of them.
    """

    def __init__(
        self,
        strata: Sequence[Stratum],
        sizes: Numbers,
        stages: Sequence[Stage],
        seed: int,
        directions: TrialDirections,
        *,
        capped: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(strata, seed, shuffled=False)
        self.stages = tuple(stages)
        self.sizes, self.directions, self.capped = sizes, directions, capped
        # SHA-256 of the class of every fault of the space, if strata depend on classes.
        self.classes = classes
        self._faults = _joined([stage.faults for stage in stages])
        self._strata = _joined([stage.strata for stage in stages])

    def __len__(self) -> int:
        return len(self._faults)

    def at(self, trials: Numbers) -> Numbers:
        return self._faults[trials]

    def stratum(self, trial: int) -> int:
        return int(self._strata[trial])

    def strata_of(self, trials: Numbers) -> Numbers:
        return self._strata[trials]

    def above_caps(self, numbers: Numbers, values: npt.NDArray[np.float64]) -> int:
        """How many of these trials have larger values, from 0 to 1, than the caps of their strata.

        What is wrong of one fault may be wrong of any: after one such trial no cap is used.
        """
        caps = np.array([stratum.cap for stratum in self.strata])[self.strata_of(numbers)]
        return int((values > caps + CAP_ROUNDING).sum())

    def of_stage(self, number: int) -> Trials:
        """The trials of one stage alone, numbered from 0."""
        stages = self.stages[number : number + 1]
        begin = sum(len(stage.faults) for stage in self.stages[:number])
        assert self.directions is not None
        assert self.sizes is not None
        codes = self.directions.codes[begin : begin + len(stages[0].faults)]
        counts = np.bincount(stages[0].strata, minlength=len(self.strata)).tolist()
        strata = [replace(s, trials=n) for s, n in zip(self.strata, counts, strict=True)]
        directions = replace(self.directions, codes=codes)
        return StagedTrials(strata, self.sizes, stages, self.seed, directions)

    def to_dict(self) -> dict[str, Any]:
        """As values of JSON."""
        assert self.directions is not None
        assert self.sizes is not None
        return {
            "strata": [[s.name, s.population, s.cap] for s in self.strata],
            "sizes": text_of(self.sizes.reshape(-1)),
            "kinds": self.sizes.shape[1],
            "directions": self.directions.to_dict(),
            "capped": self.capped,
            "classes": self.classes,
            "drawn": [
                {
                    "trials": len(stage.faults),
                    "strata": text_of(stage.strata),
                    "faults": text_of(stage.faults),
                    "facts": stage.facts,
                }
                for stage in self.stages
            ],
        }

    @classmethod
    def from_dict(cls, plain: Any, space: FaultSpace, seed: int) -> "StagedTrials":
        """The trials from `to_dict`.

        Raises:
            ValueError, TypeError, LookupError: ``plain`` is not such a result.
        """
        stages = []
        for one in plain["drawn"]:
            trials = _whole(one["trials"])
            strata = numbers_of(one["strata"], np.int64, trials)
            faults = numbers_of(one["faults"], np.int64, trials)
            stages.append(Stage(strata, faults, dict(one["facts"])))
        sizes = numbers_of(plain["sizes"], np.int64, 3 * _whole(plain["kinds"])).reshape(3, -1)
        strata = _joined([stage.strata for stage in stages])
        faults = _joined([stage.faults for stage in stages])
        named = [(str(name), _whole(n), float(cap)) for name, n, cap in plain["strata"]]
        counts = np.bincount(strata, minlength=len(named)).tolist()
        sound = (
            len(counts) == len(named)
            and all(n <= population for n, (_, population, _) in zip(counts, named, strict=True))
            and sum(population for _, population, _ in named) == len(space)
            and all(0 <= cap <= 1 for _, _, cap in named)
            and (not faults.size or (faults.min() >= 0 and faults.max() < len(space)))
            and len(np.unique(faults)) == len(faults)
            and np.bincount(sizes[0], sizes[2], minlength=len(named)).tolist()
            == [population for _, population, _ in named]
        )
        if not sound:
            raise ValueError("stages of trials that cannot be")
        capped, classes = plain["capped"], plain["classes"]
        return cls(
            [
                Stratum(name, 0, 0, population, n, cap)
                for (name, population, cap), n in zip(named, counts, strict=True)
            ],
            sizes,
            stages,
            seed,
            TrialDirections.from_dict(plain["directions"], space, len(faults)),
            capped=None if capped is None else str(capped),
            classes=None if classes is None else str(classes),
        )


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise ValueError(f"{value!r} is not a number of trials or faults")
    return value
