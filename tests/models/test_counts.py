"""Have the networks of the literature the sizes that the literature reports?"""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.models import alexnet, mobilenetv2, resnet18, resnet34, vgg11, vgg16


@dataclass(frozen=True)
class Counted:
    """A module without parts, as one image passes through it."""

    module: nn.Module
    read: int
    handed_on: int

    @property
    def multiplications(self) -> int:
        """One for each weight at each place, and one for each value that a norm scales."""
        match self.module:
            case nn.Conv2d() as conv:
                return self.handed_on * math.prod(conv.weight.shape[1:])
            case nn.Linear() as linear:
                return linear.weight.numel()
            case nn.BatchNorm2d():
                return self.handed_on
        return 0


def counted(model: nn.Module, size: int) -> list[Counted]:
    """Every module without parts, call by call."""
    found = []

    def count(module: nn.Module, given: tuple[Tensor], output: Tensor) -> None:
        found.append(Counted(module, given[0].numel(), output.numel()))

    for part in model.modules():
        if not list(part.children()):
            part.register_forward_hook(count)
    model(torch.zeros(1, 3, size, size, device="meta"))
    return found


def built(build, **options) -> nn.Module:
    with torch.device("meta"):  # shapes without values
        return build(**options)


# Convolutions, their weights, channels, and the activations that they read and write (Table II of
# Ahmadilivani et al., 2024: the "neurons" there are those read).
TABLE = [
    (vgg11, {}, 32, 8, 9_217_728, 2_752, 232_448, 409_600),
    (vgg16, {}, 32, 13, 14_710_464, 4_224, 185_344, 276_480),
    (resnet18, {"stem": "cifar"}, 32, 20, 11_159_232, 4_800, 666_624, 614_400),
    (resnet18, {}, 224, 20, 11_166_912, 4_800, 2_182_656, 2_483_712),
    (resnet34, {}, 224, 36, 21_267_648, 8_512, 3_437_056, 3_738_112),
    (mobilenetv2, {}, 32, 54, 2_318_016, 17_188, 854_064, 881_812),
]


@pytest.mark.parametrize(("build", "options", "size", "n", "w", "c", "reads", "gives"), TABLE)
def test_convolutions_are_as_many_and_as_large_as_published(
    build, options, size, n, w, c, reads, gives
):
    layers = counted(built(build, **options), size)
    convolutions = [layer for layer in layers if isinstance(layer.module, nn.Conv2d)]
    assert len(convolutions) == n
    assert sum(layer.module.weight.numel() for layer in convolutions) == w
    assert sum(layer.module.out_channels for layer in convolutions) == c
    assert sum(layer.read for layer in convolutions) == reads
    assert sum(layer.handed_on for layer in convolutions) == gives


@pytest.mark.parametrize(
    ("build", "parameters", "multiplications"),
    [
        # The count of AlexNet takes in the running statistics of its norms.
        (alexnet, 21_623_562, 42_316_288),
        (vgg16, 34_015_396, 332_756_992),
    ],
)
def test_parameters_and_multiplications_are_those_published(build, parameters, multiplications):
    model = built(build)
    held = [p.numel() for p in model.parameters()]
    if build is alexnet:
        held += [b.numel() for name, b in model.named_buffers() if "running" in name]
    assert sum(held) == parameters
    assert sum(layer.multiplications for layer in counted(model, 32)) == multiplications


def test_vgg11_has_the_published_parameters():
    # The 153,293,824 multiplications published beside them are those of another layout: maps of 32,
    # 16, 8, 8, 4, 4, 2 and 2 pixels and three linear layers, with 9.75 million parameters.
    model = built(vgg11)
    assert sum(p.numel() for p in model.parameters()) == 9_228_362
    other = [3 * 64 * 32**2, 64 * 128 * 16**2, 128 * 256 * 8**2, 256 * 256 * 8**2]
    other += [256 * 512 * 4**2, 512 * 512 * 4**2, 512 * 512 * 2**2, 512 * 512 * 2**2]
    assert 9 * sum(other) + 2 * 512 * 512 + 512 * 10 == 153_293_824
    assert sum(layer.multiplications for layer in counted(model, 32)) == 606_163_968


@pytest.mark.parametrize("build", [alexnet, mobilenetv2, vgg11, vgg16])
def test_networks_say_as_many_classes_as_asked(build):
    assert built(build, classes=7)(torch.zeros(2, 3, 32, 32, device="meta")).shape == (2, 7)
    with pytest.raises(InputError, match="classes=0 is not allowed; give a whole number from 1"):
        build(classes=0)


@pytest.mark.parametrize("build", [alexnet, mobilenetv2, vgg11])
def test_untrained_networks_are_the_same_each_time_and_tell_images_apart(build):
    state = torch.random.get_rng_state()
    one, other = build(), build()
    assert torch.equal(torch.random.get_rng_state(), state)
    same = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    assert not any(part.training for part in one.modules())
    assert not any(getattr(part, "inplace", False) for part in one.modules())
    inputs = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first, second = one(inputs)
    assert first.isfinite().all()
    assert (first - second).abs().max() > 1e-3


@pytest.mark.parametrize("build", [alexnet, mobilenetv2, resnet34, vgg11, vgg16])
def test_every_module_is_called_once_so_that_each_activation_is_a_target(build):
    model = built(build)
    called = [layer.module for layer in counted(model, 32)]
    parts = [part for part in model.modules() if not list(part.children())]
    assert len(called) == len(parts)
    assert set(called) == set(parts)


def test_a_narrow_block_adds_its_input_where_the_shape_stays():
    model = built(mobilenetv2)
    adds = {f"{n}.{k}": b.adds for n, s in model.named_children() for k, b in s.named_children()}
    assert [name for name, added in adds.items() if added] == [
        *("layer2.1", "layer3.1", "layer3.2", "layer4.1", "layer4.2", "layer4.3"),
        *("layer5.1", "layer5.2", "layer6.1", "layer6.2"),
    ]
    block = mobilenetv2().layer2[1]
    inputs = torch.rand(1, 24, 5, 5, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        alone = block.bn3(
            block.conv3(
                block.relu2(block.bn2(block.conv2(block.relu1(block.bn1(block.conv1(inputs))))))
            )
        )
        assert torch.equal(block(inputs), alone + inputs)
