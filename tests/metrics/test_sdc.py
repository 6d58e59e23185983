"""Does Sdc see when the golden answer leaves the top k?"""

import pytest
import torch
from hypothesis import given
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import Outcome, Panel, Sdc

from .drawn import trials
from .plain import broken, ranked

INF, NAN = float("inf"), float("nan")


@given(trials())
def test_share_is_the_count_of_golden_answers_outside_the_top_k(
    drawn: tuple[Tensor, Tensor, Tensor],
) -> None:
    golden, faulty, _ = drawn
    every_k = range(1, golden.shape[1] + 1)
    figures = Panel([Sdc(k=k) for k in every_k], golden).score(faulty)
    for outputs, found in zip(faulty.tolist(), figures, strict=True):
        pairs = list(zip(golden.tolist(), outputs, strict=True))
        for k, share in zip(every_k, found, strict=True):
            lost = [not broken(f) and ranked(g)[0] not in ranked(f)[:k] for g, f in pairs]
            assert share == pytest.approx(sum(lost) / len(lost), rel=1e-15)


@pytest.mark.parametrize(
    ("faulty", "ks"),
    [
        ([9.0, 1.0, 1.0, 1.0], []),
        ([1.0, 9.0, 0.0, 0.0], [1]),
        ([1.0, 9.0, 8.0, 0.0], [1, 2]),
        ([1.0, 9.0, 8.0, 7.0], [1, 2, 3]),
        ([1.0, 1.0, 1.0, 1.0], []),
        ([-INF, INF, INF, INF], [1, 2, 3]),
        ([1.0, 9.0, 8.0, NAN], []),
        ([NAN, 9.0, 8.0, 7.0], []),
    ],
)
def test_one_output_is_sdc_up_to_some_k(faulty: list[float], ks: list[int]) -> None:
    panel = Panel([Sdc(k=k) for k in (1, 2, 3, 4)], torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    figures = panel.score(torch.tensor([[faulty]]))[0]
    assert [k for k, figure in enumerate(figures, start=1) if figure == 1] == ks


@given(trials())
def test_sdc_1_is_the_critical_share(drawn: tuple[Tensor, Tensor, Tensor]) -> None:
    golden, faulty, _ = drawn
    panel = Panel([Outcome(), Sdc()], golden)
    figures = dict(zip(panel.columns, panel.score(faulty).T, strict=True))
    assert (figures["Sdc().sdc"] == figures["Outcome().critical"]).all()


@pytest.mark.parametrize("k", [0, -1])
def test_k_from_one(k: int) -> None:
    with pytest.raises(InputError, match="k is a whole number from 1"):
        Sdc(k=k)


def test_k_above_the_classes_is_refused() -> None:
    golden = torch.zeros(2, 4)
    Panel([Sdc(k=4)], golden)
    with pytest.raises(InputError, match=r"Sdc\(k=5\).*number of classes, 4"):
        Panel([Sdc(k=5)], golden)
    with pytest.raises(InputError, match="number of classes, 2"):
        Panel([Sdc(k=5)], golden[:, 0])
