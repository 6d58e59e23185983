"""What do all tests share? One thread for torch, Ctrl-C, and how hard hypothesis tries."""

import os
import signal

import torch
from hypothesis import HealthCheck, settings

# Several threads on a few busy cores wait for each other more than they compute.
torch.set_num_threads(1)

# A shell that starts the tests in the background has them ignore Ctrl-C, which some are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "quick",
    deadline=None,
    max_examples=40,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a change in formats, faults or spec: pytest --hypothesis-profile=thorough tests/formats
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=2000)
settings.load_profile("quick")
