"""Is a network trained with rounded weights, and from its file if it was before?"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.formats import Fixed, is_stored_as
from radhard.studies.guided import straight_through as module
from radhard.studies.guided.straight_through import straight_through, trained_in_format
from radhard.studies.pruning import Tuning
from tests.studies.tiny import tiny_network

COARSE = Fixed(1, 2)
TUNING = Tuning(epochs=30, images=40, batch=10, rate=0.02)


def loss(model, data):
    with torch.no_grad():
        return float(nn.functional.cross_entropy(model(data.inputs), data.labels))


def trained(seed=0, cache=None):
    network = tiny_network()
    return trained_in_format(network.model, COARSE, network.train, TUNING, seed=seed, cache=cache)


def test_values_are_rounded_and_gradients_are_not():
    x = torch.linspace(-3, 3, 101, requires_grad=True)
    y = straight_through(x, COARSE)
    assert torch.equal(y.detach(), COARSE.decode(COARSE.encode(x)))
    (y * torch.arange(101.0)).sum().backward()
    assert torch.equal(x.grad, torch.arange(101.0))


def test_training_in_a_coarse_format_is_better_than_rounding():
    network = tiny_network()
    rounded = module.stored_weights(network.model, COARSE)
    tuned = trained()
    assert all(is_stored_as(x, COARSE) for n, x in tuned.named_parameters() if "weight" in n)
    assert loss(tuned, network.train) < loss(rounded, network.train)
    assert not tuned.training


def test_same_seed_gives_the_same_weights_also_from_the_file(tmp_path, monkeypatch):
    cache = tmp_path / "weights.safetensors"
    first, second, other = trained(), trained(cache=cache), trained(seed=1)
    monkeypatch.setattr(module, "_train", lambda *_: pytest.fail("trained again"))
    third = trained(cache=cache)
    for name, x in first.state_dict().items():
        assert torch.equal(x, second.state_dict()[name])
        assert torch.equal(x, third.state_dict()[name])
    assert any(not torch.equal(x, other.state_dict()[n]) for n, x in first.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]


def test_data_without_labels_are_refused():
    network = tiny_network()
    data = replace(network.train, labels=None)
    with pytest.raises(InputError, match="labels"):
        trained_in_format(network.model, COARSE, data, TUNING, seed=0, cache=None)
