"""Is the time of two models compared, rather than anything else?"""

import time

import pytest
import torch
from torch import nn

from radhard.cost import time_ratio
from radhard.errors import InputError


def test_twice_the_work_reads_as_twice_the_time(monkeypatch):
    now = 0.0

    class Slow(nn.Module):
        def __init__(self, seconds):
            super().__init__()
            self.seconds = seconds

        def forward(self, inputs):
            nonlocal now
            now += self.seconds
            return inputs

    monkeypatch.setattr(time, "process_time", lambda: now)
    found = time_ratio(Slow(0.02), Slow(0.01), torch.zeros(2, 3), turns=5)
    assert found.median == pytest.approx(2)
    assert found.low == pytest.approx(found.high)
    assert str(found).startswith("2.000x (range 2.000 to 2.000, 5 turns, passes of 2 samples)")


def test_threads_are_put_back_and_too_few_turns_refused():
    before = torch.get_num_threads()
    time_ratio(nn.ReLU(), nn.ReLU(), torch.zeros(2, 3), turns=3)
    assert torch.get_num_threads() == before
    with pytest.raises(InputError, match="at least 3"):
        time_ratio(nn.ReLU(), nn.ReLU(), torch.zeros(2, 3), turns=2)
