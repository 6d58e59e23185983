"""A network whose predictions change easily."""

from functools import cache

import torch
from torch import nn

from radhard.datasets.data import Data

__all__ = ["small_margins"]


@cache
def small_margins(seed: int = 0) -> tuple[nn.Module, Data]:
    """A network with small margins, as its labels are random, and 10 samples."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        x, y = torch.randn(128, 6), torch.randint(3, (128,))
        model = nn.Sequential(
            nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
        )
        best = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(40):
            best.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            best.step()
        model = model.half().float().eval()
        return model, Data(torch.randn(10, 6), torch.randint(3, (10,)))
