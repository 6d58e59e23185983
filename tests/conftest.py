"""What do all tests share? One thread for torch, and how hard hypothesis tries."""

import os

import torch
from hypothesis import HealthCheck, settings

# Several threads on a few busy cores wait for each other more than they compute.
torch.set_num_threads(1)

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
