"""What are the LSTM networks that classify the sentiment of a text?"""

from collections import OrderedDict
from functools import partial

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.models.series_classifier import LastStep
from radhard.models.shipped import seeded, trained

__all__ = ["sentiment_lstm"]

_TRAINED = {"words": 5000, "embedding": 32, "hidden": 32}
"""The sizes with trained weights, in one and two layers."""


def sentiment_lstm(
    *,
    layers: int = 1,
    bidirectional: bool = False,
    words: int = 5000,
    embedding: int = 32,
    hidden: int = 32,
    pretrained: bool | None = None,
) -> nn.Sequential:
    """LSTM that reads words and gives one logit; 168,481 parameters, 76.6 % on movie_reviews.

    The four networks of a study of soft errors in LSTM networks (GLSVLSI 2024) are an LSTM, two
    stacked LSTMs (``layers=2``), a bidirectional LSTM (``bidirectional=True``) and two stacked
    bidirectional ones. Takes the numbers of words, int64 ``(samples, steps)``, gives the logit of
    the positive class, ``(samples, 1)``. Its modules are ``embedding``, ``lstm``, ``last`` and
    ``fc``; in a bidirectional network, ``last`` joins the last output of each direction.

    The trained weights are for ``radhard.datasets.movie_reviews(file)``: of the 2,120 test
    sentences, the LSTM classifies 76.6 % correctly, two stacked LSTMs 77.6 %, the bidirectional
    LSTM 78.2 % and two stacked bidirectional ones 77.1 % (95 % intervals of 1.8 points to either
    side). On texts with another vocabulary they mean nothing.

    Args:
        layers: stacked LSTM layers.
        bidirectional: whether each layer also reads from the end.
        words: size of the vocabulary.
        embedding: values for each word.
        hidden: units of a layer in each direction.
        pretrained: None takes trained weights where there are any; False takes random ones, the
            same each time.

    Raises:
        InputError: an argument that is not allowed, or trained weights asked for another shape.

    >>> sentiment_lstm(layers=2, bidirectional=True).lstm
    LSTM(32, 32, num_layers=2, batch_first=True, bidirectional=True)
    """
    sizes = {"layers": layers, "words": words, "embedding": embedding, "hidden": hidden}
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f"{name}={size!r} is not allowed; give a whole number from 1")
    if not isinstance(bidirectional, bool):
        raise InputError(f"bidirectional={bidirectional!r} is not allowed; give True or False")
    build = partial(_build, layers, bidirectional, words, embedding, hidden)
    shipped = layers <= 2 and all(sizes[name] == size for name, size in _TRAINED.items())
    if pretrained and not shipped:
        raise InputError(
            "trained weights come with one or two layers, words=5000, embedding=32 and hidden=32; "
            "leave pretrained out"
        )
    if shipped and pretrained is not False:
        return trained(build, f"sentiment_{'bilstm' if bidirectional else 'lstm'}_{layers}")
    return seeded(build)


class BothEnds(nn.Module):
    """The last output of each direction of a bidirectional LSTM."""

    def forward(self, outputs_and_states: tuple[Tensor, tuple[Tensor, Tensor]]) -> Tensor:
        """``(samples, 2 * hidden)`` of the outputs ``(samples, steps, 2 * hidden)``."""
        outputs, _ = outputs_and_states
        hidden = outputs.shape[2] // 2
        # The backward direction reads the first step last.
        return torch.cat((outputs[:, -1, :hidden], outputs[:, 0, hidden:]), dim=1)


def _build(
    layers: int, bidirectional: bool, words: int, embedding: int, hidden: int
) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            embedding=nn.Embedding(words, embedding),
            lstm=nn.LSTM(embedding, hidden, layers, batch_first=True, bidirectional=bidirectional),
            last=BothEnds() if bidirectional else LastStep(),
            fc=nn.Linear(2 * hidden if bidirectional else hidden, 1),
        )
    )
