"""Is a root found as close as it is asked for, in as few steps as by scipy?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from radhard.stats import bracketed_root

FUNCTIONS = {
    "line": lambda x, at: x - at,
    "cubic": lambda x, at: (x - at) ** 3,
    "steep": lambda x, at: math.expm1(20 * (x - at)),
    "flat": lambda x, at: math.atan(40 * (x - at)),
    "step": lambda x, at: -1.0 if x < at else 2.0,
    "falling": lambda x, at: at - x,
    "root": lambda x, at: math.copysign(math.sqrt(abs(x - at)), x - at),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@given(at=st.floats(-3, 3), below=st.floats(0, 5), above=st.floats(0, 5))
def test_roots_are_as_close_as_asked_for(name, at, below, above):
    def function(x: float) -> float:
        return FUNCTIONS[name](x, at)

    found = bracketed_root(function, at - below, at + above, close=1e-7)
    # Where the function is 0 to the last bit, any such point is a root.
    assert abs(found - at) <= 1e-7 + 1e-12 or function(found) == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_takes_about_as_many_steps_as_scipy(name):
    counts = []
    for solve in (bracketed_root, brentq):
        points: list[float] = []

        def function(x: float, points: list[float] = points) -> float:
            points.append(x)
            return FUNCTIONS[name](x, 0.3)

        options = {"close": 1e-8} if solve is bracketed_root else {"xtol": 1e-8, "rtol": 1e-9}
        solve(function, -1.0, 2.5, **options)
        counts.append(len(points))
    assert counts[0] <= 1.5 * counts[1] + 3
