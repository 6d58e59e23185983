"""Do the classes of caps separate faults by how much they may harm?"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from radhard.caps import cap_classes

UPPER = (0.0, 0.08, 0.3, 0.7, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_classes_are_ordered_as_the_caps_are_and_end_where_they_say(caps):
    values = np.sort(np.array(caps))
    classes = cap_classes(values)
    assert (np.diff(classes.astype(int)) >= 0).all()
    for value, code in zip(values.tolist(), classes.tolist(), strict=True):
        assert (code == 0) == (value == 0)
        assert (code == 5) == (value == 1)
        if 0 < code < 5:
            assert UPPER[code - 1] < value <= UPPER[code]
            assert value < 1 or code == 5
