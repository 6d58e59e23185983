"""Does one model's cost beside another's read, and is it kept, as it was counted?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.cost import Cost, Overhead, TimeRatio, overhead
from radhard.errors import InputError
from radhard.hardenings import Ranger
from tests.small import data, network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

whole = st.integers(0, 10**12)
costs = st.builds(Cost, whole, whole, whole, whole)
share = st.floats(0.01, 100)
times = st.none() | st.builds(TimeRatio, share, share, share, st.integers(3, 99))


@given(st.builds(Overhead, costs, costs, times))
def test_what_is_written_is_read_back(found):
    assert Overhead.from_dict(found.to_dict()) == found
    assert len(str(found).splitlines()) == 1 + len(found.rows())


def test_bounds_cost_bits_and_no_arithmetic():
    hard = Ranger()(network(), data())
    found = overhead(hard, network(), data(), timed=False)
    rows = {row[0]: row[3] for row in found.rows()}
    assert rows["parameters"] == rows["multiply-accumulates per sample"] == "1.000x"
    assert found.after.bits > found.before.bits
    assert found.time is None


def test_time_is_measured_on_request():
    assert overhead(network(), network(), data()).time.turns >= 3


@pytest.mark.parametrize("said", [None, [], {}, {"before": {}, "after": {}}, {"before": 3}])
def test_what_is_no_overhead_is_refused(said):
    with pytest.raises(InputError, match="not an overhead"):
        Overhead.from_dict(said)


def test_costs_below_zero_are_refused():
    good = Overhead(Cost(1, 1, 1, 1), Cost(1, 1, 1, 1)).to_dict()
    good["after"]["bits"] = -1
    with pytest.raises(InputError, match="bits is -1"):
        Overhead.from_dict(good)
