"""The faults of a list, in its order."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from radhard.arguments import component_of
from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.notes import Note
from radhard.samplers.base import SAMPLERS, Sampler, Stratum, Trials
from radhard.space import Fault, FaultSpace, Numbers
from radhard.spec import component

__all__ = ["Given", "sampler_of"]

_LARGEST = 2**26
"""Maximum size of a file of faults in bytes; larger files are rejected."""

Named = tuple[str | int, ...]

_NAMED = ((str, int, int), (str, int, int, int))
"""The types of a named fault: tensor, word, variant, and optionally the region."""


@component
class Given(Sampler):
    """A user-defined list of faults, in its order: ``Given((3, 17))``, ``Given("faults.csv")``.

    ``faults``: numbers of faults, faults as ``(tensor, word, variant)`` or `Fault`, or a file that
    lists them: ``.csv`` with the columns ``tensor,word,variant`` or ``fault`` (a number, as in an
    exported table of trials), or ``.json`` with a list of either. Each fault may occur once. For a
    tensor with several regions, ``(tensor, word, variant, region)``, or the column ``region`` of a
    file, selects one; by default the first.

    Nothing is drawn: the figures are exact for these faults, and not an estimate for the space.
    """

    faults: tuple[int | Named, ...] | str

    def __post_init__(self) -> None:
        faults: Any = self.faults
        if isinstance(faults, str | Path):
            faults = _listed(Path(faults))
        if isinstance(faults, int | np.integer | Fault):
            faults = (faults,)
        if isinstance(faults, list | tuple | np.ndarray):
            # Literals only, as the repr has to be readable as the spec again.
            object.__setattr__(self, "faults", tuple(map(_plain, faults)))
        super().__post_init__()

    def check(self) -> None:
        if not self.faults:
            raise InputError("Given: no fault is listed; give at least one")
        for fault in self.faults:
            # Exact types, as True is an instance of int.
            named = isinstance(fault, tuple) and tuple(map(type, fault)) in _NAMED
            if not named and not isinstance(fault, int):
                raise InputError(
                    f"Given: {fault!r} is no fault; give its number, or (tensor, word, variant)"
                )

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        return f"{faults_in_words(faults, planned)}, given as a list,"

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        numbers = []
        for fault in self.faults:
            number = fault if isinstance(fault, int) else space.index(Fault(*fault))
            if not 0 <= number < len(space):
                raise InputError(
                    f"Given: there is no fault {number}; fault numbers are 0 to {len(space) - 1}"
                )
            numbers.append(number)
        if len(set(numbers)) < len(numbers):
            twice = next(n for at, n in enumerate(numbers) if n in numbers[:at])
            raise InputError(f"Given: fault {twice} is listed more than once")
        return _GivenTrials(np.array(numbers, np.int64), seed)


def sampler_of(value: Any) -> Sampler:
    """A sampler, given as a `Sampler`, as text, or as a list of faults.

    Raises:
        InputError: another type.

    >>> sampler_of([3, 17]), sampler_of("Uniform(5)")
    (Given((3, 17)), Uniform(5))
    """
    if isinstance(value, list | tuple | np.ndarray | Fault):
        return Given(value)  # type: ignore[arg-type]
    if isinstance(value, int) and not isinstance(value, bool):
        raise InputError(f"sampler={value} is a number; give Uniform({value}), or another sampler")
    return component_of(value, SAMPLERS, "sampler")


class _GivenTrials(Trials):
    """The listed faults, one per trial."""

    def __init__(self, numbers: Numbers, seed: int) -> None:
        whole = Stratum("the list", 0, 1, len(numbers), len(numbers))
        super().__init__([whole], seed, shuffled=False)
        self.listed = numbers
        self.notes = (Note("listed faults", {"faults": len(numbers)}),)

    def at(self, trials: Numbers) -> Numbers:
        assert self.listed is not None
        return self.listed[trials]


def _plain(fault: Any) -> Any:
    """A fault of a list as a literal; anything else is left as it is, for `check` to report."""
    if isinstance(fault, Fault):
        region = (int(fault.region),) if fault.region else ()
        return (fault.tensor, int(fault.word), int(fault.variant), *region)
    if isinstance(fault, np.integer):
        return int(fault)
    if isinstance(fault, dict):
        region = () if (where := fault.get("region")) is None else (where,)
        return (*(fault.get(key) for key in ("tensor", "word", "variant")), *region)
    return tuple(fault) if isinstance(fault, list) else fault


def _listed(path: Path) -> list[Any]:
    """The faults in a file.

    Raises:
        InputError: the file does not exist, or does not list faults.
    """
    if not path.is_file():
        raise InputError(f"Given: there is no file {str(path)!r}")
    if path.stat().st_size > _LARGEST:
        raise InputError(f"Given: {str(path)!r} has over {_LARGEST:,} bytes, no list of faults")
    try:
        if path.suffix == ".json":
            found = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(found, list):
                raise ValueError("it holds no list")
            return found
        with path.open(newline="", encoding="utf-8") as file:
            return [_row(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
        raise InputError(
            f"Given: {str(path)!r} cannot be read ({type(error).__name__}: {error}); give a .csv "
            "with the columns tensor,word,variant or fault, or a .json list of numbers or of "
            "[tensor, word, variant]"
        ) from None


def _row(row: dict[str, str]) -> int | Named:
    if row.keys() >= {"tensor", "word", "variant"}:
        # An empty cell is the first region, as where there is no such column.
        region = (int(row["region"]),) if row.get("region") else ()
        return (row["tensor"], int(row["word"]), int(row["variant"]), *region)
    return int(row["fault"])
