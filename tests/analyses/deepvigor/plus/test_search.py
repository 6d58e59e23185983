"""Does the search end between the right candidates?"""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from radhard.analyses.deepvigor.plus.ladder import ladder
from radhard.analyses.deepvigor.plus.search import WAYS, Judgements, bisect_candidates

SIZES = st.lists(
    st.sampled_from([0.0, 0.1, 0.25, 0.3, 1.0, 3.0, 3.5, 70.0]), min_size=6, max_size=6
)


def passed(critical: Tensor) -> Judgements:
    """Nothing was inferred."""
    return Judgements(critical, torch.full((len(critical),), WAYS))


@settings(deadline=None)
@given(
    st.lists(SIZES, min_size=1, max_size=5),
    st.lists(st.sampled_from([0.05, 0.25, 0.9, 3.2, 100.0]), min_size=5, max_size=5),
    st.sampled_from([0.0, 0.2, 0.4]),
)
def test_what_is_critical_is_counted_up_to_the_tolerance(
    sizes: list[list[float]], limits: list[float], tolerance: float
) -> None:
    errors, limit = torch.tensor(sizes, dtype=torch.float64), torch.tensor(limits).double()

    def judge(rows: Tensor, values: Tensor) -> Judgements:
        return passed(values >= limit[rows])

    side = ladder(errors, "adaptive", strict=True).positive
    found = bisect_candidates(side, judge, tolerance=tolerance)
    truth = (errors >= limit[: len(errors), None]).double().mean(1)
    assert (found.low <= truth + 1e-12).all()
    assert (found.high >= truth - 1e-12).all()
    assert (found.high - found.low <= tolerance + 1e-12).all()
    assert (found.critical.isnan() | (found.safe < found.critical)).all()
    if tolerance == 0:
        assert torch.allclose(found.low, truth)


def test_rows_whose_largest_candidate_is_harmless_take_one_try() -> None:
    asked = []

    def judge(rows: Tensor, values: Tensor) -> Judgements:
        asked.append((rows.tolist(), values.tolist()))
        return passed(torch.zeros(len(rows), dtype=torch.bool))

    side = ladder(
        torch.tensor([[0.5, 1.5, 6.0, 0.0], [0.0, 0.0, 0.0, 0.0]]), "powers", strict=False
    )
    found = bisect_candidates(side.positive, judge, tolerance=0.0)
    # Up to 6.0 there may be critical ones: 8.0 is the first candidate that leaves none open.
    assert asked == [([0], [8.0])]
    assert found.high.tolist() == [0.0, 0.0]


def test_what_rests_on_an_inferred_answer_is_what_it_left_open() -> None:
    errors = torch.tensor([[0.5, 1.5, 6.0, 0.0]], dtype=torch.float64)

    def judge(rows: Tensor, values: Tensor) -> Judgements:
        # To first order below 4, and passed from there on.
        return Judgements(values >= 1.0, torch.where(values < 4, 0, WAYS))

    side = ladder(errors, "powers", strict=False).positive
    found = bisect_candidates(side, judge, tolerance=0.0)
    assert found.middle.tolist() == [0.5]
    # 8.0 was passed, and left 0.5, 1.5 and 6.0 open. 1.0 was then inferred to be critical (3/4 was
    # open) and 0.5 to be harmless (1/4).
    assert found.resting.tolist() == [[1.0, 0.0]]
