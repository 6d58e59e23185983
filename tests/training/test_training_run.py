"""Are campaigns of trainings the same however they are executed, and read rightly?"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from radhard.errors import InputError
from radhard.faults import BitFlip, Replace
from radhard.formats import Float32
from radhard.results import Results
from radhard.space import FaultSpace, Intermittent
from radhard.targets import Gradients, Weights
from radhard.training import (
    FixedSteps,
    RandomSteps,
    StepRate,
    TrainingResults,
    TrialFaults,
    inject,
    run,
)
from tests.training import loops
from tests.training.loops import STEPS

SPACE = loops.space(Weights("*"), BitFlip())


def training(seed: int, faults: TrialFaults) -> dict[str, list[float]]:
    """The loss of each step, and an accuracy at the end, which depend on the seed."""
    torch.manual_seed(seed)
    values, _ = loops.train(faults, seed=seed)
    return {"loss": values[::2], "score": [1 / (1 + abs(values[-1]))]}


def table(results: TrainingResults) -> pd.DataFrame:
    return results.to_frame()


def test_a_trial_is_the_training_with_the_faults_of_its_number():
    results = run(training, SPACE, RandomSteps(STEPS), n=3, seed=5, seeds=(0, 1), progress=False)
    for trial in range(3):
        around = lambda m, o, t=trial: inject(m, o, SPACE, RandomSteps(STEPS), seed=5, trial=t)  # noqa: E731
        values, injection = loops.train(around, seed=trial % 2)
        assert results.curves("loss")[trial].tolist() == values[::2]
        faults = {step: numbers.tolist() for step, numbers in results.faults(trial).items()}
        assert faults == {step: n.tolist() for step, n in injection.faults.items()}
    golden = [loops.train(seed=seed)[0][::2] for seed in (0, 1, 0)]
    assert results.golden("loss").tolist() == golden


@pytest.mark.parametrize("target", [Weights("*"), Gradients("*")])
def test_no_curve_differs_before_the_step_of_its_first_fault(target):
    space = loops.space(target)
    results = run(training, space, RandomSteps(STEPS), n=6, progress=False)
    first = [min(results.faults(trial)) for trial in range(6)]
    assert (results.first_change("loss") >= first).all()
    assert (results.first_change("loss") < STEPS).any()


class Killed(BaseException):
    """What ends the process of a training."""


@pytest.mark.parametrize("kinds", [Replace("zero"), (BitFlip(), Replace("max"))], ids=repr)
def test_whole_words_and_several_kinds_of_faults_have_a_fault_free_twin(kinds):
    space = loops.space(Weights("*"), kinds)
    results = run(training, space, RandomSteps(STEPS, n=3), n=2, progress=False)
    assert results.golden("loss")[0].tolist() == loops.train(seed=0)[0][::2]
    assert (results.to_frame()["faults"] == 3).all()


def killed_at(number: int, train: Callable[..., object]) -> Callable[..., object]:
    """A training that is killed the given time it is called."""
    calls = 0

    def counted(seed: int, faults: TrialFaults) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed
        return train(seed, faults)

    return counted


@pytest.mark.parametrize("number", [1, 2, 4, 6])
def test_killed_and_resumed_trainings_give_the_same_table(tmp_path, number):
    path, schedule = tmp_path / "trainings.db", StepRate(1e-3)
    whole = run(training, SPACE, schedule, n=4, seeds=(0, 1), progress=False)
    with pytest.raises(Killed):
        run(
            killed_at(number, training),
            SPACE,
            schedule,
            n=4,
            seeds=(0, 1),
            store=path,
            progress=False,
        )
    again = run(training, SPACE, schedule, n=4, seeds=(0, 1), store=path, progress=False)
    pd.testing.assert_frame_equal(table(again), table(whole), check_exact=True)
    assert np.array_equal(again.curves("loss"), whole.curves("loss"), equal_nan=True)
    pd.testing.assert_frame_equal(table(TrainingResults.open(path)), table(whole))


def test_more_trainings_extend_a_file_and_a_finished_one_trains_nothing(tmp_path):
    path = tmp_path / "trainings.db"
    run(training, SPACE, RandomSteps(STEPS), n=2, store=path, progress=False)
    more = run(training, SPACE, RandomSteps(STEPS), n=3, store=path, progress=False)
    whole = run(training, SPACE, RandomSteps(STEPS), n=3, progress=False)
    pd.testing.assert_frame_equal(table(more), table(whole), check_exact=True)
    idle = killed_at(1, training)
    assert len(run(idle, SPACE, RandomSteps(STEPS), n=3, store=path, progress=False)) == 3


def test_other_trainings_do_not_continue_a_file(tmp_path):
    path = tmp_path / "trainings.db"
    run(training, SPACE, RandomSteps(STEPS), n=1, store=path, progress=False)
    for change, match in [
        ({"schedule": RandomSteps(STEPS - 1)}, "schedule is"),
        ({"seed": 1}, "seed is"),
        ({"space": loops.space(Gradients("*"))}, "target is"),
        ({"train": lambda seed, faults: training(seed + 1, faults)}, "differ from loss"),
    ]:
        asked = {"train": training, "space": SPACE, "schedule": RandomSteps(STEPS), **change}
        with pytest.raises(InputError, match=match):
            run(**asked, n=2, store=path, progress=False)
    assert len(TrainingResults.open(path)) == 1


def test_a_training_that_differs_by_itself_is_refused():
    generator = np.random.default_rng()

    def careless(seed: int, faults: TrialFaults) -> list[float]:
        return [*training(seed, faults)["loss"][:-1], generator.random()]

    with pytest.raises(InputError, match=rf"differ from loss\[{STEPS - 1}\]"):
        run(careless, SPACE, RandomSteps(STEPS), n=1, progress=False)


def test_an_exception_after_a_fault_is_a_crash_and_before_one_an_error():
    def careful(seed: int, faults: TrialFaults) -> list[float]:
        values = training(seed, faults)["loss"]
        if faults.injection is not None and faults.injection.count:
            raise ZeroDivisionError
        return values

    results = run(careful, SPACE, FixedSteps((2,)), n=2, progress=False)
    assert results.to_frame()["crash"].tolist() == ["ZeroDivisionError"] * 2
    assert np.isnan(results.curves("loss")).all()
    assert results.rate("loss", rise=1e9).value == 1

    def broken(seed: int, faults: TrialFaults) -> list[float]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(broken, SPACE, FixedSteps((2,)), n=2, progress=False)


def made(curves: list[list[float]]) -> TrainingResults:
    """Results of one twin and several trials, with these curves."""
    points = len(curves[0])
    rows = [(at, None, int(at > 0), float(at > 0), *curve) for at, curve in enumerate(curves)]
    columns = ["trial", "fault", "faults", "drawn", *(f"loss[{at}]" for at in range(points))]
    manifest = {
        "space": SPACE.to_dict(),
        "schedule": "RandomSteps(2)",
        "seed": 0,
        "seeds": [0],
        "series": {"loss": points},
        "steps": 2,
        "crashes": {},
    }
    return TrainingResults(manifest, pd.DataFrame(rows, columns=columns))


def test_rates_and_changes_are_paired_with_the_twin():
    nan = float("nan")
    results = made([[0.5, 0.8], [0.5, 0.75], [0.4, 0.6], [0.5, 0.9], [nan, nan]])
    assert results.rate("loss", drop=0.1).value == 2 / 4
    assert results.rate("loss", rise=0.05).value == 2 / 4
    assert results.first_change("loss").tolist() == [1, 0, 1, 0]
    with pytest.raises(InputError, match="median_change"):
        results.change("loss")
    whole = made([[0.5, 0.8], [0.5, 0.75], [0.4, 0.6], [0.5, 0.9]])
    assert whole.change("loss").value == pytest.approx(np.mean([-0.05, -0.2, 0.1]))
    assert whole.median_change("loss").value == pytest.approx(-0.05)
    with pytest.raises(InputError, match="drop= or rise="):
        whole.rate("loss")
    with pytest.raises(InputError, match="loss"):
        whole.curves("accuracy")


def test_a_file_of_trainings_is_not_read_as_a_campaign(tmp_path):
    path = tmp_path / "trainings.db"
    run(training, SPACE, RandomSteps(STEPS), n=1, store=path, progress=False)
    with pytest.raises(InputError, match=r"TrainingResults\.open"):
        Results.open(path)


def without_context(seed: int, faults: TrialFaults) -> list[float]:
    return [1.0]


def nothing(seed: int, faults: TrialFaults) -> None:
    training(seed, faults)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"train": without_context}, "did not enter"),
        ({"train": nothing}, "return curves"),
        ({"train": lambda seed, faults: {"loss": training(seed, faults)["loss"] * 250}}, "2,000"),
        ({"schedule": FixedSteps((STEPS,))}, "takes 8 steps"),
        ({"schedule": "RandomSteps(8)"}, "schedule"),
        ({"space": Weights("*")}, "space"),
        ({"seeds": ()}, "seeds"),
        ({"seeds": (1, 1)}, "seeds"),
        ({"n": 0}, "n=0"),
        ({"store": 3}, "store"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(change, match):
    asked = {"train": training, "space": SPACE, "schedule": RandomSteps(STEPS), "n": 1, **change}
    with pytest.raises(InputError, match=match) as error:
        run(**asked, progress=False)
    assert "\n" not in str(error.value)


def test_a_space_is_read_back_from_a_file(tmp_path):
    path = tmp_path / "trainings.db"
    space: FaultSpace = loops.space(Gradients("4"))
    run(training, space, RandomSteps(STEPS), n=1, store=path, progress=False)
    assert TrainingResults.open(path).space.to_dict() == space.to_dict()


def test_what_is_no_training_and_faults_that_come_and_go_are_refused():
    with pytest.raises(InputError, match="train is NoneType"):
        run(None, SPACE, RandomSteps(STEPS), n=1)  # type: ignore[arg-type]
    model = loops.build()
    fleeting = FaultSpace.of(model, Weights("*"), BitFlip(), Float32(), exposure=Intermittent(0.3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with (
        pytest.raises(InputError, match="no meaning in a training"),
        inject(model, optimizer, fleeting, FixedSteps((0,))),
    ):
        pass
