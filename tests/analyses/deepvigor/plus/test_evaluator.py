"""Which answers are inferred and which are passed, just below and just above each threshold?"""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from radhard.analyses.deepvigor.plus.evaluator import Case, Evaluator
from radhard.analyses.deepvigor.plus.ladder import ladder
from radhard.analyses.deepvigor.plus.search import Judgements
from radhard.replay import Deviation

GOLDEN = (0, 1, 0, 1, 2, 2)
"""The answers of six images, of three classes."""

FIRST_ORDER, FAR_OUT, PASSED = range(3)


class Answering:
    """Stands for the probes of a network: any deviation of a layer gives the answer named here."""

    def __init__(self, answers: tuple[int, ...] = GOLDEN) -> None:
        self.answers, self.passed = answers, list[int]()
        self.workload = SimpleNamespace(
            predictions=torch.tensor(GOLDEN), logits=torch.zeros(len(GOLDEN), 3)
        )

    def site(self, layer: str) -> Any:
        return SimpleNamespace(shape=(4,))

    def logits(self, layer: str, deviation: Deviation) -> Tensor:
        """One-hot; NaN for class 3."""
        samples = deviation.samples.tolist()
        self.passed += samples
        answers = torch.tensor([self.answers[sample] for sample in samples])
        return (
            torch.nn.functional.one_hot(answers, 4)
            .float()
            .where(answers[:, None] < 3, math.nan)[:, :3]
        )


class Shifting:
    """Stands for the screen: the shift of each image."""

    def __init__(self, shifts: list[float]) -> None:
        self.given = torch.tensor(shifts, dtype=torch.float64)

    def shifts(self, layer: str, deviation: Deviation) -> Tensor:
        return self.given[deviation.samples]


class Drawing:
    """Stands for chance: the numbers to come."""

    def __init__(self, numbers: list[float]) -> None:
        self.numbers = np.array(numbers)

    def random(self, count: int) -> np.ndarray:
        assert count == len(self.numbers)
        return self.numbers


def asked(
    probes: Answering, screen: Shifting | None, rows: int = 10**6, **changed: Any
) -> Evaluator:
    rng = changed.get("rng", Drawing([0.5] * 6))
    return Evaluator(probes, 0.0, screen, 0.25, rows, rng)  # type: ignore[arg-type]


def changed(
    one: Evaluator, size: float | list[float], *, places: tuple[int, ...] = (1,) * 6
) -> Judgements:
    """Six images, each off in one neuron."""
    count = len(places)
    sizes = torch.tensor(size if isinstance(size, list) else [size] * count, dtype=torch.float64)
    rows = torch.arange(count)
    steps = ladder(torch.zeros(1, 1), "powers", strict=True)
    return one._changed("a", Case(rows, torch.tensor(places), steps, neurons=True), rows, sizes)


def test_shifts_below_the_threshold_are_inferred_and_others_passed():
    least = math.nextafter(0.25, 0)
    probes = Answering(answers=(1,) * 6)
    one = asked(probes, Shifting([0.0, least, 0.25, math.nextafter(0.25, 1), 1.0, math.inf]))
    found = changed(one, 1.0)
    assert probes.passed == [2, 3, 4, 5]
    assert found.way.tolist() == [FIRST_ORDER] * 2 + [PASSED] * 4
    # Golden are 0, 1, 0, 1, 2, 2; what is inferred keeps its answer.
    assert found.critical.tolist() == [False, False, True, False, True, True]
    assert one.cost.rows == 4
    assert one.cost.inferred.tolist() == [2, 0]


def test_without_a_screen_everything_is_passed():
    probes = Answering()
    assert changed(asked(probes, None), 2.0**30).way.tolist() == [PASSED] * 6
    assert probes.passed == [0, 1, 2, 3, 4, 5]


