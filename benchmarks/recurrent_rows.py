"""Which campaigns on recurrent networks, and of histories of faults, are timed?"""

from functools import partial

import numpy as np
import torch

from benchmarks.row import Row, Size, Work
from radhard import datasets, models
from radhard.datasets import Data
from radhard.targets import Weights

__all__ = ["RECURRENT"]

_WORDS, _STEPS, _SAMPLES = 5000, 32, 200
_MEAN, _DEVIATION = 19, 9
"""Of the numbers of words of the sentences in `radhard.datasets.movie_reviews`."""


def _sentences() -> Data:
    """As many words, as often, as in sentences of reviews, whose file is not included.

    The n-th most frequent of some thousand words is about 1 / n as frequent as the first (Zipf).
    Shorter sentences begin with zeros; number 1 stands for words beyond the vocabulary.
    """
    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, _WORDS - 1)
    words = 2 + rng.choice(_WORDS - 2, (_SAMPLES, _STEPS), p=shares / shares.sum())
    words[rng.random(words.shape) < 0.1] = 1
    counts = np.clip(rng.normal(_MEAN, _DEVIATION, _SAMPLES).round(), 3, _STEPS)
    words[np.arange(_STEPS) < _STEPS - counts[:, None]] = 0
    return Data(torch.from_numpy(words), torch.from_numpy(rng.integers(0, 2, _SAMPLES)))


def _sentiment(layers: int, both: bool, quick: bool) -> Work:  # noqa: ARG001
    model = models.load(f"sentiment_lstm(layers={layers}, bidirectional={both})")
    return Work.of(model, _sentences(), Weights("*"))


def _stagenet(quick: bool) -> Work:
    data = datasets.load("cohort", n=20 if quick else 200)
    return Work.of(models.load("stagenet"), data, Weights("*"))


def _gait(quick: bool) -> Work:  # noqa: ARG001
    data = datasets.load("watch(window=64, channels=4, positive=6)", n=200)
    return Work.of(models.load("gait_lstm(cells=40)"), data, Weights("*"))


def _lenet5(quick: bool) -> Work:  # noqa: ARG001
    return Work.of(models.load("lenet5"), datasets.load("mnist", n=100), Weights("*"))


_ANSWERS = ("Critical(outputs='logits')",)


def _of_sentences(name: str, words: str, layers: int, both: bool) -> Row:
    return Row(
        name,
        f"{words}, one weight bit",
        10,
        partial(_sentiment, layers, both),
        "Uniform({})".format,
        # About what a margin of one point at 95 % asks for, which is 9,604.
        Size(trials=10_000, naive=100, repeats=5),
        Size(trials=5000, naive=40, repeats=3),
        metrics=_ANSWERS,
        outputs="logits",
    )


RECURRENT = (
    _of_sentences("sentiment", "LSTM on sentences", 1, False),
    _of_sentences("sentiment-2", "2 x LSTM on sentences", 2, False),
    _of_sentences("sentiment-both", "BiLSTM on sentences", 1, True),
    _of_sentences("sentiment-both-2", "2 x BiLSTM on sentences", 2, True),
    Row(
        "stagenet",
        "StageNet-72 on the cohort, one weight bit",
        10,
        _stagenet,
        "Uniform({})".format,
        Size(trials=10_000, naive=40, repeats=3),
        Size(trials=200, naive=20, repeats=3),
        metrics=_ANSWERS,
        outputs="logits",
    ),
    Row(
        "gait",
        "ANN-40 on the watch data, bit error rate 1.5e-4 over all weights",
        5,
        _gait,
        "ErrorRate(1.5e-4, trials={})".format,
        Size(trials=500, naive=60, repeats=5),
        Size(trials=100, naive=30, repeats=3),
        engine="Folded()",
    ),
    Row(
        "cumulative",
        "LeNet-5, 1 to 50 weight bits that accumulate",
        3,
        _lenet5,
        lambda n: f"Cumulative(steps={min(n, 50)}, repeats={max(1, n // 50)})",
        Size(trials=5000, naive=200, repeats=5),
        Size(trials=1000, naive=60, repeats=3),
        engine="Folded()",
    ),
)
