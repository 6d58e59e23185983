"""What do all tests share? Torch's threads and modes, exports, and how hard hypothesis tries."""

import os
import signal
from collections.abc import Iterator

import pytest
import torch
from hypothesis import HealthCheck, settings
from torch.nn.modules.module import _global_forward_hooks

from tests.exports import one_export_of_networks_alike
from tests.slow_tests import (  # noqa: F401
    pytest_deselected,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

# Several threads on a few busy cores wait for each other more than they compute.
torch.set_num_threads(1)

# A shell that starts the tests in the background has them ignore Ctrl-C, which some are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "quick",
    deadline=None,
    max_examples=20,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
# Of make test-all.
settings.register_profile("wide", settings.get_profile("quick"), max_examples=100)
# For a change in formats, faults or spec: pytest --hypothesis-profile=thorough tests/formats
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2000)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def modes_of_torch() -> Iterator[None]:
    """Nothing leaves torch's gradient or inference mode, or its autocast, other than it was."""
    yield
    left = (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.is_autocast_cache_enabled(),
        torch.backends.mha.get_fastpath_enabled(),
    )
    assert left == (True, False, False, True, True)
    assert not _global_forward_hooks  # of all modules, of any model


@pytest.fixture(scope="module", autouse=True)
def one_export() -> Iterator[None]:
    """Most tests are about what is done with a graph; those of how one is made override this."""
    with one_export_of_networks_alike():
        yield
