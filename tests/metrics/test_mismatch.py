"""Does Mismatch count the samples whose output differs?"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.metrics import Mismatch, Panel

values = st.floats(allow_nan=True, width=32)


@given(
    st.lists(st.tuples(values, values), min_size=1, max_size=6), st.sampled_from([0.0, 0.1, 2.0])
)
def test_counts_as_a_loop_over_python_numbers_does(pairs, tolerance):
    pairs = [(0.0 if math.isnan(golden) else golden, faulty) for golden, faulty in pairs]

    def differs(golden: float, faulty: float) -> bool:
        if golden == faulty:
            return False
        return not abs(faulty - golden) <= tolerance * abs(golden)

    golden = torch.tensor([[g, 1.0] for g, _ in pairs])
    faulty = torch.tensor([[[f, 1.0] for _, f in pairs]])
    expected = sum(differs(g, f) for g, f in pairs) / len(pairs)
    assert Panel([Mismatch(tolerance)], golden).score(faulty)[0, 0] == pytest.approx(expected)


def test_token_ids_of_any_length_are_compared_whole():
    golden = torch.tensor([[5, 7, 7], [1, 2, 3]])
    faulty = torch.tensor([[[5, 7, 7], [1, 2, 4]], [[5, 7, 8], [0, 0, 0]]])
    assert Panel([Mismatch()], golden).score(faulty).tolist() == [[0.5], [1.0]]


def test_a_tolerance_below_zero_is_refused():
    with pytest.raises(InputError, match="tolerance"):
        Mismatch(-0.1)
