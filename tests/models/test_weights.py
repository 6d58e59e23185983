"""Do weights land where they belong, and nothing else run?"""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from radhard import models
from radhard.errors import InputError
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
    with pytest.raises(InputError, match=r"no state_dict.*'state_dict' or 'model'"):
        load_weights(small(), saved(tmp_path / "w.pt", {"epoch": 3}))
    with pytest.raises(InputError, match="no state_dict"):
        load_weights(small(), saved(tmp_path / "t.pt", torch.zeros(3)))
