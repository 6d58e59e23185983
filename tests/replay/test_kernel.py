"""Does a window of influence hold every output that a difference reaches?"""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from radhard.replay.kernel import Kernel
from radhard.replay.patch import Patch

SIZE = 9
"""Height and width of the maps."""


def reached(inputs: slice, size: int, stride: int, padding: int, dilation: int) -> list[int]:
    """The outputs along one axis that change when these inputs do, by a convolution with ones."""
    line = torch.zeros(1, 1, SIZE)
    line[..., inputs] = 1
    out = functional.conv1d(line, torch.ones(1, 1, size), None, stride, padding, dilation)
    return out[0, 0].nonzero().flatten().tolist()


@settings(max_examples=150)
@given(
    start=st.integers(0, SIZE - 1),
    length=st.integers(1, 4),
    size=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
)
def test_no_output_outside_the_reach_changes(start, length, size, stride, padding, dilation):
    length = min(length, SIZE - start)
    kernel = Kernel(size, stride, padding, dilation)
    first, count = kernel.reach(start, length, axis=0)
    changed = reached(slice(start, start + length), size, stride, padding, dilation)
    assert set(changed) <= set(range(first, first + count))
    # Without a stride or dilation it is exact, except beyond the edges of the map.
    if stride == dilation == 1:
        last = SIZE + 2 * padding - size
        assert changed == [at for at in range(first, first + count) if 0 <= at <= last]


@given(start=st.integers(0, 8), length=st.integers(1, 3), stride=st.integers(1, 3))
def test_field_holds_every_input_of_its_outputs(start, length, stride):
    kernel = Kernel(3, stride, 1, 1)
    first, count = kernel.field(start, length, axis=1)
    for output in range(start, start + length):
        inputs = range(output * stride - 1, output * stride + 2)
        assert set(inputs) <= set(range(first, first + count))


def test_window_above_the_limit_is_the_whole_map():
    kernel, patch = Kernel(3, 1, 1, 1), Patch(torch.zeros(1, 1, 1, 1), (0, 4, 4))
    assert kernel.window(patch, 8, 8) == ((3, 3), (3, 3))
    assert kernel.window(patch, 3, 6) is not None  # 9 of 18 positions are not more than half
    assert kernel.window(patch, 3, 5) is None
