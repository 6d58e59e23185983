"""Is F1 what scikit-learn says it is?"""

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import assume, given
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import F1, Panel

from .drawn import trials


def reference(outputs: Tensor, labels: Tensor, average: str) -> float:
    answers = outputs.argmax(-1)
    answers[outputs.isnan().any(-1)] = -1  # no class of the labels
    found: float = sklearn.metrics.f1_score(
        labels,
        answers,
        labels=[1] if average == "binary" else labels.unique(),
        average="macro" if average == "binary" else average,
        zero_division=0,
    )
    return found


@pytest.mark.parametrize("metric", [F1(), F1(average="weighted")], ids=repr)
@given(drawn=trials())
def test_agrees_with_scikit_learn(metric: F1, drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, faulty, labels = drawn
    figures = Panel([metric], golden, labels).score(faulty)
    before = reference(golden, labels, metric.average)
    for outputs, (score, drop) in zip(faulty, figures, strict=True):
        expected = reference(outputs, labels, metric.average)
        np.testing.assert_allclose([score, drop], [expected, before - expected], atol=1e-14)


@given(drawn=trials(classes=(2, 2)))
def test_binary_agrees_with_scikit_learn(drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, faulty, labels = drawn
    assume(labels.any())
    figures = Panel([F1(average="binary")], golden, labels).score(faulty)[:, 0]
    expected = [reference(outputs, labels, "binary") for outputs in faulty]
    np.testing.assert_allclose(figures, expected, atol=1e-14)


def test_a_missing_answer_lowers_the_recall_of_its_label_only() -> None:
    golden = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    faulty = golden.clone()
    faulty[0] = torch.nan
    figures = Panel([F1()], golden, torch.tensor([0, 0, 1, 1])).score(faulty[None])
    # Class 0: precision 1, recall 1/2, F1 2/3; class 1 untouched.
    np.testing.assert_allclose(figures, [[(2 / 3 + 1) / 2, (1 / 3) / 2]])


def test_binary_needs_two_classes_and_a_positive_label() -> None:
    metric = F1(average="binary")
    with pytest.raises(InputError, match="requires two classes, but the model has 3"):
        Panel([metric], torch.zeros(2, 3), torch.tensor([0, 1]))
    with pytest.raises(InputError, match="all labels are 0"):
        Panel([metric], torch.zeros(2), torch.tensor([0, 0]))
