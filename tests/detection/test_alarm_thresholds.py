"""Are alarms false as seldom as was asked for?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.datasets import Data
from radhard.detection import calibrate, false_alarm_rate, thresholds
from radhard.errors import InputError
from radhard.metrics import Detected
from tests.small import network

SIZES = st.integers(20, 300)


@given(SIZES, st.floats(0.05, 0.5), st.integers(0, 10**6))
def test_thresholds_are_quantiles_of_numpy(n: int, share: float, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=n).round(1)
    least, most = thresholds(scores, share)
    place = int(share * (n + 1) + 1e-9)
    assert least == np.quantile(scores, (place - 0.5) / n, method="inverted_cdf")
    assert most is None
    assert (scores < least).mean() <= share


@given(SIZES, st.floats(0.1, 0.5), st.integers(0, 10**6), st.booleans())
def test_a_further_sample_raises_an_alarm_as_often_as_promised(
    n: int, share: float, seed: int, two_sided: bool
) -> None:
    # Every one of n + 1 samples may be the further one: over all of them the rate is exact.
    scores = np.random.default_rng(seed).permutation(n + 1).astype(float)
    alarms = 0
    for left_out in range(n + 1):
        least, most = thresholds(np.delete(scores, left_out), share, two_sided=two_sided)
        alarms += scores[left_out] < least or (most is not None and scores[left_out] > most)
    sides = 2 if two_sided else 1
    assert alarms == sides * int(share / sides * (n + 1) + 1e-9)
    assert alarms / (n + 1) <= share + 1e-9


@pytest.mark.parametrize(("share", "two_sided", "needed"), [(0.01, False, 99), (0.01, True, 199)])
def test_as_many_samples_are_needed_as_the_message_says(
    share: float, two_sided: bool, needed: int
) -> None:
    thresholds(np.arange(float(needed)), share, two_sided=two_sided)
    with pytest.raises(InputError, match=f"at least {needed}"):
        thresholds(np.arange(needed - 1.0), share, two_sided=two_sided)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="a share between 0 and 1"):
        thresholds(np.arange(100.0), share)


def samples(n: int, seed: int) -> Data:
    return Data(torch.randn(n, 3, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("two_sided", [False, True])
def test_an_alarm_is_calibrated_on_the_model_and_counted_on_other_samples(two_sided: bool) -> None:
    model = network().train()
    alarm = calibrate(model, samples(99, 1), score="margin", false_alarms=0.1, two_sided=two_sided)
    with torch.no_grad():
        p = [model(samples(n, s).inputs).softmax(1) for n, s in ((99, 1), (500, 2))]
    margins, unseen = ((x[:, 0] - x[:, 1]).abs().numpy() for x in p)
    expected = np.sort(margins)[[4, 94] if two_sided else [9, 0]]
    assert alarm.least == pytest.approx(expected[0])
    assert alarm.most == (pytest.approx(expected[1]) if two_sided else None)
    rate = false_alarm_rate(alarm, model, samples(500, 2), batch=64)
    outside = (unseen < expected[0]) | (two_sided & (unseen > expected[1]))
    assert rate.value == pytest.approx(outside.mean())
    assert rate.low < rate.value < rate.high
    assert rate.trials == 500
    assert model.training


def test_what_is_no_classifier_or_no_score_is_refused() -> None:
    with pytest.raises(InputError, match="logits"):
        calibrate(nn.Conv1d(1, 1, 1), torch.randn(300, 1, 4))
    with pytest.raises(InputError, match="max_softmax"):
        calibrate(network(), samples(300, 1), score="odin")  # type: ignore[arg-type]


def test_one_logit_a_sample_is_two_classes() -> None:
    model = nn.Linear(3, 1)
    alarm = calibrate(model, samples(200, 1), score="max_logit", false_alarms=0.1, two_sided=False)
    assert isinstance(alarm, Detected)
    with torch.no_grad():
        logits = model(samples(200, 1).inputs)[:, 0].clamp(min=0).sort().values
    assert alarm.least == pytest.approx(float(logits[19]))
