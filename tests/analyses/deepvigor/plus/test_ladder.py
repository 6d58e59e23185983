"""Do errors fall where they belong, and is none lost?"""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radhard.analyses.deepvigor.plus.ladder import BOUND, POWERS, Grid, ladder

ERRORS = st.lists(
    st.one_of(
        st.floats(width=32, allow_nan=True, allow_infinity=True),
        st.sampled_from([0.0, 2.0**-10, -(2.0**-10), 0.5, -1.0, 2.0**10, -(2.0**10), 2.0**9]),
    ),
    min_size=1,
    max_size=40,
)


@given(ERRORS, st.booleans())
def test_the_distribution_sums_to_one_with_what_is_beyond_and_what_is_no_number(
    errors: list[float], strict: bool
) -> None:
    steps = ladder(torch.tensor([errors], dtype=torch.float64), "powers", strict=strict)
    negligible = sum(abs(error) < POWERS[0] for error in errors) / len(errors)
    shares = (steps.sure[0], steps.positive.tail[0, 0], steps.negative.tail[0, 0], negligible)
    assert math.isclose(sum(map(float, shares)), 1, abs_tol=1e-12)
    beyond = sum(abs(error) >= BOUND for error in errors) / len(errors)
    none = sum(math.isnan(error) for error in errors) / len(errors)
    sure = none if strict else beyond + none
    assert math.isclose(float(steps.sure[0]), sure, abs_tol=1e-12)


@settings(deadline=None)
@given(ERRORS, st.sampled_from(["powers", "refined", "adaptive"]), st.booleans())
def test_tails_fall_and_count_the_errors_beyond_every_candidate(
    errors: list[float], grid: Grid, strict: bool
) -> None:
    steps = ladder(torch.tensor([errors], dtype=torch.float64), grid, strict=strict)
    numbers = [e for e in errors if not math.isnan(e)]
    moving = numbers if strict else [e for e in numbers if abs(e) < BOUND]
    assert math.isclose(float(steps.sure[0]), 1 - len(moving) / len(errors), abs_tol=1e-12)
    for sign, side in ((1, steps.positive), (-1, steps.negative)):
        values, tail = side.values[0].tolist(), side.tail[0].tolist()
        assert tail[-1] == 0
        assert tail == sorted(tail, reverse=True)
        finite_values = [value for value in values if math.isfinite(value)]
        assert finite_values == sorted(finite_values)
        above = side.above[0].tolist()
        nonzero = sum(sign * error > 0 for error in moving)
        assert math.isclose(above[0], nonzero / len(errors), abs_tol=1e-12)
        for at, value in enumerate(values[: int(side.count[0])]):
            reaching = sum(sign * error >= value for error in moving)
            beyond = sum(sign * error > value for error in moving)
            assert math.isclose(tail[at], reaching / len(errors), abs_tol=1e-12)
            assert math.isclose(above[at + 1], beyond / len(errors), abs_tol=1e-12)


def test_as_published_the_grid_has_powers_of_two_up_to_the_bound() -> None:
    steps = ladder(torch.tensor([[3.0, -0.3]]), "powers", strict=False)
    assert tuple(steps.positive.values[0].tolist()) == POWERS[:-1]
    assert steps.positive.tail[0, POWERS.index(2.0)] == 0.5
    assert steps.positive.tail[0, POWERS.index(4.0)] == 0.0
    assert steps.negative.tail[0, POWERS.index(0.25)] == 0.5


def test_thousands_of_errors_keep_their_shares() -> None:
    errors = torch.randn(2, 5000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    steps = ladder(errors, "adaptive", strict=True)
    for row in range(2):
        for value, share in zip(steps.negative.values[row], steps.negative.tail[row], strict=False):
            if value.isfinite():
                assert abs(float((-errors[row] >= value).double().mean() - share)) < 1e-9
