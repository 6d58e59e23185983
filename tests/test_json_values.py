"""Is JSON of somebody else read only where everything that reads it can cope with it?"""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.json_values import parse_json

plain = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(10**30), 10**30),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(plain)
def test_ordinary_values_come_back(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("digits", [41, 400, 10_000])
def test_a_number_of_many_digits_is_refused(digits):
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(ValueError, match="digits"):
            parse_json('{"a": [1, -' + "9" * digits + "]}")
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize("depth", [101, 5_000, 200_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_refused(depth, left, right):
    with pytest.raises(ValueError, match="deep"):
        parse_json(left * depth + "1" + right * depth)


def test_nesting_within_the_limit_is_read():
    assert parse_json("[" * 99 + "]" * 99)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"{", b"", "nan!"])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011  # each has a message of its own
        parse_json(text)
