"""Which trials of a run file are damaged, and which are intact?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from radhard.errors import InputError
from radhard.store.checksums import BLOCK, Sum

__all__ = ["Damage", "DamagedError", "beyond_trust", "differing"]

_MOST_RANGES = 8
_WAY_OUT = "run the same with radhard run --repair (in Python repair=True) to run"


class DamagedError(InputError):
    """A run file, or part of it, is not as it was written; the message says which part."""


@dataclass(frozen=True)
class Damage:
    """The damage of a run file with an intact manifest."""

    blocks: Sequence[int]
    """The blocks of trials that are not as they were written, ascending."""
    trusted: pd.DataFrame
    """The rows of all other blocks."""
    planned: int | None
    """The number of planned trials, if known."""
    structure: str = ""
    """What SQLite reports of the file itself, where all rows are whole."""

    def __bool__(self) -> bool:
        return bool(self.blocks or self.structure)

    @property
    def trials(self) -> str:
        """The numbers of the damaged trials as ranges: ``trials 0-255, 1,024-1,279``."""
        ranges: list[list[int]] = []
        for block in self.blocks:
            first, last = block * BLOCK, (block + 1) * BLOCK - 1
            if self.planned is not None:
                last = max(first, min(last, self.planned - 1))
            if ranges and ranges[-1][1] + 1 == first:
                ranges[-1][1] = last
            else:
                ranges.append([first, last])
        said = [f"{first:,}-{last:,}" for first, last in ranges[:_MOST_RANGES]]
        more = f" and {len(ranges) - len(said):,} more ranges" if len(ranges) > len(said) else ""
        return f"trials {', '.join(said)}{more}"

    def check_none(self, where: str) -> None:
        """Check that there is no damage.

        Raises:
            DamagedError: there is; the message names the trials, and how to run them again.
        """
        if self.blocks:
            of = "" if self.planned is None else f" of {self.planned:,}"
            raise DamagedError(
                f"{where}: {self.trials}{of} are damaged; the other {len(self.trusted):,} that are "
                f"recorded can be trusted; {_WAY_OUT} the damaged ones again"
            )
        if self.structure:
            raise DamagedError(
                f"{where}: all trials can be trusted, but the file cannot be written to "
                f"({self.structure}); {_WAY_OUT} on with a sound copy"
            )


def beyond_trust(where: str, why: str) -> DamagedError:
    """The error for a file without intact trials."""
    return DamagedError(
        f"{where}: it is damaged ({why}), and none of its trials can be trusted; it is left as it "
        f"is; choose another file, or {_WAY_OUT} all trials again"
    )


def differing(one: Mapping[int, Sum], two: Mapping[int, Sum]) -> list[int]:
    """The blocks with different sums in both."""
    blocks: Iterable[int] = one.keys() | two.keys()
    return sorted(block for block in blocks if one.get(block) != two.get(block))
