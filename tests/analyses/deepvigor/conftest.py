"""What do tests of analyses by deviations share? One export of equal networks."""

from collections.abc import Iterator

import pytest

from tests.exports import one_export_of_equal_networks


@pytest.fixture(scope="module", autouse=True)
def one_export() -> Iterator[None]:
    """They are tests of what is done with graphs, not of how a graph is made."""
    with one_export_of_equal_networks():
        yield
