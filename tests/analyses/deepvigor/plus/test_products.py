"""Are the products of a layer those that its own arithmetic adds up?"""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.analyses.deepvigor.plus.products import Products
from radhard.analyses.layer import Layer

LAYERS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Linear(5, 3), (5,)),
    (nn.Linear(5, 3, bias=False), (4, 5)),
    (nn.Conv1d(2, 3, 3, padding=1), (2, 7)),
    (nn.Conv2d(3, 4, 3, padding=1), (3, 5, 6)),
    (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (4, 7, 5)),
    (nn.Conv2d(4, 4, (3, 1), stride=(1, 2), padding=(1, 0), groups=4), (4, 5, 6)),
    (nn.Conv2d(2, 3, 3, dilation=2, padding="same"), (2, 6, 6)),
    (nn.Conv2d(2, 3, (2, 3), padding="same", padding_mode="reflect"), (2, 5, 5)),
    (nn.Conv2d(2, 3, 3, padding="valid"), (2, 5, 5)),
    (nn.Conv2d(2, 3, 3, padding=2, padding_mode="circular", dilation=2), (2, 5, 5)),
    (nn.Conv3d(2, 3, 2, stride=2), (2, 4, 4, 5)),
]


def everything(products: Products, samples: int) -> torch.Tensor:
    """The sums without bias, ``(samples, channels, positions)``."""
    sizes = (samples, products.channels, math.prod(products.positions), products.count)
    n, c, p, k = torch.meshgrid(*map(torch.arange, sizes), indexing="ij")
    return (products.met(n, c, k, p) * products.weight[c, k]).sum(-1)


@pytest.mark.parametrize(("module", "shape"), LAYERS, ids=lambda x: str(x)[:60])
def test_products_add_up_to_what_the_layer_hands_on(module: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    inputs = torch.randn(2, *shape)
    layer = Layer("it", module)
    products = Products(layer, inputs)
    sums = everything(products, 2)
    with torch.no_grad():
        outputs = layer.by_channel(module(inputs))
        if module.bias is not None:
            sums += module.bias[:, None]
    assert torch.allclose(sums, outputs, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2, 4]),
    size=st.integers(1, 3),
)
def test_any_convolution_is_taken_apart(
    stride: int, padding: int, dilation: int, groups: int, size: int
) -> None:
    module = nn.Conv2d(4, 4, size, stride, padding, dilation, groups, bias=False)
    inputs = torch.randn(1, 4, 6, 5)
    products = Products(Layer("it", module), inputs)
    with torch.no_grad():
        assert torch.allclose(everything(products, 1), module(inputs).flatten(2), atol=1e-5)


def test_maps_are_what_one_unit_of_weight_adds() -> None:
    module = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    inputs = torch.randn(3, 4, 7, 5)
    products = Products(Layer("it", module), inputs)
    samples, channels, which = torch.tensor([2, 0]), torch.tensor([5, 1]), torch.tensor([7, 12])
    maps = products.maps(samples, channels, which)
    with torch.no_grad():
        before = module(inputs)
        for row in range(2):
            module.weight.view(6, -1)[channels[row], which[row]] += 1
            moved = (module(inputs) - before)[samples[row], channels[row]]
            module.weight.view(6, -1)[channels[row], which[row]] -= 1
            assert torch.allclose(maps[row], moved, atol=1e-5)


@pytest.mark.parametrize(("module", "shape"), LAYERS, ids=lambda x: str(x)[:60])
def test_alive_are_products_that_meet_something_somewhere(
    module: Any, shape: tuple[int, ...]
) -> None:
    torch.manual_seed(2)
    inputs = torch.randn(3, *shape) * (torch.rand(3, *shape) > 0.9)
    products = Products(Layer("it", module), inputs)
    sizes = (3, products.channels, products.count, math.prod(products.positions))
    met = products.met(*torch.meshgrid(*map(torch.arange, sizes), indexing="ij"))
    channels = torch.arange(products.channels).flip(0)
    expected = (met != 0).any(3).sum(0)
    assert (expected < 3).sum() > 0
    assert torch.equal(products.alive(channels), expected[channels])
