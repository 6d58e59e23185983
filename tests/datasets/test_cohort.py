"""Is the synthetic cohort what it is said to be?"""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from radhard.datasets import cohort
from radhard.errors import InputError

SMALL = {"patients": 400, "steps": 8}


def test_inputs_have_the_columns_promised():
    data = cohort(split="all", **SMALL)
    x = data.inputs
    assert x.shape == (400, 8, 94)
    assert x.dtype == torch.float32
    numbers, categories, masks, ages, gaps = x.split([12, 47, 17, 17, 1], dim=2)
    # Each categorical variable has one of its values.
    for table in categories.split([2, 8, 12, 13, 12], dim=2):
        assert (table.sum(2) == 1).all()
    assert set(masks.unique().tolist()) == {0, 1}
    assert masks[:, 0].all()
    assert 0.5 < masks[:, 1:].mean() < 0.95
    # What is measured now is of age 0; what is not has its value of before.
    assert (ages[masks == 1] == 0).all()
    assert (ages[masks == 0] > 0).all()
    kept = masks[:, 1:, :12] == 0
    assert (numbers[:, 1:][kept] == numbers[:, :-1][kept]).all()
    assert (gaps[:, 0] == 0).all()
    assert (gaps[:, 1:] > 0).all()
    assert abs(gaps[:, 1:].mean() - 1) < 0.1


def test_the_same_seed_makes_the_same_cohort_and_another_another():
    one, two = cohort(**SMALL), cohort(**SMALL, seed=1)
    state = torch.get_rng_state()
    assert one.fingerprint() == cohort(**SMALL).fingerprint() != two.fingerprint()
    assert torch.equal(torch.get_rng_state(), state)
    assert two.name == "cohort(patients=400, steps=8, seed=1)"
    assert cohort(n=5, **SMALL).fingerprint() == one.first(5).fingerprint()


def test_train_and_test_have_no_patient_in_common():
    train, test = cohort(split="train", **SMALL), cohort(**SMALL)
    assert len(train) + len(test) == 400
    rows = {row.numpy().tobytes() for row in train.inputs}
    assert not any(row.numpy().tobytes() in rows for row in test.inputs)


def test_the_last_visits_tell_something_of_the_risk_and_not_all():
    train, test = cohort(split="train", **SMALL), cohort(**SMALL)
    assert 0.1 < train.labels.double().mean() < 0.9
    model = LogisticRegression(C=0.01, max_iter=1000)
    model.fit(train.inputs[:, -1], train.labels)
    area = roc_auc_score(test.labels, model.decision_function(test.inputs[:, -1]))
    assert 0.65 < area < 0.95
    assert not np.isnan(train.inputs.numpy()).any()


@pytest.mark.parametrize("options", [{"patients": 5}, {"steps": 1}, {"seed": -1}, {"n": 10**6}])
def test_arguments_that_cannot_be_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        cohort(**{**SMALL, **options})
