"""What do tests of engines share? One export of equal networks."""

from collections.abc import Iterator

import pytest

from tests.exports import one_export_of_equal_networks


@pytest.fixture(scope="module")
def one_export() -> Iterator[None]:
    """For tests of what is done with graphs, not of how a graph is made."""
    with one_export_of_equal_networks():
        yield
