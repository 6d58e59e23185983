"""Is the network that studies train the same one every time, and trained once?"""

from dataclasses import replace

import pytest
import torch

from radhard.datasets import Data
from radhard.errors import InputError
from radhard.studies import trained_network
from radhard.studies import vgg8 as module
from radhard.studies.trained_network import cache_folder
from radhard.studies.vgg8 import trained_vgg8, vgg8


@pytest.fixture
def data(monkeypatch):
    monkeypatch.setattr(module, "RECIPE", replace(module.RECIPE, epochs=1))
    chance = torch.Generator().manual_seed(0)
    return Data(torch.rand(8, 3, 32, 32, generator=chance), torch.arange(8) % 4, "noise")


def test_training_repeats_and_leaves_chance_and_random_weights_alone(data, tmp_path):
    state, fresh = torch.get_rng_state(), vgg8().state_dict()
    one = trained_vgg8(data, cache=tmp_path / "a").state_dict()
    two = trained_vgg8(data, cache=tmp_path / "b").state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], fresh[name]) for name in one)
    assert all(torch.equal(fresh[name], t) for name, t in vgg8().state_dict().items())


def test_second_time_it_comes_from_the_cache(data, tmp_path, monkeypatch):
    one = trained_vgg8(data, cache=tmp_path)
    monkeypatch.setattr(trained_network, "_train", lambda *_: pytest.fail("trained again"))
    two = trained_vgg8(data, cache=tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not one.training
    assert not two.training
    assert len(list(tmp_path.iterdir())) == 1


def test_other_seed_or_data_is_another_network(data, tmp_path):
    trained_vgg8(data, cache=tmp_path)
    trained_vgg8(data, cache=tmp_path, seed=2)
    trained_vgg8(data.first(7), cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_cache_that_cannot_be_written_is_told(data, tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(InputError, match="cannot be written"):
        trained_vgg8(data, cache=tmp_path / "file")


def test_cache_lies_where_the_system_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "radhard"
