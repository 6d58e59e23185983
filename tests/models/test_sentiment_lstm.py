"""Do the sentiment networks read a text to its ends?"""

import itertools

import pytest
import torch

from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.models import sentiment_lstm
from radhard.models.shipped import path_of, recorded
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Weights

FOUR = list(itertools.product([1, 2], [False, True]))

four = pytest.mark.parametrize(("layers", "bidirectional"), FOUR)


def small(layers, bidirectional):
    return sentiment_lstm(
        layers=layers, bidirectional=bidirectional, words=9, embedding=3, hidden=4
    )


@four
def test_the_logit_is_that_of_the_last_states(layers, bidirectional):
    model = small(layers, bidirectional).double()
    ids = torch.randint(9, (5, 6), generator=torch.Generator().manual_seed(1))
    # torch returns the last state of each direction as such.
    _, (states, _) = model.lstm(model.embedding(ids))
    joined = torch.cat(list(states[-2 if bidirectional else -1 :]), dim=1)
    torch.testing.assert_close(model(ids), joined @ model.fc.weight.T + model.fc.bias)
    assert model(ids).shape == (5, 1)


@four
def test_the_number_of_weights_is_that_of_the_equations(layers, bidirectional):
    ways = 2 if bidirectional else 1
    model = sentiment_lstm(layers=layers, bidirectional=bidirectional, pretrained=False)
    lstm = ways * 4 * 32 * (32 + 32 + 2) + (layers - 1) * ways * 4 * 32 * (ways * 32 + 32 + 2)
    expected = 5000 * 32 + lstm + ways * 32 + 1
    assert sum(p.numel() for p in model.parameters()) == expected
    if (layers, bidirectional) == (1, False):
        assert f"{expected:,} parameters" in sentiment_lstm.__doc__


@four
def test_a_campaign_reads_the_sign_of_the_logit(layers, bidirectional):
    model = small(layers, bidirectional)
    ids = torch.randint(9, (6, 5), generator=torch.Generator().manual_seed(2))
    labels = (model(ids)[:, 0] > 0).long()
    # Flipping the sign of every weight and of the bias of the last layer inverts the classifier.
    space = FaultSpace.of(model, Weights("fc"), BitFlip(field="sign"), Float32())
    results = run(
        model, (ids, labels), space, Uniform(2), metrics="Outcome(outputs='logits')", progress=False
    )
    assert len(results) == 2
    with torch.no_grad():
        for parameter in model.fc.parameters():
            parameter.neg_()
    assert ((model(ids)[:, 0] > 0).long() == 1 - labels).all()


@four
def test_shipped_weights_are_those_of_the_record(layers, bidirectional):
    options = {"layers": layers, "bidirectional": bidirectional}
    name = f"sentiment_{'bilstm' if bidirectional else 'lstm'}_{layers}"
    record = recorded(name)
    assert record["trained_by"] == "scripts/train_sentiment_lstm.py"
    assert record["data"].startswith("movie_reviews(")
    assert record["data"] != record["tested_on"]
    assert f"{100 * float(record['accuracy']):.1f} %" in sentiment_lstm.__doc__
    assert path_of(name).stat().st_size < 1_000_000
    trained, random = (sentiment_lstm(**options, pretrained=p) for p in (None, False))
    assert not trained.training
    assert not torch.equal(trained.fc.weight, random.fc.weight)
    again = sentiment_lstm(**options).state_dict()
    assert all(torch.equal(again[key], x) for key, x in trained.state_dict().items())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layers": 0}, "layers=0"),
        ({"words": "9"}, "words='9'"),
        ({"bidirectional": 1}, "True"),
        ({"hidden": 8, "pretrained": True}, "one or two layers"),
    ],
)
def test_a_network_that_cannot_be_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        sentiment_lstm(**options)
