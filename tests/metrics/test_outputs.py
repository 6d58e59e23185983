"""Are outputs and labels that no metric can use refused with the reason?"""

import pytest
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import Accuracy, Outcome, Panel
from radhard.metrics.outputs import Faulty, Golden

GOLDEN = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        (torch.tensor([[1.0, torch.nan], [0.0, 1.0], [torch.nan, torch.nan]]), "NaN in 2 of 3"),
        (torch.zeros(0, 3), "contain no sample"),
        (torch.zeros(3, 0), "contain no sample"),
        (torch.tensor(1.0), "contain no sample"),
        (torch.zeros(2, 3, dtype=torch.complex64), "complex"),
    ],
    ids=str,
)
def test_golden_outputs_that_say_nothing_are_refused(golden: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Panel([Outcome()], golden)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1, 2]), "do not match 2 samples"),
        (torch.tensor(0), "do not match 2 samples"),
        (torch.tensor([0, 3]), "the classes 0 to 2"),
        (torch.tensor([-1, 0]), "the classes 0 to 2"),
        (torch.tensor([0.5, 1.0]), "one integer per sample"),
        (torch.tensor([torch.nan, 1.0]), "one integer per sample"),
        (torch.zeros(2, 3), "one integer per sample"),
    ],
    ids=str,
)
def test_labels_that_are_no_classes_are_refused(labels: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Panel([Accuracy()], GOLDEN, labels)


def test_labels_may_be_whole_numbers_of_any_type() -> None:
    for labels in (torch.tensor([0, 1]), torch.tensor([False, True]), torch.tensor([[0.0], [1.0]])):
        assert Panel([Accuracy()], GOLDEN, labels).score(GOLDEN[None])[0, 0] == 1.0


def test_a_fact_is_computed_once() -> None:
    faulty = Faulty(GOLDEN[None], Golden(GOLDEN))
    assert faulty.top1 is faulty.top1
    assert faulty.changed is faulty.changed
    assert faulty.golden.top1 is faulty.golden.top1
