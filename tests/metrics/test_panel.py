"""Does the panel refuse what cannot be judged, and find the right sample?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import F1, Accuracy, Auroc, Metric, Outcome, Panel, Sdc

from .drawn import trials

GOLDEN = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
LABELS = torch.tensor([0, 2])


@given(trials(), st.data())
def test_rows_name_the_golden_sample(
    drawn: tuple[Tensor, Tensor, Tensor], data: st.DataObject
) -> None:
    golden, faulty, labels = drawn
    panel = Panel([Outcome(), Sdc(k=2), Accuracy()], golden, labels)
    rows = data.draw(st.lists(st.integers(0, len(golden) - 1), max_size=6))
    figures = panel.score_samples(faulty[0, rows], torch.tensor(rows, dtype=torch.int64))
    assert figures.shape == (len(rows), len(panel.columns))
    for row, found in zip(rows, figures, strict=True):
        one = slice(row, row + 1)
        alone = Panel(panel.metrics, golden[one], labels[one]).score(faulty[:1, one])
        assert np.array_equal(found, alone[0])


def test_rows_name_the_golden_sample_of_one_logit() -> None:
    faulty, rows = torch.tensor([1.0, 1.0, -2.0, torch.nan]), torch.tensor([0, 1, 1, 0])
    verdicts = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    golden = torch.tensor([1.0, -1.0])
    assert Panel([Outcome()], golden).score_samples(faulty, rows).tolist() == verdicts
    column = Panel([Outcome()], golden[:, None]).score_samples(faulty[:, None], rows)
    assert column.tolist() == verdicts


def test_columns_name_metric_and_figure() -> None:
    panel = Panel([Outcome(), Sdc(k=3), Accuracy()], GOLDEN, LABELS)
    assert panel.columns == (
        "Outcome().masked",
        "Outcome().noncritical",
        "Outcome().critical",
        "Outcome().due",
        "Sdc(k=3).sdc",
        "Accuracy().accuracy",
        "Accuracy().drop",
    )
    right = float((GOLDEN.argmax(1) == LABELS).double().mean())
    assert panel.ranges == ((0, 1),) * 6 + ((right - 1, right),)


@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 2), (1, 2, 3, 1), (1, 2, 4), (2,), ()], ids=str)
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="do not match golden outputs"):
        Panel([Outcome()], GOLDEN).score(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3,), (2, 2), (1, 2, 3), ()], ids=str)
def test_outputs_that_are_not_one_sample_a_trial_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="not one sample per trial"):
        Panel([Outcome()], GOLDEN).score_samples(torch.zeros(shape), torch.zeros(1).long())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.tensor([0]), "do not determine the sample"),
        (torch.tensor([0.0, 1.0]), "do not determine the sample"),
        (torch.tensor([0, 2]), "the samples are 0 to 1"),
        (torch.tensor([-1, 0]), "the samples are 0 to 1"),
    ],
    ids=str,
)
def test_rows_outside_the_samples_are_refused(rows: Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Panel([Outcome()], GOLDEN).score_samples(GOLDEN, rows)


@pytest.mark.parametrize("metric", [F1(), Auroc()], ids=repr)
def test_one_sample_is_too_little_for_metrics_of_all_samples(metric: Metric) -> None:
    panel = Panel([Outcome(), metric], GOLDEN, LABELS)
    with pytest.raises(InputError, match="cannot be computed from one sample") as refused:
        panel.score_samples(GOLDEN, torch.tensor([0, 1]))
    assert repr(metric) in str(refused.value)


def test_no_metric_and_a_metric_twice_are_refused() -> None:
    with pytest.raises(InputError, match="no metric was given"):
        Panel([], GOLDEN)
    with pytest.raises(InputError, match=r"Sdc\(\) is given more than once"):
        Panel([Sdc(), Outcome(), Sdc(k=1)], GOLDEN)
