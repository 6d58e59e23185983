"""Which displacements are tried just below and just above each threshold?

Every line is made by hand, and so are the displacements that have to be tried on it.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from radhard.engines.bracket.lines import Points, bisect_lines


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


@dataclass
class Line:
    """One word and one sample with golden answer 0: answers and room at its displacements.

    What is not named leads to the golden answer and leaves all room.
    """

    sizes: list[float]
    answers: dict[float, int] = field(default_factory=dict)
    room: dict[float, float] = field(default_factory=dict)
    calls: int = 0

    def tried(self) -> set[float]:
        """The displacements that are tried, 0 apart."""
        points = Points.of(np.zeros(len(self.sizes), np.int64), np.array(self.sizes))

        def evaluate(some: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            self.calls += 1
            assert of.shape == (len(some), 1)
            sizes = points.sizes[some].tolist()
            answers = [[self.answers.get(size, 0)] for size in sizes]
            room = [[self.room.get(size, math.inf)] for size in sizes]
            return np.array(answers, np.int32).reshape(-1, 1), np.array(room).reshape(-1, 1)

        answers, tried = bisect_lines(points, np.zeros(1, np.int32), evaluate)
        asked = set(points.sizes[tried[:, 0]].tolist()) - {0.0}
        assert all(
            answers[at, 0] == self.answers.get(size, 0)
            for at, size in enumerate(points.sizes.tolist())
            if size in asked
        )
        return asked


# -- how calm a stretch has to be -----------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1.5e307])
def test_between_golden_ends_nothing_is_tried_from_twice_the_room_on(sign: int, unit: float):
    inner, end = 3 * unit * sign, 8 * unit * sign
    assert Line([inner, end], room={end: 2.0}).tried() == {end}
    assert Line([inner, end], room={end: below(2.0)}).tried() == {inner, end}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_stretch_is_judged_by_its_own_length_and_the_room_at_both_ends(sign: int):
    def tried(sizes: list[float], near: float, far: float) -> list[float]:
        signed = [sign * size for size in sizes]
        line = Line(signed, room={signed[1]: near, signed[-1]: far})
        return sorted(abs(size) for size in line.tried())

    # The outputs move by less than their lead on the way from 4 to 8 if they move by less than
    # twice their lead on the way from 0 to 8.
    assert tried([1.0, 4.0, 7.0, 8.0], near=2.0, far=1.0) == [4, 8]
    assert tried([1.0, 4.0, 7.0, 8.0], near=2.0, far=below(1.0)) == [4, 7, 8]
    # From 6 to 8 it is a third of the way from 0 to 6.
    assert tried([1.0, 6.0, 7.0, 8.0], near=2.0, far=0.5) == [6, 8]
    assert tried([1.0, 6.0, 7.0, 8.0], near=0.67, far=0.5) == [1, 6, 8]
    assert tried([1.0, 6.0, 7.0, 8.0], near=0.66, far=0.5) == [1, 6, 7, 8]
    assert tried([1.0, 6.0, 7.0, 8.0], near=2.0, far=below(0.5)) == [6, 7, 8]


def test_a_stretch_between_ends_of_one_other_class_is_not_classifier_workload():
    line = Line([2.0, 4.0, 6.0, 8.0], dict.fromkeys((2.0, 4.0, 6.0, 8.0), 1), {8.0: 0.1})
    line.room |= {4.0: 0.1, 2.0: 0.1}
    assert line.tried() == {8.0, 4.0, 2.0}


# -- where the middle lies ------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("sizes", "middle"),
    [
        ([1.0, 3.9, 4.2, 8.0], 3.9),
        ([1.0, 3.7, 4.2, 8.0], 4.2),
        ([1.0, 2.0, 3.0, 8.0], 3.0),
        ([5.0, 6.0, 7.0, 8.0], 5.0),
        ([7.0, 8.0], 7.0),
    ],
    ids=str,
)
def test_the_displacement_nearest_to_the_middle_is_tried(sizes, middle, sign):
    sizes = [sign * size for size in sizes]
    assert Line(sizes, room={sizes[-1]: 1.9}).tried() == {sizes[-1], sign * middle}


def test_of_two_as_near_the_larger_number_is_tried():
    assert Line([3.0, 5.0, 8.0], room={8.0: 1.9}).tried() == {8.0, 5.0}
    assert Line([-3.0, -5.0, -8.0], room={-8.0: 1.9}).tried() == {-8.0, -3.0}


def test_a_change_of_answer_is_bisected():
    sizes = [float(size) for size in range(1, 9)]
    assert Line(sizes, {size: 1 for size in sizes if size > 3}).tried() == {8.0, 4.0, 2.0, 3.0}
    assert Line(sizes, {size: 1 for size in sizes if size > 6}).tried() == {8.0, 4.0, 6.0, 7.0}


def test_half_way_between_the_largest_numbers_is_no_infinity():
    sizes = [size * 1e307 for size in (1.0, 9.0, 12.0, 13.5, 14.9, 17.0)]
    found = Line(sizes, {size: 1 for size in sizes if size > 13e307}).tried()
    assert found == {17e307, 9e307, 13.5e307, 12e307}


# -- the end that is nearer -----------------------------------------------------------------------


def test_both_ends_are_tried_and_nothing_between_that_is_calm():
    line = Line([-1.0, -0.5, 5.0, 8.0], room={8.0: 2.0, -1.0: 2.0})
    assert line.tried() == {8.0, -1.0}
    # What lies on no line, the farther end, and two laps; then nothing is left open.
    assert line.calls == 4


def test_the_side_behind_the_nearer_end_is_looked_at_as_well():
    assert Line([-1.0, -0.5, 8.0], room={8.0: 2.0, -1.0: 1.9}).tried() == {8.0, -1.0, -0.5}
    assert Line([-1.0, -0.5, 8.0], {-1.0: 1}, {8.0: 2.0}).tried() == {8.0, -1.0, -0.5}


def test_of_two_ends_as_far_the_positive_one_comes_first():
    assert Line([-3.0, 3.0], room={3.0: 64.0}).tried() == {3.0}
    assert Line([-above(3.0), 3.0], room={-above(3.0): 64.0}).tried() == {-above(3.0)}


@pytest.mark.parametrize("sign", [1, -1])
def test_the_nearer_end_is_borne_from_64_times_the_room_on(sign: int):
    near, far = -sign * 1.0, sign * 8.0
    assert Line([near, far], room={far: 64.0}).tried() == {far}
    assert Line([near, far], room={far: below(64.0)}).tried() == {far, near}


@pytest.mark.parametrize("unit", [1.0, 1e-300])
def test_a_displacement_up_to_16_times_as_large_speaks_for_the_nearer_end(unit: float):
    assert Line([-unit, 16 * unit], room={16 * unit: 64.0}).tried() == {16 * unit}
    far = above(16 * unit)
    assert Line([-unit, far], room={far: 64.0}).tried() == {far, -unit}


def test_the_least_room_that_was_seen_counts_and_no_movement_is_no_sign():
    assert Line([-1.0, 4.0, 8.0], room={8.0: 1.9, 4.0: 1e6}).tried() == {8.0, 4.0, -1.0}
    assert Line([-1.0, 8.0]).tried() == {8.0, -1.0}


def test_another_answer_is_no_sign_that_the_nearer_end_is_borne():
    assert Line([-1.0, 8.0], {8.0: 1}, {8.0: 1e6}).tried() == {8.0, -1.0}


def test_the_middle_of_the_farther_side_speaks_for_the_nearer_end_unless_it_is_smaller():
    """The farther end, of another answer, says nothing; the middle is seen before the nearer."""

    def tried(near: float, middle: float, far: float) -> set[float]:
        return Line([near, middle, far], {far: 1}, {middle: 64.0}).tried()

    assert tried(-1.0, 16.0, 100.0) == {16.0, 100.0}
    assert tried(-2.0, 2.0, 4.0) == {2.0, 4.0}
    assert tried(-above(2.0), 2.0, 4.0) == {2.0, 4.0, -above(2.0)}


def test_infinite_displacements_are_all_tried_and_speak_for_none():
    inf = math.inf
    found = Line([-1.0, 8.0, inf, -inf], room={inf: 100.0, -inf: 100.0, 8.0: 2.0}).tried()
    assert found == {8.0, -1.0, inf, -inf}
    line = Line([-1e308, 1.5e308, inf], room={inf: 100.0, 1.5e308: 2.0})
    assert line.tried() == {1.5e308, -1e308, inf}
