"""How often does a fault during training harm the model that is trained?"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from radhard.arguments import check_path, whole
from radhard.engines.exceptions import NOT_BY_FAULTS
from radhard.errors import InputError
from radhard.manifest import difference, environment
from radhard.progress import Progress
from radhard.space import FaultSpace, check_space
from radhard.store import Store
from radhard.training.schedule import NoFaults, Schedule, check_schedule, training_seed
from radhard.training.training_curves import Curves, check_alike, curves_of, points_of, row_of
from radhard.training.training_injection import TrainingInjection, injected
from radhard.training.training_results import TrainingResults

__all__ = ["Train", "TrialFaults", "run"]


class TrialFaults:
    """The faults of one training: ``with faults(model, optimizer): ...`` around the user's loop."""

    def __init__(self, space: FaultSpace, schedule: Schedule, seed: int) -> None:
        self._space, self._schedule, self._seed = space, schedule, seed
        self.injection: TrainingInjection | None = None

    @contextmanager
    def __call__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer
    ) -> Iterator[TrainingInjection]:
        """Inject the faults while the context is open, as `radhard.training.inject`."""
        if self.injection is not None:
            raise InputError(
                "a training enters faults(model, optimizer) once, around its whole loop"
            )
        with injected(model, optimizer, self._space, self._schedule, self._seed) as injection:
            self.injection = injection
            yield injection


class Train(Protocol):
    """A training of yours, which `run` repeats with faults and without.

    It seeds everything from ``seed``, builds a new model and optimizer, trains inside
    ``with faults(model, optimizer):``, and returns its curves, such as ``{"loss": [...]}``.
    """

    def __call__(
        self, seed: int, faults: TrialFaults, /
    ) -> Mapping[str, Sequence[float]] | Sequence[float]:
        """Train a new model, with the loop inside ``with faults(model, optimizer):``."""


def run(
    train: Train,
    space: FaultSpace,
    schedule: Schedule,
    *,
    n: int = 20,
    seed: int = 0,
    seeds: Sequence[int] = (0,),
    store: str | Path | None = None,
    progress: bool | None = None,
) -> TrainingResults:
    """Train with faults ``n`` times, and without faults once for each training seed.

    ``train(seed, faults)`` builds a model and an optimizer, seeds everything from ``seed``, runs
    its loop inside ``with faults(model, optimizer):``, and returns curves: ``{"loss": [...],
    "accuracy": [...]}``, or one list, which is named loss. All trainings return equally many
    points; a curve may be shorter where a fault ended it. A training that raises an exception after
    a fault occurred is recorded as crashed.

    Args:
        train: the user's training.
        space: the possible faults of a step, as in `inject`.
        schedule: the steps in which faults occur.
        n: number of trainings with faults; a file with fewer is extended.
        seed: the seed of the faults; those of trial t depend on it and on t only.
        seeds: training seeds; trial t has ``seeds[t % len(seeds)]``.
        store: the file of the trainings. If it contains part of the same run, the run is continued
            after the last finished training.
        progress: whether to show a progress bar; by default if there is a terminal.

    Raises:
        InputError: the input cannot be used, two fault-free trainings with the same seed differ, or
            the file contains another run.
    """
    if not callable(train):
        raise InputError(
            f"train is {type(train).__name__}; give a function train(seed, faults) that returns "
            "curves"
        )
    check_space(space)
    check_schedule(schedule)
    n, seed = whole(n, "n", least=1), whole(seed, "seed", least=0)
    check_path(store, "store")
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(f"seeds={tuple(seeds)} is not allowed; give different training seeds")
    trainings = _Trainings(
        train, space, schedule, seed, tuple(whole(s, "seeds", least=0) for s in seeds)
    )
    # As the file has it: tuples are lists there.
    asked = json.loads(json.dumps(trainings.identity()))
    with Store(store, write=True) as file:
        if not file.empty and (differing := difference(file.manifest(), asked)):
            raise InputError(
                f"{str(file.path)!r} contains other trainings: {differing}; choose another file"
            )
        # Rows of the file: first the trainings without faults, then the trials.
        twins = len(trainings.seeds)
        done = set() if file.empty else set(file.done().tolist())
        todo = [trial for trial in range(n) if twins + trial not in done]
        with Progress(n, n - len(todo), None, shown=progress, label="trainings") as bar:
            if file.empty:
                trainings.begin(file)
            elif todo:
                trainings.check_first_twin(_results(file))
            series = {name: int(k) for name, k in file.manifest()["series"].items()}
            for trial in todo:
                trainings.execute(trial, series, file)
                bar.advance(np.zeros((1, 0)))
        return _results(file)


