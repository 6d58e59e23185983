"""Are the residual networks those of the papers, and can every part of them be faulty?"""

import pytest
import torch
from torch import nn
from torch.nn import functional

from radhard.errors import InputError
from radhard.models import resnet18, resnet20, resnet34
from radhard.models.resnet import Block, Projection, Subsample


def called(model: nn.Module, inputs: torch.Tensor) -> list[str]:
    """The names of the modules without parts of their own, each time that one is called."""
    names, handles = [], []
    for name, part in model.named_modules():
        if not list(part.children()):
            # The name is bound now, not when the hook runs.
            handles.append(part.register_forward_hook(lambda *_, name=name: names.append(name)))
    with torch.no_grad():
        model(inputs)
    for handle in handles:
        handle.remove()
    return names


@pytest.mark.parametrize(
    ("build", "size", "convolutions", "relus"), [(resnet20, 32, 19, 19), (resnet18, 64, 20, 17)]
)
def test_every_module_is_called_once_so_that_each_activation_is_a_target(
    build, size, convolutions, relus
):
    model = build()
    names = called(model, torch.zeros(1, 3, size, size))
    leaves = [name for name, part in model.named_modules() if not list(part.children())]
    assert sorted(names) == sorted(leaves)
    kinds = [type(dict(model.named_modules())[name]) for name in names]
    assert kinds.count(nn.Conv2d) == convolutions
    assert kinds.count(nn.ReLU) == relus
    assert not any(part.inplace for part in model.modules() if isinstance(part, nn.ReLU))


def test_maps_have_the_sizes_of_the_paper():
    found = {}
    for model, size in ((resnet20(), 32), (resnet18(), 224)):
        value = torch.zeros(1, 3, size, size)
        for name, part in model.named_children():
            with torch.no_grad():
                value = part(value)
            found[size, name] = tuple(value.shape[1:])
    assert [found[32, f"layer{i}"] for i in (1, 2, 3)] == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
    assert found[224, "maxpool"] == (64, 56, 56)
    assert [found[224, f"layer{i}"][0] for i in (1, 2, 3, 4)] == [64, 128, 256, 512]
    assert [found[224, f"layer{i}"][1] for i in (1, 2, 3, 4)] == [56, 28, 14, 7]
    assert (found[32, "fc"], found[224, "fc"]) == ((10,), (1000,))


@pytest.mark.parametrize("around", [None, Subsample(4, 9), Projection(4, 9)])
def test_a_block_is_the_sum_of_two_ways(around):
    torch.manual_seed(3)
    outputs, stride = (4, 1) if around is None else (9, 2)
    block = Block(4, outputs, stride, around)
    for norm in (part for part in block.modules() if isinstance(part, nn.BatchNorm2d)):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    block.double().eval()
    x = torch.randn(2, 4, 6, 6, dtype=torch.double)

    def norm(y, bn):
        scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
        return (y - bn.running_mean[:, None, None]) * scale[:, None, None] + bn.bias[:, None, None]

    first = functional.conv2d(x, block.conv1.weight, stride=stride, padding=1)
    second = functional.conv2d(norm(first, block.bn1).clamp_min(0), block.conv2.weight, padding=1)
    expected = norm(second, block.bn2)
    if isinstance(around, Projection):
        expected += norm(functional.conv2d(x, around[0].weight, stride=2), around[1])
    elif around is not None:
        expected[:, 2:6] += x[:, :, ::2, ::2]
    else:
        expected += x
    torch.testing.assert_close(block(x), expected.clamp_min(0))


@pytest.mark.parametrize("build", [resnet20, resnet18])
def test_torch_export_gives_the_same_answers(build):
    model, inputs = build(), torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    program = torch.export.export(model, (inputs,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(inputs), model(inputs))


def test_names_are_those_of_the_usual_checkpoints():
    names = set(resnet18().state_dict())
    assert {
        "conv1.weight",
        "bn1.running_mean",
        "layer1.0.conv1.weight",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.running_var",
        "layer4.1.bn2.bias",
        "fc.bias",
    } <= names
    assert len(names) == 122
    assert "layer1.0.downsample.0.weight" not in names


def test_untrained_resnet18_is_the_same_each_time_and_its_answers_depend_on_the_image():
    state = torch.random.get_rng_state()
    one, other = resnet18(), resnet18()
    assert torch.equal(torch.random.get_rng_state(), state)
    same = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert not any(part.training for part in one.modules())
    inputs = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = one(inputs)
    assert first.isfinite().all()
    assert (first - second).abs().max() > 1e-3
    assert resnet18(classes=7).fc.out_features == 7


@pytest.mark.parametrize("classes", [0, -1, True, 1.5, "10"])
def test_a_resnet18_that_cannot_be_is_refused(classes):
    with pytest.raises(InputError, match=r"classes=.*whole number from 1"):
        resnet18(classes=classes)


def test_the_stem_for_small_images_keeps_their_size_and_says_how_many_classes():
    with torch.device("meta"):
        small, large = resnet18(stem="cifar"), resnet34()
    assert "maxpool" not in dict(small.named_children())
    assert small.layer1(
        small.relu(small.bn1(small.conv1(torch.zeros(1, 3, 32, 32, device="meta"))))
    ).shape == (*(1, 64, 32, 32),)
    assert (small.fc.out_features, large.fc.out_features) == (100, 1000)
    with pytest.raises(InputError, match="stem='mnist' is not allowed; give 'imagenet' or 'cifar'"):
        resnet18(stem="mnist")
