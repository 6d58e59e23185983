"""Is the area under the ROC curve what scikit-learn says it is?"""

import math
from itertools import product

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import assume, given
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import Auroc, Panel

from .drawn import FINITE, trials

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("metric", [Auroc(), Auroc(average="weighted")], ids=repr)
@given(drawn=trials(elements=FINITE, classes=(3, 5)))
def test_one_against_the_rest_agrees_with_scikit_learn(
    metric: Auroc, drawn: tuple[Tensor, Tensor, Tensor]
) -> None:
    golden, faulty, labels = drawn
    present = labels.unique()
    assume(len(present) > 1)

    def reference(outputs: Tensor) -> float:
        scores = outputs.softmax(-1, dtype=torch.float64)
        areas = [sklearn.metrics.roc_auc_score(labels == c, scores[:, c]) for c in present]
        weights = [(labels == c).sum() if metric.average == "weighted" else 1 for c in present]
        return float(np.average(areas, weights=weights))

    for outputs, (area, drop) in zip(
        faulty, Panel([metric], golden, labels).score(faulty), strict=True
    ):
        expected = reference(outputs)
        np.testing.assert_allclose(
            [area, drop], [expected, reference(golden) - expected], atol=1e-14
        )


@given(trials(elements=FINITE, classes=(2, 2)))
def test_two_classes_agree_with_scikit_learn(drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, faulty, labels = drawn
    assume(len(labels.unique()) > 1)
    figures = Panel([Auroc()], golden, labels).score(faulty)[:, 0]
    differences = faulty.double().diff(dim=-1)[..., 0]
    expected = [sklearn.metrics.roc_auc_score(labels, one) for one in differences]
    np.testing.assert_allclose(figures, expected, atol=1e-14)


@given(trials(classes=(2, 2), keep=False))
def test_one_logit_wins_the_pairs_counted_one_by_one(
    drawn: tuple[Tensor, Tensor, Tensor],
) -> None:
    golden, faulty, labels = drawn
    assume(len(labels.unique()) > 1)
    figures = Panel([Auroc()], golden[..., 0], labels).score(faulty[..., 0])[:, 0]

    def won(own: float, other: float) -> float:
        # Any comparison with NaN is False.
        return 1.0 if own > other else 0.5 if own == other else 0.0

    for outputs, figure in zip(faulty[..., 0], figures, strict=True):
        # Above half the largest number, scores are one.
        outputs = outputs.clamp(-1.7e38, 1.7e38)
        pairs = product(outputs[labels == 1].tolist(), outputs[labels == 0].tolist())
        assert figure == pytest.approx(np.mean([won(*pair) for pair in pairs]), abs=1e-14)


@given(drawn=trials(elements=FINITE, classes=(2, 4)))
def test_a_sample_with_nan_in_any_probability_loses_every_pair(
    drawn: tuple[Tensor, Tensor, Tensor],
) -> None:
    golden, faulty, labels = drawn
    assume(len(labels.unique()) > 1)
    golden, faulty = (x.softmax(-1, dtype=torch.float64) for x in (golden, faulty))
    # In the column after the label's, where NaN does not reach the label's by itself.
    faulty[:, ::2, :] = faulty[:, ::2, :].masked_fill(
        torch.nn.functional.one_hot((labels[::2] + 1) % golden.shape[1], golden.shape[1]).bool(),
        NAN,
    )
    found = Panel([Auroc(outputs="probabilities")], golden, labels).score(faulty)[:, 0]
    classes = [1] if golden.shape[1] == 2 else labels.unique().tolist()
    for outputs, figure in zip(faulty.tolist(), found, strict=True):
        areas = []
        for c in classes:
            won = []
            for own, other in product(range(len(labels)), repeat=2):
                if labels[own] != c or labels[other] == c:
                    continue
                a, b = outputs[own], outputs[other]
                if golden.shape[1] == 2:
                    a, b = [[row[0], row[1] - row[0]] for row in (a, b)]
                # Wrong whichever of the two has NaN.
                lost = any(map(math.isnan, a + b))
                won.append(0.0 if lost else 1.0 if a[c] > b[c] else 0.5 if a[c] == b[c] else 0.0)
            areas.append(np.mean(won))
        assert figure == pytest.approx(np.mean(areas), abs=1e-14)


def test_large_logits_keep_their_order() -> None:
    # Both have a softmax of 1.0 in float64.
    golden = torch.tensor([50.0, 60.0])
    assert Panel([Auroc()], golden, torch.tensor([0, 1])).score(golden[None])[0, 0] == 1.0


def test_nothing_but_nan_has_no_area() -> None:
    golden = torch.eye(3)
    panel = Panel([Auroc()], golden, torch.arange(3))
    assert panel.score(torch.full((1, 3, 3), NAN)).tolist() == [[0.0, 1.0]]
    assert panel.score(torch.zeros(1, 3, 3)).tolist() == [[0.5, 0.5]]


def test_labels_of_one_class_are_refused() -> None:
    with pytest.raises(InputError, match="all labels are 1"):
        Panel([Auroc()], torch.zeros(4, 3), torch.ones(4, dtype=torch.int64))
