"""Do faults in a table of embeddings reach just the samples that look their row up?"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.engines import Replay, Serial
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.samplers import Uniform
from radhard.targets import Weights
from tests.engines.campaigns import campaign_of, execute_all

UNUSED = 11
LARGE = BitFlip(bits=tuple(range(45, 64)))
"""No flips of last bits, whose effect may be rounded away in one order of summation."""


class Reader(nn.Module):
    """A table, what reads the words, and a linear layer."""

    def __init__(self, reader: Any) -> None:
        super().__init__()
        self.table = nn.Embedding(12, 3)
        self.reader = None if reader is None else reader(3, 4, batch_first=True)
        self.fc = nn.Linear(3 if reader is None else 4, 2)

    def forward(self, words: Tensor) -> Tensor:
        values = self.table(words)
        if self.reader is None:
            return self.fc(values.mean(1))
        return self.fc(self.reader(values)[0][:, -1])


class BothWays(nn.Module):
    """A bidirectional layer on the words, both ends of which are used."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(12, 3)
        self.reader = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, words: Tensor) -> Tensor:
        values = self.reader(self.table(words))[0]
        return self.fc(torch.cat((values[:, -1, :4], values[:, 0, 4:]), dim=1))


MODELS = {
    "lstm": lambda: Reader(nn.LSTM),
    "gru": lambda: Reader(nn.GRU),
    "mean": lambda: Reader(None),
    "both ways": BothWays,
}


@pytest.mark.parametrize("name", MODELS)
def test_faults_in_a_table_do_what_they_do_in_the_model(name: str) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = MODELS[name]().double().eval()
        words = torch.randint(0, UNUSED, (5, 6))
    # Sequences that begin alike, a word that is there twice, and a row that nobody looks up.
    words[1, :4] = words[0, :4]
    words[2] = words[2, 0]
    target, sampler = Weights("table*"), Uniform(150)
    given = campaign_of(model, words, target, sampler, fault=LARGE, call=plain)
    expected, found = execute_all(Serial(), given), execute_all(Replay(), given)
    np.testing.assert_allclose(found.figures, expected.figures, rtol=1e-6, atol=1e-12)
    rows = given.space.locate(given.trials.at(np.arange(150)))[1] // 3
    masked = next(n for n, name in enumerate(given.panel.columns) if name.endswith("masked"))
    assert (rows == UNUSED).any()
    assert (found.figures[rows == UNUSED, masked] == 1).all()
    # Of those that are looked up, the samples without the word are as they were.
    shares = np.array([(words == int(row)).any(dim=1).double().mean() for row in rows])
    assert (found.figures[:, masked] >= 1 - shares - 1e-9).all()
    assert (found.figures[:, masked] < 1).any()
