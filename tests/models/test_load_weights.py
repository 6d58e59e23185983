"""Do weights land where they belong, and nothing else run?"""

import os
import warnings
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from radhard import models
from radhard.errors import InputError, RadhardWarning
from radhard.models import load_weights, mlp


def small() -> torch.nn.Sequential:
    return mlp(hidden=(3,), inputs=4, classes=2)


def other_weights() -> dict[str, torch.Tensor]:
    return {key: torch.randn_like(value) for key, value in small().state_dict().items()}


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: {"state_dict": w}, lambda w: {"model": w}])
def test_weights_come_from_a_checkpoint(tmp_path, wrap):
    weights, model = other_weights(), small()
    load_weights(model, saved(tmp_path / "w.pt", wrap(weights)))
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


def test_weights_come_from_safetensors(tmp_path):
    weights = other_weights()
    save_file(weights, tmp_path / "w.safetensors")
    text = "mlp(hidden=(3,), inputs=4, classes=2)"
    model = models.load(text, weights=tmp_path / "w.safetensors")
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


def test_weights_that_do_not_fit_are_named_and_change_nothing(tmp_path):
    weights, model = other_weights(), small()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    weights["fc9.weight"] = weights.pop("fc1.weight")
    weights["fc2.weight"] = torch.zeros(2, 5)
    with pytest.raises(InputError) as raised:
        load_weights(model, saved(tmp_path / "w.pt", weights))
    for said in ("missing fc1.weight", "unexpected fc9.weight", "fc2.weight is (2, 5), not (2, 3)"):
        assert said in str(raised.value)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_weights_that_would_be_rounded_are_refused(tmp_path):
    double = {key: value.double() for key, value in other_weights().items()}
    with pytest.raises(InputError, match=r"fc1\.bias is torch\.float64, which torch\.float32"):
        load_weights(small(), saved(tmp_path / "w.pt", double))
    half = {key: value.half() for key, value in other_weights().items()}
    model = small()
    load_weights(model, saved(tmp_path / "h.pt", half))
    assert torch.equal(model.fc1.weight, half["fc1.weight"].float())


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_hostile_checkpoint_runs_nothing(tmp_path):
    path = saved(tmp_path / "w.pt", {"fc1.weight": Hostile(tmp_path / "marker")})
    with pytest.raises(InputError, match=r"could run code; save model\.state_dict"):
        load_weights(small(), path)
    assert not (tmp_path / "marker").exists()
    # The file does do harm to a loader that trusts it.
    torch.load(path, weights_only=False)
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 100, b"PK\x03\x04" + b"\0" * 50])
def test_a_file_that_is_none_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        load_weights(small(), path)


def test_other_content_or_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file"):
        load_weights(small(), tmp_path / "none.pt")
    with pytest.raises(InputError, match=r"no state_dict.*'state_dict' or 'model_state_dict'"):
        load_weights(small(), saved(tmp_path / "w.pt", {"epoch": 3}))
    with pytest.raises(InputError, match="no state_dict"):
        load_weights(small(), saved(tmp_path / "t.pt", torch.zeros(3)))


KEYS = ["net", "weights", "generator"]


@pytest.mark.parametrize("key", KEYS)
def test_weights_are_found_under_other_keys_beside_other_things(tmp_path, key):
    weights, model = other_weights(), small()
    content = {"epoch": 5, key: weights, "optimizer_state_dict": {"state": {}, "lr": [0.1]}}
    with pytest.warns(RadhardWarning, match=key):
        load_weights(model, saved(tmp_path / "w.pt", content))
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_the_only_weights_under_a_usual_key_are_no_reason_to_warn(tmp_path, key):
    weights = other_weights()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_weights(small(), saved(tmp_path / "w.pt", {"epoch": 5, key: weights}))
    content = {key: weights, "ema": other_weights()}
    with pytest.warns(RadhardWarning, match=f"taken from '{key}' .*not from 'ema'"):
        load_weights(small(), saved(tmp_path / "w.pt", content))


@pytest.mark.parametrize(
    "prefix", ["module.", "model.", "_orig_mod.", "net.encoder.", "model._orig_mod."]
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_prefixes_of_wrappers_are_taken_off(tmp_path, prefix, suffix):
    weights, model = other_weights(), small()
    named = {prefix + name: tensor for name, tensor in weights.items()}
    path = tmp_path / f"w{suffix}"
    if suffix == ".pt":
        torch.save({"state_dict": named}, path)
    else:
        save_file(named, path)
    with pytest.warns(RadhardWarning, match="prefix"):
        load_weights(model, path)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_names_within_compiled_parts_are_found(tmp_path):
    weights, model = other_weights(), small()
    named = {name.replace("fc1.", "fc1._orig_mod."): t for name, t in weights.items()}
    with pytest.warns(RadhardWarning, match="_orig_mod"):
        load_weights(model, saved(tmp_path / "w.pt", named))
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_names_beside_the_prefix_are_named_as_unexpected(tmp_path):
    named = {f"model.{name}": tensor for name, tensor in other_weights().items()}
    named["criterion.weight"] = torch.ones(2)
    with pytest.raises(InputError, match=r"unexpected criterion\.weight"):
        load_weights(small(), saved(tmp_path / "w.pt", named))


def test_several_sets_of_weights_without_a_usual_key_are_refused(tmp_path):
    content = {"generator": other_weights(), "critic": other_weights()}
    with pytest.raises(InputError, match="generator, critic"):
        load_weights(small(), saved(tmp_path / "w.pt", content))


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("inside", [False, True], ids=["bare", "under a key"])
def test_a_pickled_model_is_named_as_one_and_not_loaded(tmp_path, old, inside):
    path = tmp_path / "w.pt"
    content = {"epoch": 3, "model": small()} if inside else small()
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(InputError, match=r"whole model \(.*state_dict\(\)") as told:
        load_weights(small(), path)
    assert "\n" not in str(told.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_named_as_one(tmp_path):
    torch.jit.script(small()).save(tmp_path / "w.pt")
    with pytest.raises(InputError, match="TorchScript"):
        load_weights(small(), tmp_path / "w.pt")


@pytest.mark.parametrize("ending", ["onnx", "tflite", "h5"])
def test_models_of_other_runtimes_are_refused_with_the_way_out(ending):
    with pytest.raises(InputError, match=r"file\.py:factory"):
        models.load(f"net.{ending}")
