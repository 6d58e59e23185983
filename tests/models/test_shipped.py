"""Are the networks that come along what they are said to be?"""

import pytest
import torch

from radhard.datasets import mnist, photo_patches, vowels
from radhard.errors import InputError
from radhard.models import gru_classifier, lenet5, lstm_classifier, mlp, resnet20
from radhard.models.shipped import path_of, recorded

SHIPPED = [
    (lenet5, mnist, 61_706, 0.98, 250_000, "MNIST"),
    (mlp, mnist, 52_650, 0.95, 250_000, "MNIST"),
    (resnet20, photo_patches, 269_722, 0.9, 2_000_000, "photo_patches"),
    (lstm_classifier, vowels, 20_553, 0.9, 150_000, "vowels"),
    (gru_classifier, vowels, 15_561, 0.9, 150_000, "vowels"),
]
ids = [build.__name__ for build, *_ in SHIPPED]


@pytest.mark.parametrize(("build", "source", "parameters", "at_least", "size", "said"), SHIPPED)
def test_shipped_weights_reach_the_accuracy_recorded_with_them(
    build, source, parameters, at_least, size, said
):
    model, data, record = build(), source(split="test"), recorded(build.__name__)
    with torch.no_grad():
        right = (model(data.inputs).argmax(1) == data.labels).double().mean().item()
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert f"{right:.4f}" == record["accuracy"]
    assert right >= at_least
    assert f"{parameters:,} parameters" in build.__doc__
    assert f"{100 * right:.1f} % on {said}" in build.__doc__
    assert path_of(build.__name__).stat().st_size < size


@pytest.mark.parametrize(("build", "source"), [row[:2] for row in SHIPPED], ids=ids)
def test_shipped_weights_were_trained_on_the_training_samples(build, source):
    name = build.__name__
    train, test, record = source(split="train"), source(split="test"), recorded(name)
    assert record["data"] == f"{source.__name__}(split='train') {train.fingerprint()}"
    assert record["tested_on"] == f"{source.__name__} {test.fingerprint()}"
    assert record["trained_by"] == f"scripts/train_{name}.py"
    assert {"seed", "torch"} <= record.keys()


def test_every_activation_of_lenet5_has_a_name():
    names = "conv1 relu1 pool1 conv2 relu2 pool2 flatten fc1 relu3 fc2 relu4 fc3"
    assert [name for name, _ in lenet5().named_children()] == names.split()


@pytest.mark.parametrize("build", [row[0] for row in SHIPPED], ids=ids)
def test_models_come_ready_and_leave_chance_alone(build):
    state = torch.random.get_rng_state()
    models = [build(), build(pretrained=False), build(pretrained=False)]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not any(part.training for model in models for part in model.modules())
    assert all(p.requires_grad and not p.is_meta for m in models for p in m.parameters())
    assert not any(b.is_meta for m in models for b in m.buffers())
    trained, one, other = (m.state_dict() for m in models)
    assert all(torch.equal(one[key], other[key]) for key in one)
    weights = [name for name, _ in models[0].named_parameters() if name.endswith("weight")]
    assert not any(torch.equal(trained[name], one[name]) for name in weights)


def test_changing_a_model_does_not_change_the_next():
    with torch.no_grad():
        lenet5().conv1.weight.zero_()
    assert lenet5().conv1.weight.any()


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu"])
def test_mlp_takes_any_shape(activation):
    model = mlp(hidden=(5, 4), inputs=6, classes=3, activation=activation)
    assert model(torch.zeros(2, 1, 2, 3)).shape == (2, 3)
    assert f"{activation}2" in dict(model.named_children())
    assert [n for n, _ in mlp(hidden=(), inputs=2).named_children()] == ["flatten", "fc1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"activation": "rleu"}, "did you mean relu"),
        ({"hidden": 8}, r"as \(64, 32\) or \(8,\)"),
        ({"hidden": (8, 0)}, "layer of 0"),
        ({"inputs": "784"}, "layer of '784'"),
        ({"classes": True}, "layer of True"),
        ({"hidden": (8,), "pretrained": True}, "default shape only"),
    ],
)
def test_an_mlp_that_cannot_be_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        mlp(**options)
