"""Do scores rank, aggregate, keep and refuse as they should?"""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import nn

from radhard.errors import InputError
from radhard.manifest import fingerprint
from radhard.scores import RankedPart, Scores


def by_channel(**values: list[float]) -> Scores:
    return Scores("Mine()", "channel", {k: np.array(v, float) for k, v in values.items()})


tables = st.dictionaries(
    st.sampled_from(["a", "b.weight", "c"]),
    npst.arrays(
        np.float64,
        st.integers(1, 6),
        elements=st.floats(0, 1e6, allow_subnormal=False) | st.just(np.nan),
    ),
    min_size=1,
)


@given(tables)
def test_ranking_holds_every_known_part_once_from_high_to_low(values):
    scores = Scores("Mine()", "channel", values)
    ranked = scores.ranking()
    assert len(ranked) == len(scores) == sum((~np.isnan(v)).sum() for v in values.values())
    assert [r.value for r in ranked] == sorted((r.value for r in ranked), reverse=True)
    assert len({(r.tensor, r.index) for r in ranked}) == len(ranked)
    assert all(values[r.tensor][r.index] == r.value for r in ranked)
    assert scores.ranking(2) == ranked[:2]


@given(tables)
def test_what_is_saved_is_what_is_loaded(values):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.json"
        scores = Scores("Mine()", "channel", values, facts={"mvf": 0.5}, cost={"seconds": 2.0})
        scores.save(path)
        again = Scores.load(path)
    assert repr(again) == repr(scores)
    assert again.facts == scores.facts
    assert again.cost == scores.cost
    for name, value in values.items():
        np.testing.assert_array_equal(again[name], value)


def test_equal_scores_rank_in_the_order_of_the_model():
    assert by_channel(b=[1, 1], a=[1]).ranking() == [
        RankedPart("b", (0,), 1.0),
        RankedPart("b", (1,), 1.0),
        RankedPart("a", (0,), 1.0),
    ]


def test_top_takes_a_share_of_every_tensor_and_at_least_one():
    top = by_channel(a=[3, 1, 2, np.nan], b=[0.1]).top(0.5)
    assert {name: found.tolist() for name, found in top.items()} == {"a": [0, 2], "b": [0]}
    assert by_channel(a=[3, 1]).top(0)["a"].size == 0
    assert by_channel(a=[3, 1]).top(0.01)["a"].tolist() == [0]


def test_top_refuses_a_share_that_is_none():
    with pytest.raises(InputError, match=r"share=1.5"):
        by_channel(a=[1.0]).top(1.5)


def test_coarser_levels_are_means_of_what_is_known():
    elements = Scores("Mine()", "element", {"w": np.array([[1.0, 3.0], [np.nan, 5.0]])})
    np.testing.assert_allclose(elements.at("channel")["w"], [2, 5])
    assert elements.at("tensor")["w"] == 3
    with pytest.raises(InputError, match="by channel"):
        elements.at("channel").at("element")


@pytest.mark.parametrize("value", [[-1.0], [np.inf]])
def test_a_score_is_finite_and_not_negative(value):
    with pytest.raises(InputError, match="negative or infinite"):
        by_channel(a=value)


def test_no_scores_at_all_are_refused():
    with pytest.raises(InputError, match="no scores"):
        Scores("Mine()", "channel", {})


def test_scores_of_another_model_are_refused():
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    scores = Scores("Mine()", "channel", {"weight": np.ones(2)}, model=fingerprint(one))
    scores.check_model(one)
    with pytest.raises(InputError, match="another model"):
        scores.check_model(other)


def test_an_unknown_tensor_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"did you mean conv1\.weight"):
        by_channel(**{"conv1.weight": [1.0]})["conv.weight"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "radhard scores 1"}',
        json.dumps(
            {
                "format": "radhard scores 1",
                "by": "x",
                "level": "channel",
                "unit": "share",
                "model": "",
                "cost": {},
                "facts": {},
                "values": {"a": {"shape": [3], "scores": [1]}},
                "low": None,
                "high": None,
            }
        ),
    ],
)
def test_a_file_that_holds_no_scores_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(InputError, match="contains no scores") as caught:
        Scores.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_that_is_a_file_are_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Scores.load(tmp_path / "none.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        by_channel(a=[1.0]).save(tmp_path / "file" / "scores.json")


def test_frame_has_a_row_for_every_part_with_its_limits():
    low = {"a": np.array([0.0, 0.1])}
    scores = Scores("Mine()", "channel", {"a": np.array([0.1, 0.2])}, "share", low=low, high=low)
    frame = scores.to_frame()
    assert frame["index"].tolist() == [(0,), (1,)]
    assert frame["low"].tolist() == [0.0, 0.1]


@pytest.mark.parametrize("number", ["9" * 400, "1" + "0" * 5000, "1e999", "-" + "9" * 400])
def test_a_score_that_no_float_can_hold_is_refused(tmp_path, number):
    path = tmp_path / "scores.json"
    Scores("Mine()", "tensor", {"a": np.array(0.5)}).save(path)
    path.write_text(path.read_text().replace("0.5", number))
    with pytest.raises(InputError):
        Scores.load(path)


@pytest.mark.parametrize("fact", ["9" * 400, "[" * 500 + "]" * 500])
def test_a_fact_that_no_page_could_show_is_refused(tmp_path, fact):
    path = tmp_path / "scores.json"
    Scores("Mine()", "tensor", {"a": np.array(0.5)}, facts={"k": 1}).save(path)
    path.write_text(path.read_text().replace('"k": 1', f'"k": {fact}'))
    with pytest.raises(InputError):
        Scores.load(path)
