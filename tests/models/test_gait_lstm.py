"""Are the gait networks those of the study, and do they recognize the exercise?"""

import pytest
import torch

from radhard.datasets import watch
from radhard.errors import InputError
from radhard.models import gait_lstm
from radhard.models.shipped import path_of, recorded


# Input weights, recurrent weights and weights of the linear layers, as the study gives them.
@pytest.mark.parametrize(
    ("cells", "counts"), [(20, (320, 1600, 440)), (30, (480, 3600, 960)), (40, (640, 6400, 1680))]
)
def test_numbers_of_weights_are_those_of_the_study(cells, counts):
    model = gait_lstm(cells=cells, pretrained=False)
    linear = model.fc1.weight.numel() + model.fc2.weight.numel()
    assert (model.lstm.weight_ih_l0.numel(), model.lstm.weight_hh_l0.numel(), linear) == counts


@pytest.mark.parametrize("cells", [20, 30, 40])
def test_trained_weights_reach_the_accuracy_recorded_with_them(cells):
    data = watch(split="test", window=64, channels=4, positive=6)
    model, record = gait_lstm(cells=cells), recorded(f"gait_lstm_{cells}")
    with torch.no_grad():
        answers = model(data.inputs).argmax(1)
    right = (answers == data.labels).double().mean().item()
    hits = int((answers & data.labels).sum())
    f1 = 2 * hits / int(answers.sum() + data.labels.sum())
    assert f"{right:.4f}" == record["accuracy"]
    # The study demands an accuracy above 80 % and an F1 score above 70 %.
    assert right > 0.95
    assert f1 > 0.85
    assert record["tested_on"] == f"{data.name} {data.fingerprint()}"
    assert record["trained_by"] == "scripts/train_gait_lstm.py"
    assert path_of(f"gait_lstm_{cells}").stat().st_size < 60_000


def test_another_shape_has_random_weights():
    assert gait_lstm(cells=7, inputs=3)(torch.zeros(2, 5, 3)).shape == (2, 2)
    one, other = (gait_lstm(cells=7).state_dict() for _ in range(2))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert f"{sum(p.numel() for p in gait_lstm().parameters()):,} param" in gait_lstm.__doc__


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cells": 0}, "cells=0"),
        ({"inputs": "4"}, "inputs='4'"),
        ({"cells": 25, "pretrained": True}, "20, 30 or 40"),
        ({"inputs": 6, "pretrained": True}, "4 inputs"),
    ],
)
def test_a_network_that_cannot_be_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        gait_lstm(**options)
