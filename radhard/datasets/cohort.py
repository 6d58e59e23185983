"""How is a cohort of patients with a progressing disease made?"""

import functools
import math

import numpy as np
import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked, chosen, part
from radhard.datasets.vocabulary import check_size

__all__ = ["cohort"]

STAGES, NUMERIC = 4, 12
CATEGORIES = (2, 8, 12, 13, 12)
"""Values of the five categorical variables."""
VARIABLES = NUMERIC + len(CATEGORIES)

_HORIZON = 14.0
"""Time after the last visit within which the last stage is reached or not."""
_OBSERVED = 0.6
"""Probability that a variable is measured in a visit, in the first stage; more often later."""


def cohort(
    *,
    split: Split = "test",
    n: int | None = None,
    patients: int = 3000,
    steps: int = 24,
    seed: int = 0,
) -> Data:
    """Does a patient reach the last stage of a disease soon? A synthetic cohort, made by a seed.

    A stand-in for intensive-care records, which are not public; no clinical conclusion follows
    from it. A disease passes through four stages, each left at a rate of the patient. Visits are at
    irregular times (exponential gaps with mean 1). 17 variables, 12 numbers and 5 with 2 to 13
    categories, depend on the stage, with noise of the patient and of the visit, and are missing in
    some visits, less often in late stages. Patients who are in the last stage at the last visit are
    not included.

    Inputs are float32 ``(n, steps, 94)``, as ``(samples, visits, values)``: the 12 numbers and 47
    categories as last measured, 17 masks of what is measured now, the time since each variable was
    measured (17), and the time since the last visit. Labels are 1 if the last stage is reached
    within 14 units of time after the last visit, by about 38 % of the patients. Of each class every
    fifth patient is for testing.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.
        patients: size of the cohort, both splits together.
        steps: visits of a patient.
        seed: the seed from which the cohort is made.

    Raises:
        InputError: an argument that is not allowed.
    """
    checked(split)
    check_size("patients", patients, 20)
    check_size("steps", steps, 2)
    check_size("seed", seed, 0)
    inputs, labels = _made(patients, steps, seed)
    rows = part(labels, split)
    name = call(
        "cohort",
        split=(split, "test"),
        n=(n, None),
        patients=(patients, 3000),
        steps=(steps, 24),
        seed=(seed, 0),
    )
    return chosen(inputs[rows], labels[rows], n, name)


@functools.lru_cache(maxsize=4)
def _made(patients: int, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    """Inputs and labels of all patients."""
    # Named, and not the default generator, which another version of NumPy may exchange. The sizes
    # are part of the seed, so that no cohort is a part of another.
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, patients, steps))))
    effects = rng.normal(0, 1, NUMERIC)
    centres = [np.linspace(0, 1, size) for size in CATEGORIES]
    slopes = rng.choice([-1.0, 1.0], len(CATEGORIES))
    inputs = np.zeros((patients, steps, sum(CATEGORIES) + NUMERIC + 2 * VARIABLES + 1), np.float32)
    labels = np.zeros(patients, np.int64)
    for patient in range(patients):
        gaps = rng.exponential(1.0, steps)
        gaps[0] = 0.0
        times = np.cumsum(gaps)
        onsets = _onsets(rng, times[-1])
        # From 0 to 1, whatever the number of stages.
        stage = np.searchsorted(onsets, times, side="right") / (STAGES - 1)
        labels[patient] = onsets[-1] <= times[-1] + _HORIZON
        measured = rng.random((steps, VARIABLES)) < (_OBSERVED + 0.3 * stage)[:, None]
        # So that every variable has a value from the first visit on.
        measured[0] = True
        own, noise = rng.normal(0, 0.5, NUMERIC), rng.normal(0, 0.7, (steps, NUMERIC))
        numbers = 2 * stage[:, None] * effects + own + noise
        categories = [
            _drawn(rng, stage if slope > 0 else 1 - stage, centre)
            for slope, centre in zip(slopes, centres, strict=True)
        ]
        inputs[patient] = _row(numbers, categories, measured, times, gaps)
    return torch.from_numpy(inputs), torch.from_numpy(labels)


def _onsets(rng: np.random.Generator, last: float) -> np.ndarray:
    """The times at which a patient reaches the later stages; the last one is after ``last``."""
    while True:
        pace = math.exp(rng.normal(math.log(10.0), 0.7))
        onsets = np.cumsum(rng.exponential(pace, STAGES - 1))
        # Rejected otherwise: patients who have already reached the last stage are not in the
        # cohort.
        if onsets[-1] > last:
            return onsets


def _drawn(rng: np.random.Generator, position: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """A category for each visit, near the position of the stage, as one-hot rows."""
    near = np.exp(-((position[:, None] - centres) ** 2) / (2 * 0.25**2))
    limits = np.cumsum(near, axis=1) / near.sum(axis=1, keepdims=True)
    # The number of limits below a uniform number is a draw from the distribution that they
    # cumulate.
    category = (rng.random((len(position), 1)) > limits[:, :-1]).sum(axis=1)
    rows: np.ndarray = np.eye(len(centres))[category]
    return rows


def _row(
    numbers: np.ndarray,
    categories: list[np.ndarray],
    measured: np.ndarray,
    times: np.ndarray,
    gaps: np.ndarray,
) -> np.ndarray:
    """The inputs of one patient, ``(steps, values)``."""
    visits = np.arange(len(times))
    # The visit in which each variable was last measured.
    last = np.maximum.accumulate(np.where(measured, visits[:, None], 0), axis=0)
    values = [numbers[last[:, j], j][:, None] for j in range(NUMERIC)]
    values += [table[last[:, NUMERIC + j]] for j, table in enumerate(categories)]
    age = times[:, None] - times[last]
    return np.concatenate([*values, measured, age, gaps[:, None]], axis=1)