def _results(file: Store) -> TrainingResults:
    return TrainingResults(file.manifest(), file.frame(), foreign=True)


class _Trainings:
    """The trainings of a run."""

    def __init__(
        self,
        train: Train,
        space: FaultSpace,
        schedule: Schedule,
        seed: int,
        seeds: tuple[int, ...],
    ) -> None:
        self._train, self._space, self._schedule = train, space, schedule
        self._seed, self.seeds = seed, seeds

    def identity(self) -> dict[str, Any]:
        """What the curves depend on, besides the user's training."""
        return {
            "space": self._space.to_dict(),
            "schedule": repr(self._schedule),
            "seed": self._seed,
            "seeds": list(self.seeds),
        }

    def begin(self, file: Store) -> None:
        """Train the twins, the first of them twice, and begin the file.

        Raises:
            InputError: the two differ, or the schedule does not suit the number of steps.
        """
        twins = [self._twin(seed) for seed in self.seeds]
        steps = {injection.steps for _, injection in twins}
        if min(steps) < (needed := self._schedule.steps_needed):
            raise InputError(
                f"{self._schedule!r} has faults up to step {needed - 1:,}, and the training takes "
                f"{min(steps):,} steps, numbered from 0; choose earlier steps"
            )
        points = points_of([curves for curves, _ in twins])
        # Without faults twice: a training that differs from itself shows no effect of faults.
        check_alike(self._twin(self.seeds[0])[0], twins[0][0], self.seeds[0])
        columns = ["drawn", *(f"{name}[{at}]" for name, k in points.items() for at in range(k))]
        file.begin(
            {
                **self.identity(),
                "series": points,
                "steps": max(steps),
                "crashes": {},
                "environment": environment(None),
            },
            columns,
        )
        for row, (curves, _) in enumerate(twins):
            file.add([(row, None, 0, 0.0, *row_of(curves, points, "the twin"))])
        file.commit()

    def check_first_twin(self, results: TrainingResults) -> None:
        """Check that the training is that of the file, by its first twin."""
        stored = {name: results.twin(name, self.seeds[0]) for name in results.series}
        check_alike(self._twin(self.seeds[0])[0], stored, self.seeds[0])

    def execute(self, trial: int, series: Mapping[str, int], file: Store) -> None:
        """Train with the faults of a trial, and record its curves."""
        faults = TrialFaults(self._space, self._schedule, training_seed(self._seed, trial))
        curves: Curves = {}
        try:
            returned = self._train(self.seeds[trial % len(self.seeds)], faults)
            curves = curves_of(returned)
        except NOT_BY_FAULTS:
            raise
        except Exception as error:
            # Before any fault arrived the error is one of the training itself.
            if faults.injection is None or not faults.injection.count:
                raise
            crashes = file.manifest()["crashes"]
            file.note("crashes", {**crashes, str(trial): type(error).__name__})
        injection = _entered(faults)
        values = row_of(curves, series, f"trial {trial}")
        row = len(self.seeds) + trial
        file.add([(row, None, injection.count, float(injection.drawn), *values)])
        file.commit()

    def _twin(self, seed: int) -> tuple[Curves, TrainingInjection]:
        """A training without faults."""
        nothing = TrialFaults(self._space, NoFaults(), 0)
        curves = curves_of(self._train(seed, nothing))
        return curves, _entered(nothing)


def _entered(faults: TrialFaults) -> TrainingInjection:
    if faults.injection is None:
        raise InputError(
            "the training did not enter `with faults(model, optimizer):`, so that no fault can "
            "occur; put its loop inside"
        )
    return faults.injection
