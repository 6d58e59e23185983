"""Are the windows of a layer what its outputs add up?"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.analyses.receptive_field import adds_up, windows

KINDS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, Tensor]:
    axes, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    few = st.integers(1, 3)
    kernel, dilation = (tuple(draw(few) for _ in range(axes)) for _ in range(2))
    needed = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    sizes = [n + draw(st.integers(0, 3)) for n in needed]
    padding = draw(st.sampled_from(["valid", "same", "numbers"]))
    # torch pads to the same size for a stride of 1 only.
    stride = 1 if padding == "same" else tuple(draw(few) for _ in range(axes))
    if padding == "numbers":
        padding = tuple(draw(st.integers(0, min(2, size - 1))) for size in sizes)
    modes = ["zeros", "replicate", "reflect", "circular"]
    mode = draw(st.sampled_from(modes))
    if padding == "same" and any(n > size for n, size in zip(needed, sizes, strict=True)):
        mode = "zeros"
    layer = KINDS[axes](
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 2)),
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=mode,
        bias=draw(st.booleans()),
    )
    return layer, torch.randn(2, layer.in_channels, *sizes)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(deadline=None, max_examples=60)
@given(convolutions(), st.integers(0, 1000))
def test_windows_times_weight_are_the_outputs_of_any_convolution(given_, seed):
    layer, inputs = given_
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(inputs.shape, generator=generator)
    with torch.no_grad():
        outputs = layer(inputs)
        rows = layer.weight.reshape(layer.groups, -1, layer.weight[0].numel())
        sums = (rows @ windows(layer, inputs)).flatten(1, 2)
        if layer.bias is not None:
            sums += layer.bias[:, None]
    torch.testing.assert_close(sums, outputs.flatten(2), rtol=1e-4, atol=1e-4)


@given(st.lists(st.integers(1, 4), max_size=3))
def test_windows_times_weight_are_the_outputs_of_a_linear_layer(between):
    layer = nn.Linear(3, 4)
    inputs = torch.randn(2, *between, 3)
    with torch.no_grad():
        sums = layer.weight @ windows(layer, inputs)[:, 0] + layer.bias[:, None]
        outputs = layer(inputs).reshape(2, -1, 4).transpose(1, 2)
    torch.testing.assert_close(sums, outputs)


class Doubled(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


@pytest.mark.parametrize(("layer", "plain"), [(nn.Linear(2, 2), True), (Doubled(2, 2), False)])
def test_a_forward_of_its_own_is_noticed(layer, plain):
    assert adds_up(layer) is plain
