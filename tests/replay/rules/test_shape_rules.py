"""Is a patch that passed a slice, a border or a concatenation where torch puts it?

Faulty values are put together here, carried through torch whole, and compared with what the rule
leaves of the patch, which has to stay a patch.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as nnf

from radhard.engines import Replay, Serial
from radhard.faults import BitFlip
from radhard.forward import plain
from radhard.replay import rules
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph import Graph, Node, Slot
from radhard.replay.patch import Patch, Start
from radhard.replay.rules import shape_rules
from radhard.samplers import Uniform
from radhard.targets import Activations, Weights
from tests.engines.campaigns import campaign_of
from tests.engines.test_replay import check_equal, figures

aten: Any = torch.ops.aten

SAMPLES, ROWS = 3, 4
GARBAGE = 1e9
"""Stands where a patch hangs over the edge, where values mean nothing."""


def place(start: Start, row: int) -> int:
    return 0 if start is None else int(start[row]) if isinstance(start, Tensor) else start


def laid_on(golden: Tensor, patch: Patch) -> Tensor:
    """A patch on golden values, element by element."""
    whole = golden.clone()
    for index in torch.cartesian_prod(*(torch.arange(n) for n in patch.values.shape)).tolist():
        row = index[0]
        at = [place(s, row) + i for s, i in zip(patch.starts, index[1:], strict=True)]
        if all(0 <= i < n for i, n in zip(at, golden.shape[1:], strict=True)):
            whole[(row, *at)] = patch.values[tuple(index)]
    return whole


@st.composite
def patches(draw: st.DrawFn, shape: tuple[int, ...], windows: tuple[int, ...] = (2, 3)) -> Patch:
    """A patch for each row of tensors ``(rows, *shape)``; along ``windows`` it may hang over."""
    sizes, starts = list[int](), list[Start]()
    for axis, size in enumerate(shape, start=1):
        if axis != 1 and axis not in windows:
            length, start = size, None
        else:
            kind = draw(st.sampled_from(["whole", "one", "rows"]))
            length = size if kind == "whole" else draw(st.integers(1, size))
            over = length - 1 if axis in windows else 0
            places = st.integers(-over, size - length + over)
            start = {
                "whole": lambda: None,
                "one": lambda p=places: draw(p),
                "rows": lambda p=places: torch.tensor([draw(p) for _ in range(ROWS)]),
            }[kind]()
        sizes.append(length)
        starts.append(start)
    values = torch.rand(ROWS, *sizes) + 10
    for row in range(ROWS):
        for axis, (start, size) in enumerate(zip(starts, shape, strict=True), start=1):
            at = torch.arange(sizes[axis - 1]) + place(start, row)
            values[row].transpose(0, axis - 1)[(at < 0) | (at >= size)] = GARBAGE
    return Patch(values, tuple(starts))


def passed(
    rule: Callable[[FaultyPass, Node], Patch | None],
    op: Any,
    goldens: list[Tensor],
    patch: Patch,
    entry: int,
    *args: Any,
) -> Patch:
    """The patch behind an operation on golden tensors, of which one is faulty; held against torch.

    ``args`` are the arguments, with `Slot` for tensors.
    """
    rows = torch.tensor([2, 0, 1, 0])
    node = Node(len(goldens), op, args, {})
    golden = dict(enumerate(goldens))
    golden[node.slot] = node(golden.__getitem__)
    graph = Graph([node], {}, {}, [], node.slot, by_sample=set(golden))
    state = FaultyPass(graph, golden, rows, torch.arange(ROWS), grouped=False)
    state.patches[entry] = patch
    found = rule(state, node)
    assert found is not None
    faulty = {slot: tensor[rows] for slot, tensor in golden.items()}
    faulty[entry] = laid_on(faulty[entry], patch)
    assert torch.equal(laid_on(golden[node.slot][rows], found), node(faulty.__getitem__))
    # Only along positions may a patch hang over the edge.
    for axis, size in enumerate(golden[node.slot].shape[1:], start=1):
        start, length = found.starts[axis - 1], found.values.shape[axis]
        assert start is not None or length == size
        assert axis > 1 or all(0 <= place(start, row) <= size - length for row in range(ROWS))
    return found


def numbers(*shape: int, last: bool = False) -> Tensor:
    values = torch.arange(SAMPLES * torch.Size(shape).numel(), dtype=torch.float32)
    values = values.reshape(SAMPLES, *shape)
    return values.contiguous(memory_format=torch.channels_last) if last else values


@given(data=st.data(), last=st.booleans())
def test_a_slice_is_a_patch_where_torch_has_it(data: st.DataObject, last: bool) -> None:
    shape = tuple(data.draw(st.integers(2, size)) for size in (5, 9, 7))
    axis = data.draw(st.integers(1, 3))
    size, window = shape[axis - 1], data.draw(patches(shape))
    first = data.draw(st.integers(-size - 2, size - 1))
    end = data.draw(st.integers(-size, size + 3) | st.just(2**63 - 1))
    step = data.draw(st.integers(1, 4))
    assume(0 < len(range(size)[slice(first, end, step)]) < size)
    named = axis - 4 * data.draw(st.integers(0, 1))
    found = passed(
        shape_rules.slice_axis, aten.slice.Tensor, [numbers(*shape, last=last)], window, 0,
        Slot(0), named, first, end, step,
    )  # fmt: skip
    for other, (before, after) in enumerate(zip(window.starts, found.starts, strict=True), start=1):
        if other == axis and (axis == 1 or before is None):
            assert after is None
        else:
            assert (before is None) == (after is None)
            assert found.values.shape[other] <= window.values.shape[other]


@pytest.mark.parametrize(
    ("first", "step", "starts", "length"),
    [
        (2, 1, 1, 1),  # at 3 of the whole is 1 of what begins at 2
        (-5, 1, 1, 1),
        (1, 2, 1, 1),  # 1, 3, 5, 7: 3 is the second
        (0, 2, 2, 1),  # 0, 2, 4, 6: 3 lies before the third, and is none of them
        (4, 1, -1, 1),  # in front of what is left
    ],
)
def test_a_pixel_lands_at_the_place_counted_by_hand(first, step, starts, length) -> None:
    golden = numbers(2, 7, 2)
    pixel = Patch(torch.full((ROWS, 2, 1, 2), -1.0), (None, torch.tensor([3] * ROWS), None))
    found = passed(
        shape_rules.slice_axis,
        aten.slice.Tensor,
        [golden],
        pixel,
        0,
        Slot(0),
        2,
        first,
        2**63 - 1,
        step,
    )
    assert found.starts[1].tolist() == [starts] * ROWS
    assert found.values.shape == (ROWS, 2, length, 2)


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize(
    ("first", "end", "step"), [(1, 4, 1), (0, 3, 2), (2, -2, 1), (-5, -1, 3), (1, 2, 4)], ids=str
)
def test_a_slice_along_channels_or_a_whole_axis_is_as_long_as_its_result(axis, first, end, step):
    """And no longer, though more of the tensor follows."""
    golden = numbers(7, 8, 9)
    window = Patch(torch.full((ROWS, 1, 8, 9), -1.0), (torch.tensor([0, 2, 3, 6]), None, None))
    found = passed(
        shape_rules.slice_axis,
        aten.slice.Tensor,
        [golden],
        window,
        0,
        Slot(0),
        axis,
        first,
        end,
        step,
    )
    assert found.values.shape[axis] == len(range(*slice(first, end, step).indices(6 + axis)))


@given(data=st.data(), last=st.booleans())
def test_a_part_of_a_concatenation_moves_by_the_parts_before_it(
    data: st.DataObject, last: bool
) -> None:
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    entry = data.draw(st.integers(0, len(sizes) - 1))
    goldens = [numbers(size, 4, 3, last=last) for size in sizes]
    window = data.draw(patches((sizes[entry], 4, 3)))
    axis = data.draw(st.sampled_from([1, -3]))
    slots = [Slot(number) for number in range(len(sizes))]
    found = passed(shape_rules.concatenate, aten.cat.default, goldens, window, entry, slots, axis)
    before = sum(sizes[:entry])
    assert [place(found.starts[0], row) for row in range(ROWS)] == [
        before + place(window.starts[0], row) for row in range(ROWS)
    ]
    assert found.values.shape == window.values.shape
    assert found.starts[1:] == window.starts[1:]


@given(data=st.data(), last=st.booleans(), axes=st.integers(1, 3))
def test_a_border_leaves_a_patch_where_torch_has_it(
    data: st.DataObject, last: bool, axes: int
) -> None:
    border = st.integers(0, 2)
    sizes = [data.draw(border) for _ in range(2 * axes)]
    window = data.draw(patches((2, 4, 3)))
    value = data.draw(st.sampled_from([None, 0.5]))
    golden = numbers(2, 4, 3, last=last)
    found = passed(
        shape_rules.pad, aten.pad.default, [golden], window, 0, Slot(0), sizes, "constant", value
    )
    assert found.values.shape[1] == window.values.shape[1]
    for axis, before in enumerate(window.starts[1:], start=2):
        bordered = sizes[2 * (3 - axis) : 2 * (3 - axis) + 2]
        kept = before is not None and not any(bordered)
        assert (found.starts[axis - 1] is not None) == kept
    before = sizes[4] if axes == 3 else 0
    if axes == 3 and any(sizes[4:]):
        assert [place(found.starts[0], row) for row in range(ROWS)] == [
            before + place(window.starts[0], row) for row in range(ROWS)
        ]


@given(data=st.data(), positions=st.lists(st.integers(1, 3), min_size=1, max_size=2))
def test_a_channel_laid_flat_is_a_run_of_features(
    data: st.DataObject, positions: list[int]
) -> None:
    window = data.draw(patches((4, *positions), windows=()))
    assume(window.starts[0] is not None)
    size = torch.Size(positions).numel()
    golden = numbers(4, *positions)
    found = passed(shape_rules.reshape, aten.flatten.using_ints, [golden], window, 0, Slot(0), 1)
    assert found.values.shape == (ROWS, window.values.shape[1] * size)
    assert [place(found.starts[0], row) for row in range(ROWS)] == [
        size * place(window.starts[0], row) for row in range(ROWS)
    ]


class Cropped(nn.Module):
    """Crops with offsets along channels and positions, a border, and parts side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(5, 4, 3)
        self.other = nn.Conv2d(2, 3, 3, padding=1)
        self.fc = nn.Linear(4 * 4 * 5 + 30, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.first(inputs)
        middle = torch.cat([self.other(inputs)[:, :, 3:8, 2:7], x[:, 1:3, 3:8, 2:7]], 1)
        middle = middle + nnf.pad(x[:, 4:, 1::2, -6:-1], (0, 0, 0, 0, 1, 2))
        rest = self.second(nnf.pad(middle, (2, 0, 1, 0)))
        return self.fc(torch.cat([rest.flatten(1), x[:, ::2, 5:7, -5:].flatten(1)], 1))


@pytest.mark.parametrize("target", [Weights("first"), Activations("first")], ids=repr)
def test_crops_change_no_verdict_and_stay_patches(target, monkeypatch) -> None:
    torch.manual_seed(0)
    model, inputs = Cropped().eval().requires_grad_(False), torch.randn(3, 2, 11, 10)
    faults = BitFlip(bits=tuple(range(20, 32)))
    found = campaign_of(model, inputs, target, Uniform(150), fault=faults, call=plain, seed=3)
    seen: dict[Any, list[Patch | None]] = {}

    def watched(op: Any, rule: Any) -> Any:
        def watch(state: FaultyPass, node: Node) -> Patch | None:
            patch = rule(state, node)
            seen.setdefault(op, []).append(patch)
            return patch

        return watch

    for op, rule in shape_rules.RULES.items():
        monkeypatch.setitem(rules.RULES, op, watched(op, rule))
    trials = range(150)
    mine = figures(Replay(), found, trials)
    check_equal(found, mine, figures(Serial(), found, trials))
    differ = found.panel.columns.index("Distance().distance")
    assert (mine[:, differ] > 0).sum() > 15
    # None stands for an operation that was carried out on whole outputs.
    assert all(seen[aten.slice.Tensor])
    assert all(seen[aten.pad.default])
    assert any(seen[aten.cat.default])
    if isinstance(target, Activations):
        for op in (aten.slice.Tensor, aten.cat.default, aten.pad.default):
            assert any(patch is not None and not patch.whole for patch in seen[op])