def test_numbers_that_are_none_are_no_class():
    found = changed(asked(Answering((3, 1, 0, 3, 2, 2)), None), 1.0)
    assert found.critical.tolist() == [True, False, False, True, False, False]


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        (0, 0.1),
        (1, 0.1),
        (2999, 0.1),
        (3000, 0.1),  # 600 of 6,000
        (3750, 0.08),
        (6000, 0.05),
        (30_000, 0.01),
        (60_000, 0.005),  # 600 of 120,000
        (60_001, 0.005),
        (10**7, 0.005),
    ],
)
def test_600_inferred_answers_are_passed_or_a_tenth_or_a_200th(rows: int, share: float):
    """As many as the draw leaves below the share, of two inferred answers a row."""
    numbers = [0.0, math.nextafter(share, 0), share, math.nextafter(share, 1), 0.5, 0.99]
    probes = Answering(answers=(1,) * 6)
    one = asked(probes, Shifting([0.0] * 6), rows, rng=Drawing(numbers))
    found = changed(one, 1.0)
    assert probes.passed == [0, 1]
    assert found.way.tolist() == [PASSED] * 2 + [FIRST_ORDER] * 4
    assert one.cost.audited.tolist() == [2, 0]
    assert one.cost.inferred.tolist() == [6, 0]
    assert one.cost.wrong.tolist() == [1, 0]  # image 0, whose golden answer is 0
    assert one.cost.simulations == 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_from_2_to_the_20_on_four_images_speak_for_all(sign: float):
    far = 2.0**20
    probes = Answering(answers=(2,) * 6)
    one = asked(probes, Shifting([1.0] * 6))
    found = changed(one, sign * far)
    # Four spread over the golden answers, in the order 0, 0, 1, 1, 2, 2: places 0, 1, 3, 5.
    assert probes.passed == [0, 2, 3, 5]
    assert found.way.tolist() == [FAR_OUT] * 6
    assert found.critical.tolist() == [True, True, True, True, False, False]
    assert one.cost.simulations == 1
    # Known from now on.
    assert changed(one, sign * far).way.tolist() == [FAR_OUT] * 6
    assert probes.passed == [0, 2, 3, 5]
    # The other sign is another question, and so is another neuron.
    changed(one, -sign * far)
    assert len(probes.passed) == 8
    changed(one, sign * far, places=(3,) * 6)
    assert len(probes.passed) == 12


def test_nearer_than_2_to_the_20_every_image_is_passed():
    probes = Answering(answers=(2,) * 6)
    one = asked(probes, Shifting([1.0] * 6))
    assert changed(one, math.nextafter(2.0**20, 0)).way.tolist() == [PASSED] * 6
    assert probes.passed == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("other", [0, 2, 3, 5])
def test_one_image_that_disagrees_has_all_passed(other: int):
    probes = Answering(tuple(1 if image == other else 2 for image in range(6)))
    one = asked(probes, Shifting([1.0] * 6))
    assert changed(one, 2.0**20).way.tolist() == [PASSED] * 6
    assert probes.passed == [0, 2, 3, 5, 0, 1, 2, 3, 4, 5]


def test_three_images_or_those_of_one_golden_answer_speak_for_none():
    probes = Answering(answers=(2,) * 6)
    three = asked(probes, Shifting([1.0] * 6), rng=Drawing([0.5] * 3))
    assert changed(three, 2.0**20, places=(1,) * 3).way.tolist() == [PASSED] * 3
    four = asked(probes, Shifting([1.0] * 6), rng=Drawing([0.5] * 4))
    assert changed(four, 2.0**20, places=(1,) * 4).way.tolist() == [FAR_OUT] * 4
    alike = asked(probes, Shifting([1.0] * 6))
    alike.probes.workload.predictions = torch.ones(6, dtype=torch.int64)
    assert changed(alike, 2.0**20).way.tolist() == [PASSED] * 6


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (2.0**20, 2.0**80, True),
        (2.0**80, math.nextafter(2.0**80, math.inf), False),
        (math.nextafter(2.0**80, math.inf), 1.99 * 2.0**83, True),
        (1.99 * 2.0**83, 2.0**84, False),
        (2.0**84, 2.0**87, True),
        (2.0**120, 2.0**123, True),
        (2.0**120, 2.0**124, False),
    ],
)
def test_beyond_2_to_the_80_sizes_are_alike_within_four_powers_of_two(one, two, alike):
    probes = Answering(answers=(2,) * 6)
    asking = asked(probes, Shifting([1.0] * 6))
    changed(asking, one)
    changed(asking, two)
    assert len(probes.passed) == (4 if alike else 8)
    assert asking.cost.simulations == (1 if alike else 2)
