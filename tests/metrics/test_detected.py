"""Are open-set scores what they are defined to be, and alarms counted rightly?"""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics import Detected, Outcome, Panel, open_set_score
from radhard.metrics.open_set import SCORES

from .drawn import FINITE, trials
from .plain import Row, broken, ranked

NAMES = sorted(SCORES)


def by_pencil(row: Row, score: str) -> float:
    """The score of one sample, from scipy."""
    p = sorted(scipy.special.softmax(row))
    return {
        "max_softmax": lambda: p[-1],
        "max_logit": lambda: max(row),
        "entropy": lambda: -scipy.stats.entropy(p),
        "energy": lambda: scipy.special.logsumexp(row),
        "margin": lambda: p[-1] - p[-2],
    }[score]()


@given(trials(elements=FINITE), st.sampled_from(NAMES))
def test_scores_are_those_of_scipy(drawn: tuple[Tensor, Tensor, Tensor], score: str) -> None:
    _, faulty, _ = drawn
    found = open_set_score(faulty, score)  # type: ignore[arg-type]
    expected = [[by_pencil(row, score) for row in rows] for rows in faulty.double().tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("score", NAMES)
def test_a_score_is_nan_where_a_logit_is_and_finite_where_one_is_infinite(score: str) -> None:
    rows = torch.tensor([[1.0, torch.nan, 2.0], [torch.inf, 0.0, 1.0], [-torch.inf, 0.0, 1.0]])
    found = open_set_score(rows, score)  # type: ignore[arg-type]
    assert found.isnan().tolist() == [True, False, False]
    assert found[1:].isfinite().all()


@given(trials(), st.sampled_from(NAMES), st.floats(-3, 3), st.none() | st.floats(0, 20))
def test_shares_are_the_counts_of_single_verdicts(
    drawn: tuple[Tensor, Tensor, Tensor], score: str, least: float, above: float | None
) -> None:
    golden, faulty, _ = drawn
    most = None if above is None else least + above
    metric = Detected(score, least, most)  # type: ignore[arg-type]

    def alarm(outputs: Tensor) -> list[bool]:
        found = open_set_score(outputs, metric.score).tolist()
        return [s < least or (most is not None and s > most) for s in found]

    usual = alarm(golden)
    panel = Panel([metric, Outcome()], golden)
    for outputs, figures in zip(faulty, panel.score(faulty), strict=True):
        caught = missed = needless = 0
        rows = zip(golden.tolist(), outputs.tolist(), alarm(outputs), usual, strict=True)
        for g, f, alarmed, before in rows:
            if broken(f):
                continue
            changed = ranked(f)[0] != ranked(g)[0]
            caught += changed and alarmed
            missed += changed and not alarmed
            needless += not changed and alarmed and not before
        np.testing.assert_allclose(
            figures[:3], np.array([caught, missed, needless]) / len(golden), rtol=1e-12
        )
        assert figures[0] + figures[1] == pytest.approx(figures[5])


def test_huge_logits_look_familiar_from_below_only() -> None:
    golden = torch.tensor([[4.0, 1.0]])
    faulty = torch.tensor([[[1.0, 1e30]], [[0.1, 0.2]]])
    below, both = Detected("energy", 2.0), Detected("energy", 2.0, most=9.0)
    figures = Panel([below, both], golden).score(faulty)
    assert figures[:, 0].tolist() == [0, 1]
    assert figures[:, 3].tolist() == [1, 1]
    assert both.alarms(golden).tolist() == [False]
    assert both.alarms(torch.tensor([[torch.nan, 1.0]])).tolist() == [True]


@pytest.mark.parametrize(
    ("least", "most"), [(math.nan, None), (2.0, 1.0), (0.0, math.inf), (-math.inf, None)]
)
def test_thresholds_that_make_no_sense_are_refused(least: float, most: float | None) -> None:
    with pytest.raises(InputError, match=r"finite number|is below least"):
        Detected("margin", least, most)
