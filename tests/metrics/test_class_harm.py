"""Is a changed prediction counted for the class that it would have been?"""

import pytest
import torch

from radhard.errors import InputError
from radhard.metrics import ClassHarm, Critical, Panel

GOLDEN = torch.tensor([[9.0, 0, 0], [9, 0, 0], [0, 9, 0], [9, 0, 0]])


def figures(faulty: torch.Tensor) -> list[float]:
    return list(Panel([ClassHarm(3)], GOLDEN, None).score(faulty[None])[0])


def test_changes_count_for_the_golden_class():
    faulty = GOLDEN.clone()
    faulty[0] = torch.tensor([0.0, 1, 0])
    assert figures(faulty) == [0.25, 0, 0]
    faulty[2] = torch.tensor([0.0, 1, 2])
    assert figures(faulty) == [0.25, 0.25, 0]
    faulty[3] = torch.nan
    assert figures(faulty) == [0.25, 0.25, 0]


def test_figures_sum_to_the_critical_rate():
    faulty = GOLDEN + 9 * torch.randn(20, 4, 3, generator=torch.Generator().manual_seed(0))
    scores = Panel([ClassHarm(3), Critical()], GOLDEN, None).score(faulty)
    assert scores[:, :3].sum(1) == pytest.approx(scores[:, 3])


def test_a_range_ends_at_the_share_of_the_class():
    ranges = Panel([ClassHarm(3)], GOLDEN, None).ranges
    assert ranges == ((0, 0.75), (0, 0.25), (0, 0.125))


def test_fewer_classes_than_there_are_are_refused():
    with pytest.raises(InputError, match="the model has 3 classes"):
        Panel([ClassHarm(2)], GOLDEN, None)
    with pytest.raises(InputError, match="from 2"):
        ClassHarm(1)
