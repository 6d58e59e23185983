"""How are the records of intensive care of the MIMIC-III benchmark read?"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from radhard.datasets.data import Data
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked, chosen
from radhard.datasets.vocabulary import check_size
from radhard.errors import InputError

__all__ = ["mimic3"]

Task = Literal["in-hospital-mortality", "decompensation"]

_NUMERIC: Mapping[str, float] = {
    "Diastolic blood pressure": 59.0,
    "Fraction inspired oxygen": 0.21,
    "Glucose": 128.0,
    "Heart Rate": 86.0,
    "Height": 170.0,
    "Mean blood pressure": 77.0,
    "Oxygen saturation": 98.0,
    "Respiratory rate": 19.0,
    "Systolic blood pressure": 118.0,
    "Temperature": 36.6,
    "Weight": 81.0,
    "pH": 7.4,
}
"""The columns of numbers, and the normal value of each, as the benchmark has them."""

_EYES = "1 No Response|2 To pain|3 To speech|4 Spontaneously|None|Spontaneously|To Pain|To Speech"
_MOTOR = (
    "1 No Response|2 Abnorm extensn|3 Abnorm flexion|4 Flex-withdraws|5 Localizes Pain|"
    "6 Obeys Commands|Abnormal Flexion|Abnormal extension|Flex-withdraws|Localizes Pain|"
    "No response|Obeys Commands"
)
_VERBAL = (
    "1 No Response|1.0 ET/Trach|2 Incomp sounds|3 Inapprop words|4 Confused|5 Oriented|Confused|"
    "Inappropriate Words|Incomprehensible sounds|No Response|No Response-ETT|Oriented"
)
_CATEGORIES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "Capillary refill rate": (("0", "1"), "0"),
    "Glascow coma scale eye opening": (tuple(_EYES.split("|")), "4 Spontaneously"),
    "Glascow coma scale motor response": (tuple(_MOTOR.split("|")), "6 Obeys Commands"),
    "Glascow coma scale total": (tuple(map(str, range(3, 16))), "15"),
    "Glascow coma scale verbal response": (tuple(_VERBAL.split("|")), "5 Oriented"),
}
"""The columns of categories: the values as they are written, and the normal one."""

_VARIABLES = (*_NUMERIC, *_CATEGORIES)
_STAY_HOURS = 48.0
"""The first hours of a stay, from which its end is predicted."""

_Series = tuple[np.ndarray, np.ndarray]
"""The values ``(steps, 17)``, numbers or positions of categories, and which were measured."""


def mimic3(
    folder: str | Path,
    *,
    task: Task = "in-hospital-mortality",
    split: Split = "test",
    n: int | None = None,
    steps: int = 48,
) -> Data:
    """Does a patient in intensive care die? The MIMIC-III benchmark, from a folder.

    The folder is what the benchmark's scripts make of MIMIC-III (Harutyunyan et al., Scientific
    Data 2019), which is given out to registered researchers: with
    ``in-hospital-mortality/train/listfile.csv``, the series beside it, and the same in ``test`` and
    for ``decompensation``.

    Inputs are float32 ``(n, steps, 94)``, as of `radhard.datasets.cohort`, in steps of an hour up
    to the time of the prediction: 12 numbers and 47 categories as last measured, before that the
    normal values of the benchmark; 17 masks of what is measured in the hour, the hours since each
    variable was measured or the series began (17), and 1, the hours since the last step. Numbers
    have mean 0 and deviation 1 over the training series. Labels are 1 for death in the hospital, or
    within 24 hours.

    Args:
        folder: where the files are.
        task: ``"in-hospital-mortality"``, from the first 48 hours, or ``"decompensation"``, from
            all hours before.
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.
        steps: hours of a sample; of longer series, the last ones.

    Raises:
        InputError: the files are missing or broken, or an argument is not allowed.
    """
    checked(split)
    if task not in get_args(Task):
        raise InputError(f"task={task!r} is not allowed; one of {', '.join(get_args(Task))}")
    check_size("steps", steps, 2)
    place = Path(folder).expanduser() / task
    # The scale of the numbers is learnt, and must not have seen what it is tested on.
    halves = {
        half: list(_half(place, half, steps))
        for half in ("train", "test")[: 1 if split == "train" else 2]
    }
    numbers = np.concatenate([values for (values, _), _ in halves["train"]])[:, : len(_NUMERIC)]
    mean, deviation = numbers.mean(axis=0), np.maximum(numbers.std(axis=0), 1e-6)
    rows = [row for half, found in halves.items() if split in (half, "all") for row in found]
    inputs = np.stack([_inputs(series, mean, deviation) for series, _ in rows])
    name = call(
        "mimic3",
        str(folder),
        task=(task, "in-hospital-mortality"),
        split=(split, "test"),
        n=(n, None),
        steps=(steps, 48),
    )
    labels = torch.tensor([label for _, label in rows])
    return chosen(torch.from_numpy(inputs), labels, n, name)


def _half(folder: Path, half: str, steps: int) -> Iterator[tuple[_Series, int]]:
    """The series of one half with their labels, in the order of its list."""
    path = folder / half / "listfile.csv"
    found = _table(path)
    if not found or not {"stay", "y_true"} <= found[0].keys():
        raise InputError(f"{path} has no rows with the columns stay and y_true")
    for row in found:
        try:
            hours = float(row.get("period_length", _STAY_HOURS))
            label = {"0": 0, "1": 1}[row["y_true"].strip()]
        except (KeyError, ValueError, AttributeError):
            raise InputError(
                f"{path}: a row is broken: {','.join(map(str, row.values()))}"
            ) from None
        yield _series(folder / half / row["stay"], hours, steps), label


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}); give the folder that the scripts of "
            "the MIMIC-III benchmark write, with in-hospital-mortality/train/listfile.csv"
        ) from None


def _series(path: Path, hours: float, steps: int) -> _Series:
    """The last steps before the prediction: those before the series began have normal values."""
    normal = [*_NUMERIC.values(), *(values.index(usual) for values, usual in _CATEGORIES.values())]
    values = np.tile(np.array(normal, np.float64), (steps, 1))
    measured = np.zeros((steps, len(_VARIABLES)), dtype=bool)
    rows = _table(path)
    if missing := [name for name in ("Hours", *_VARIABLES) if rows and name not in rows[0]]:
        raise InputError(f"{path} has no column {missing[0]!r}, which the benchmark's series have")
    # The step of an hour, counted so that the last one ends with the period.
    first = int(np.ceil(hours - 1e-6)) - steps
    for row in sorted(rows, key=lambda row: _number(path, "Hours", row["Hours"])):
        time = float(row["Hours"])
        if time > hours + 1e-6:
            continue
        # What was measured before the first step is known there, though not measured then.
        at = int(max(time - 1e-6, 0.0)) - first
        for variable, name in enumerate(_VARIABLES):
            if text := (row[name] or "").strip():
                values[max(at, 0) :, variable] = _value(path, name, text)
                if at >= 0:
                    measured[at, variable] = True
    return values, measured


def _value(path: Path, name: str, text: str) -> float:
    """A number, or the position of a category."""
    if name in _NUMERIC:
        return _number(path, name, text)
    allowed, _ = _CATEGORIES[name]
    # Numbers that are categories are written with decimals in some files and without in others.
    for spelling in (text, text.removesuffix(".0")):
        if spelling in allowed:
            return allowed.index(spelling)
    raise InputError(f"{path}: {name} is {text!r}, which is none of {', '.join(allowed)}")


def _number(path: Path, name: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"{path}: {name} is {text!r}, which is no number")
    return value


def _inputs(series: _Series, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    values, measured = series
    steps = np.arange(len(values))[:, None]
    since = np.maximum.accumulate(np.where(measured, steps, 0), axis=0)
    categories = [
        np.eye(len(allowed))[values[:, len(_NUMERIC) + k].astype(int)]
        for k, (allowed, _) in enumerate(_CATEGORIES.values())
    ]
    numbers = (values[:, : len(_NUMERIC)] - mean) / deviation
    gap = np.minimum(steps, 1)
    parts = [numbers, *categories, measured, steps - since, gap]
    return np.concatenate(parts, axis=1).astype(np.float32)
