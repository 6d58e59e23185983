"""Do Accuracy and TopK count right answers as scikit-learn does?"""

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import Accuracy, Panel, TopK

from .drawn import FINITE, trials
from .plain import broken, ranked


@given(trials(), st.data())
def test_share_and_drop_are_counts_of_right_answers(
    drawn: tuple[Tensor, Tensor, Tensor], data: st.DataObject
) -> None:
    golden, faulty, labels = drawn
    k = data.draw(st.integers(1, golden.shape[1]))
    figures = Panel([Accuracy(), TopK(k=k)], golden, labels).score(faulty)

    def share(outputs: list[list[float]], k: int) -> float:
        hits = [
            not broken(row) and label in ranked(row)[:k]
            for row, label in zip(outputs, labels.tolist(), strict=True)
        ]
        return sum(hits) / len(hits)

    for outputs, found in zip(faulty.tolist(), figures, strict=True):
        top1, topk = share(outputs, 1), share(outputs, k)
        drops = share(golden.tolist(), 1) - top1, share(golden.tolist(), k) - topk
        np.testing.assert_allclose(found, [top1, drops[0], topk, drops[1]], atol=1e-15)


@given(trials(elements=FINITE))
def test_accuracy_agrees_with_scikit_learn(drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, faulty, labels = drawn
    figures = Panel([Accuracy()], golden, labels).score(faulty)[:, 0]
    expected = [sklearn.metrics.accuracy_score(labels, one.argmax(-1)) for one in faulty]
    np.testing.assert_allclose(figures, expected, atol=1e-15)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_top_k_agrees_with_scikit_learn_where_no_logits_are_equal(seed: int, k: int) -> None:
    # scikit-learn breaks ties the other way, so that only outputs without any are compared.
    rng = np.random.default_rng(seed)
    golden = torch.tensor(rng.permuted(np.arange(50.0).reshape(10, 5), axis=1))
    faulty = torch.tensor(rng.permuted(np.arange(50.0).reshape(1, 10, 5), axis=2))
    labels = torch.tensor(rng.integers(0, 5, 10))
    figure = Panel([TopK(k=k)], golden, labels).score(faulty)[0, 0]
    expected = sklearn.metrics.top_k_accuracy_score(labels, faulty[0], k=k, labels=range(5))
    assert figure == pytest.approx(expected, abs=1e-15)


def test_a_fault_that_helps_has_a_drop_below_zero() -> None:
    panel = Panel([Accuracy()], torch.tensor([[1.0, 0.0]] * 4), torch.tensor([1, 1, 0, 0]))
    mended = torch.tensor([[[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]])
    assert panel.score(mended).tolist() == [[1.0, -0.5]]


def test_nan_is_wrong_even_where_argmax_would_name_the_label() -> None:
    panel = Panel([Accuracy(), TopK(k=2)], torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    assert panel.score(torch.tensor([[[torch.nan, 0.0]]])).tolist() == [[0.0, 1.0, 0.0, 1.0]]


def test_k_is_checked() -> None:
    with pytest.raises(InputError, match="k is a whole number from 1"):
        TopK(k=0)
    with pytest.raises(InputError, match=r"TopK\(\).*number of classes, 3"):
        Panel([TopK()], torch.zeros(2, 3), torch.tensor([0, 1]))
