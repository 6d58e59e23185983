"""Are several analyses put side by side fairly?"""

import numpy as np
import pytest

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.samplers import Exhaustive
from radhard.scores import Scores, agreements, compare_analyses
from tests.small import prepared, space


@pytest.fixture(scope="module")
def results():
    """All flips in two vectors; the harm of a word grows with its number."""
    faults = space((5, 6), BitFlip())
    return prepared(
        faults,
        Exhaustive(),
        lambda numbers: (faults.locate(numbers)[1] + 1) / 10,
        **{"model fingerprint": "this one"},
    )


def scores(level="channel", by="Mine()", **more):
    shapes = {
        "channel": ((5,), (6,)),
        "element": ((5,), (6,)),
        "tensor": ((), ()),
        "bit": ((32,),) * 2,
    }
    names = ("a.weight", "b.weight")
    values = {
        name: np.arange(1.0, 1 + int(np.prod(shape))).reshape(shape)
        for name, shape in zip(names, shapes[level], strict=True)
    }
    return Scores(by, level, values, **more)


def test_each_row_is_the_agreement_of_that_analysis(results):
    worse = Scores("Worse()", "channel", {n: v[::-1] for n, v in scores().values.items()})
    found = compare_analyses([scores(), worse], results)
    assert found.level == "channel"
    for row in found.rows:
        assert row.agreement == row.scores.agreement(results, level="channel")
    assert found.rows[0].agreement.rank.value == pytest.approx(1)
    assert found.rows[1].agreement.rank.value < 0


def test_finer_scores_are_compared_at_the_level_that_all_have(results):
    found = compare_analyses([scores("element"), scores("channel", "Coarse()")], results)
    assert found.level == "channel"
    assert all(row.agreement is not None for row in found.rows)


def test_levels_with_too_few_parts_are_passed_over(results):
    alone = compare_analyses([scores("bit")], results)
    assert alone.level == "bit"
    assert alone.rows[0].why.startswith("by bit: ") or alone.rows[0].agreement is not None


def test_what_cannot_be_compared_is_said_and_the_others_are_compared(results):
    alike = Scores("Alike()", "channel", {n: np.ones_like(v) for n, v in scores().values.items()})
    found = compare_analyses([alike, scores()], results)
    assert found.rows[0].agreement is None
    assert "equal" in found.rows[0].why
    assert found.rows[1].agreement is not None


def test_frame_has_a_row_an_analysis_with_its_cost(results):
    costly = scores(cost={"seconds": 2.0, "samples": 300.0})
    frame = compare_analyses([costly, scores(by="Free()")], results).to_frame()
    assert frame["by"].tolist() == ["Mine()", "Free()"]
    assert frame["rank"].tolist() == pytest.approx([1, 1])
    assert frame["seconds"].tolist()[0] == 2.0
    assert np.isnan(frame["seconds"][1])
    assert np.isnan(frame["error"]).all()  # relative scores have no error


def test_every_level_that_scores_have_is_compared_or_explained(results):
    found, why = agreements(scores("element"), results)
    assert [one.level for one in found] == ["channel", "element"]
    assert len(why) == 1
    assert why[0].startswith("by tensor: ")


def test_another_model_is_refused(results):
    compare_analyses([scores(model="this one")], results)
    with pytest.raises(InputError, match="different models"):
        compare_analyses([scores(model="that one")], results)
    with pytest.raises(InputError, match="different models"):
        agreements(scores(model="that one"), results)


def test_no_analyses_are_refused(results):
    with pytest.raises(InputError, match="at least one"):
        compare_analyses([], results)


def test_facts_that_are_not_finite_are_kept_as_unknown(tmp_path):
    scores(facts={"r2": float("nan"), "by": [1.0, {"x": float("inf")}]}).save(tmp_path / "s.json")
    assert Scores.load(tmp_path / "s.json").facts == {"r2": None, "by": [1.0, {"x": None}]}


def test_names_survive_a_file_and_a_coarser_level(tmp_path):
    named = scores(names={"model": "lenet5", "samples": 100, "weights": None})
    named.save(tmp_path / "scores.json")
    again = Scores.load(tmp_path / "scores.json")
    assert again.names == named.names
    assert again.at("tensor").names == named.names
