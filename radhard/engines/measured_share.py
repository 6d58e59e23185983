"""Which figures were measured on a share of the verdicts, and of which trials are they known?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from radhard.engines.audit_draw import is_measured
from radhard.space import FaultSpace, Numbers

__all__ = ["MeasuredShare"]


@dataclass(frozen=True)
class MeasuredShare:
    """The figures that do not follow from predictions, in a run in which most were inferred.

    In a trial that affects all samples, they are those of one sample, drawn at random. Trials that
    affect one sample each have them if they are in a random ``share`` of these trials. In a space
    with both, only this share of all trials counts.
    """

    columns: tuple[str, ...]
    samples: int
    """Number of samples of the data, of which a trial has measured one."""
    share: float

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values."""
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "MeasuredShare":
        """The record from the result of `to_dict`, which may have been stored as JSON.

        Raises:
            ValueError, TypeError, KeyError: ``plain`` is not such a result.
        """
        columns = tuple(str(name) for name in plain["columns"])
        found = cls(columns, int(plain["samples"]), float(plain["share"]))
        if found.samples < 1 or not 0 < found.share <= 1:
            raise ValueError("a share of measured verdicts that cannot be")
        return found

    def known(self, space: FaultSpace, seed: int, faults: Numbers) -> npt.NDArray[np.bool_]:
        """Of which trials the figures are known, given their faults.

        It follows from the draw alone. Trials that another engine has executed with all figures
        also count only if they are in the draw, as they do not represent the others. In a space
        that has trials of all samples as well, the share is one of all trials: with all of these,
        a mean over the space would contain too many of them.
        """
        if all(site.samples is None for site in space.sites):
            return np.ones(len(faults), dtype=bool)
        return is_measured(faults, self.share, len(space), seed)
