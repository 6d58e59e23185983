"""Does text become the model it names?"""

import pytest
import torch

from radhard import models
from radhard.errors import InputError

MINE = """
import torch
def build(width=3):
    return torch.nn.Linear(width, 2)
class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(5, 1)
def number():
    return 7
def broken():
    return torch.zeros(2) @ torch.zeros(3)
model = torch.nn.ReLU()
"""


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "my_model.py"
    file.write_text(MINE)
    return file


def test_text_names_models_and_factories(mine):
    assert models.load("lenet5").conv1.out_channels == 6
    assert models.load("mlp(hidden=(8,))").fc1.out_features == 8
    assert models.load(f"{mine}:build").in_features == 3
    assert models.load(f"{mine}:build(width=9)").in_features == 9
    assert models.load(f"{mine}:Net").in_features == 5
    assert models.load("torch.nn:Linear(2, 4)").out_features == 4
    assert models.load(" lenet5(pretrained=False) ").training is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lenet", r"did you mean lenet5\b.*\?.*mlp.*file.py:factory.*\.pt2"),
        ("lenet5(weights=1)", r"'weights'.*pretrained"),
        ("lenet5(pretrained=open('x'))", "literals"),
        ("{mine}:number", "returned int; it must return a nn.Module"),
        ("{mine}:model", "is ReLU, not a function"),
        ("{mine}:broken", "failed: RuntimeError: .*"),
        ("{mine}", "use .*my_model.py:function"),
        ("{mine}:biuld", "did you mean build"),
        ("nowhere.pt2", "no file nowhere.pt2"),
        ("weights.safetensors", "give the file as weights"),
    ],
)
def test_text_that_names_no_model_is_refused(mine, text, said):
    with pytest.raises(InputError, match=said) as raised:
        models.load(text.format(mine=mine))
    assert "\n" not in str(raised.value)


def test_a_trained_model_takes_other_weights(tmp_path):
    weights = models.lenet5(pretrained=False).state_dict()
    torch.save(weights, tmp_path / "w.pt")
    loaded = models.load("lenet5", weights=str(tmp_path / "w.pt")).state_dict()
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


def test_everything_listed_has_a_meaning():
    rows = dict(models.listed())
    shipped = ["gait_lstm", "gru_classifier", "lenet5", "lstm_classifier", "mlp", "resnet20"]
    shipped += ["sentiment_lstm", "stagenet"]
    untrained = ["alexnet", "mobilenetv2", "resnet18", "resnet34", "vgg11", "vgg16"]
    assert rows.keys() == {*shipped, *untrained}
    assert {name for name, said in rows.items() if "; untrained" in said} == set(untrained)
    assert "98.2 %" in rows["lenet5"]
