"""Are right and wrong answers split as the scheme says?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from radhard.metrics import Accuracy, Corneliou, Panel

from .drawn import trials
from .plain import broken, ranked


def by_hand(golden: list[float], faulty: list[float], label: int) -> str:
    if broken(faulty):
        return "due"
    if golden == faulty:
        return "masked"
    before, after = ranked(golden)[0], ranked(faulty)[0]
    if after == label:
        return "tolerable_correct" if before == label else "beneficial_correct"
    if before == label:
        return "critical_misclassified"
    return "tolerable_misclassified" if before == after else "noimpact_misclassified"


@given(trials())
def test_shares_are_the_counts_of_single_verdicts(drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, faulty, labels = drawn
    metric = Corneliou()
    for outputs, shares in zip(
        faulty.tolist(), Panel([metric], golden, labels).score(faulty), strict=True
    ):
        verdicts = list(map(by_hand, golden.tolist(), outputs, labels.tolist()))
        counted = [verdicts.count(name) / len(verdicts) for name in names_of(metric)]
        np.testing.assert_allclose(shares, counted, rtol=1e-15)


@pytest.mark.parametrize(
    ("faulty", "label", "column"),
    [
        ([5.0, 1.0, 0.0], 0, "tolerable_correct"),
        ([0.0, 1.0, 0.0], 1, "beneficial_correct"),
        ([5.0, 1.0, 0.0], 1, "tolerable_misclassified"),
        ([0.0, 0.0, 1.0], 1, "noimpact_misclassified"),
        ([0.0, 1.0, 0.0], 0, "critical_misclassified"),
        ([2.0, 1.0, 0.0], 1, "masked"),
        ([2.0, 1.0, float("nan")], 0, "due"),
    ],
)
def test_every_column_can_be_reached(faulty: list[float], label: int, column: str) -> None:
    metric = Corneliou()
    panel = Panel([metric], torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([label]))
    figures = panel.score(torch.tensor([[faulty]]))[0]
    assert dict(zip(names_of(metric), figures, strict=True))[column] == 1


@given(trials())
def test_the_drop_of_accuracy_is_what_was_spoilt_less_what_was_mended(
    drawn: tuple[Tensor, Tensor, Tensor],
) -> None:
    golden, faulty, labels = drawn
    faulty = faulty.nan_to_num(nan=0.0)
    panel = Panel([Accuracy(), Corneliou()], golden, labels)
    figures = dict(zip(panel.columns, panel.score(faulty).T, strict=True))
    np.testing.assert_allclose(
        figures["Accuracy().drop"],
        figures["Corneliou().critical_misclassified"] - figures["Corneliou().beneficial_correct"],
        atol=1e-15,
    )


def names_of(metric):
    return [column.name for column in metric.figures]
