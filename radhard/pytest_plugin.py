"""How is a model held to a limit in tests with pytest?"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from radhard.results import Results

__all__ = ["assert_resilient"]


@pytest.fixture
def assert_resilient(record_property: Callable[[str, object], None]) -> "Callable[..., Results]":
    """The function `radhard.testing.assert_resilient`; rates become properties in JUnit XML.

    ::

        def test_a_flipped_bit_seldom_changes_an_answer(assert_resilient):
            assert_resilient(build(), test_set(), max_rate=0.01)
    """
    # Here, since every run of pytest in the environment imports this file.
    from radhard.testing import assert_resilient as asserted

    return partial(asserted, record=record_property)
