"""Is what Python prints of a result its text, and not the insides of an object?"""

import pytest
import torch

from radhard import analyses, hardenings
from radhard.comparison import upsets
from radhard.cost import overhead
from radhard.errors import InputError
from radhard.injection import inject
from radhard.report import html, scores_html, verification_html
from radhard.results import Results
from radhard.verification import verify
from tests.small import campaign, data, network


@pytest.fixture(scope="module")
def results():
    return campaign()


@pytest.fixture(scope="module")
def scores():
    return analyses.MaxValue()(network(), data())


@pytest.fixture(scope="module")
def hardened():
    with pytest.warns(UserWarning, match="too few"):
        return hardenings.Ranger()(network(), data())


@pytest.fixture(scope="module")
def verification(results, hardened):
    return verify(results, hardened, data(), base=network(), timed=False, progress=False)


def test_results_and_their_parts_are_shown_as_text(results, scores, hardened, verification):
    model = network()
    with inject(model, results.space, 3) as injection, torch.no_grad():
        model(data().inputs)
        shown = repr(injection)
    assert "0.weight" in shown
    parts = [
        *(results.rate(), results.checks("1%"), results.notes, results.trials, results.means),
        *(results.details, results.space, results.rate(by="layer"), upsets(results)),
        *(scores, scores.agreement(results), verification, verification.cost),
        *(hardenings.records(hardened), overhead(model, model, data())),
    ]
    for part in parts:
        text = repr(part)
        assert " object at 0x" not in text
        assert "array(" not in text
        assert len(text) < 3_000


def test_estimates_are_shown_as_they_are_printed(results):
    rate = results.rate()
    assert str(rate) in repr([rate])
    assert str(results.checks(0.5)[0]) in repr(results.checks(0.5))


def test_a_result_of_another_kind_is_refused_with_the_function_for_it(
    results, scores, verification
):
    for page, wrong, right in (
        (html, verification, "write_verification"),
        (html, scores, "write_scores"),
        (html, "runs/base.db", "give Results"),
        (verification_html, results, "report.write"),
        (scores_html, results, "give Scores"),
        (scores_html, "scores.json", "give Scores"),
    ):
        with pytest.raises(InputError, match=right):
            page(wrong)
    with pytest.raises(InputError, match=r"Results\.open"):
        Results("runs/base.db")


def test_results_show_the_notes_that_say_how_they_are_read():
    inputs, labels = data().inputs, torch.eye(2)[data().labels]
    results = campaign(data=(inputs, labels))
    assert "Accuracy() cannot be computed" in repr(results)
    assert "Accuracy() cannot be computed" in results._repr_html_()
