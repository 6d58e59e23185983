"""Does Outcome put every sample into the one class that it belongs to?"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import Outcome, Panel

from .drawn import trials
from .plain import broken, ranked

INF, NAN = float("inf"), float("nan")


def by_hand(golden: list[float], faulty: list[float], infinite: str) -> str:
    if broken(faulty) or (infinite == "due" and any(math.isinf(x) for x in faulty)):
        return "due"
    if faulty == golden:
        return "masked"
    return "noncritical" if ranked(faulty)[0] == ranked(golden)[0] else "critical"


@pytest.mark.parametrize("metric", [Outcome(), Outcome(infinite="due")], ids=repr)
@given(drawn=trials())
def test_shares_are_the_counts_of_single_verdicts(
    metric: Outcome, drawn: tuple[Tensor, Tensor, Tensor]
) -> None:
    golden, faulty, _ = drawn
    figures = Panel([metric], golden).score(faulty)
    for outputs, shares in zip(faulty.tolist(), figures, strict=True):
        verdicts = [
            by_hand(g, f, metric.infinite) for g, f in zip(golden.tolist(), outputs, strict=True)
        ]
        counted = [verdicts.count(name) / len(verdicts) for name in names_of(metric)]
        np.testing.assert_allclose(shares, counted, rtol=1e-15)
        assert shares.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ([1.0, 2.0, 0.0], "masked"),
        ([1.0, 2.0, -0.0], "masked"),
        ([1.0, 2.0000002, 0.0], "noncritical"),
        ([2.0, 2.0, 0.0], "critical"),  # the tie goes to the lowest class
        ([1.0, 2.0, 2.0], "noncritical"),
        ([1.0, INF, 0.0], "noncritical"),
        ([INF, 2.0, 0.0], "critical"),
        ([1.0, 2.0, -INF], "noncritical"),
        ([1.0, 2.0, NAN], "due"),
        ([NAN, INF, 0.0], "due"),
        ([NAN, NAN, NAN], "due"),
    ],
)
def test_verdict_on_one_output(row: list[float], verdict: str) -> None:
    metric = Outcome()
    figures = Panel([metric], torch.tensor([[1.0, 2.0, 0.0]])).score(torch.tensor([[row]]))
    assert dict(zip(names_of(metric), figures[0], strict=True))[verdict] == 1


@pytest.mark.parametrize(
    ("logit", "verdict"),
    [(0.5, "masked"), (0.1, "noncritical"), (0.0, "critical"), (-1.0, "critical"), (NAN, "due")],
)
def test_one_logit_is_class_one_above_zero(logit: float, verdict: str) -> None:
    metric = Outcome()
    figures = Panel([metric], torch.tensor([0.5])).score(torch.tensor([[logit]]))
    assert dict(zip(names_of(metric), figures[0], strict=True))[verdict] == 1


def test_infinite_golden_outputs_are_refused_where_infinities_are_errors() -> None:
    golden = torch.tensor([[0.0, -INF]])
    assert Panel([Outcome()], golden).score(golden[None])[0, 0] == 1
    with pytest.raises(InputError, match="the golden outputs contain some"):
        Panel([Outcome(infinite="due")], golden)


def names_of(metric):
    return [column.name for column in metric.figures]
