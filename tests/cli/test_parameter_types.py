"""Is a number that may be a percentage asked about, and a share taken as it is?"""

import click
import pytest

from radhard.cli.parameter_types import RateLimit, Share


@pytest.mark.parametrize("text", ["0.01", "1%", " 1 %"])
def test_a_share_and_a_percentage_are_the_same(text):
    assert Share(0, 1).convert(text, None, None) == pytest.approx(0.01)


@pytest.mark.parametrize(("kind", "text"), [(Share, "5"), (RateLimit, "5"), (RateLimit, "1")])
def test_what_may_be_a_percentage_is_refused_with_the_way_to_write_it(kind, text):
    with pytest.raises(click.BadParameter, match=f"write {text}%"):
        kind(0, 1).convert(text, None, None)


def test_a_share_of_one_is_allowed_and_a_limit_of_one_by_its_percentage():
    assert Share(0, 1).convert("1", None, None) == 1
    assert RateLimit(0, 1).convert("100%", None, None) == 1
