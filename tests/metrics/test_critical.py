"""Does Critical judge as Outcome does, and what rests on the answers alone?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from radhard.metrics import Critical, Outcome, Panel
from radhard.metrics.base import SampleMetric
from tests.conformance.metric_examples import EXAMPLES

from .drawn import trials


@given(trials())
def test_shares_are_those_of_outcome(drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, faulty, _ = drawn
    panel = Panel([Outcome(), Critical()], golden)
    figures = dict(zip(panel.columns, panel.score(faulty).T, strict=True))
    for name in ("critical", "due"):
        assert (figures[f"Critical().{name}"] == figures[f"Outcome().{name}"]).all()


BY_ANSWER = [metric for metric in EXAMPLES if metric.by_answer]


def test_some_metrics_rest_on_the_answers_alone() -> None:
    assert {type(metric).__name__ for metric in BY_ANSWER} == {
        "Critical",
        "Sdc",
        "Accuracy",
        "ClassHarm",
        "Corrections",
    }


@pytest.mark.parametrize("metric", BY_ANSWER, ids=repr)
@given(drawn=trials())
def test_other_outputs_with_the_same_answers_have_the_same_figures(
    metric: SampleMetric, drawn: tuple[Tensor, Tensor, Tensor]
) -> None:
    golden, faulty, labels = drawn
    top = faulty.max(dim=-1)
    others = torch.nn.functional.one_hot(top.indices, golden.shape[1]).double()
    others[top.values.isnan()] = torch.nan
    panel = Panel([metric], golden, labels)
    assert np.array_equal(panel.score(faulty), panel.score(others))


@pytest.mark.parametrize("metric", BY_ANSWER, ids=repr)
def test_the_figures_of_one_sample_are_no_further_than_1_apart(metric: SampleMetric) -> None:
    golden = torch.eye(3)
    labels = torch.tensor([0, 1, 0])
    outputs = torch.eye(3).repeat(1, 1)[:, None]
    panel = Panel([metric], golden, labels)
    for sample in range(3):
        rows = torch.full((3,), sample)
        figures = panel.score_samples(outputs[:, 0], rows)
        assert (np.ptp(figures, axis=0) <= 1).all()
