"""Do register faults change the sums that a simulation cycle by cycle changes?"""

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from radhard.accelerators import RegisterContents, Systolic, product_of
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Int
from tests.accelerators.cycle_simulator import Faults, Machine

DATAFLOWS = ("output_stationary", "weight_stationary", "input_stationary")

LAYERS = {
    "padding and stride": (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 4, 5)),
    "groups and dilation": (nn.Conv2d(4, 4, 2, dilation=2, groups=2), (4, 4, 3)),
    "same": (nn.Conv1d(2, 5, 2, padding="same"), (2, 3)),
    "linear": (nn.Linear(5, 6), (5,)),
    "linear on a sequence": (nn.Linear(3, 2), (6, 3)),
}

QUICK = ("padding and stride", "linear")
CASES = [
    pytest.param(
        *(name, dataflow, size, overflow),
        marks=()
        if name in QUICK and (size, overflow) in (((2, 3), "saturate"), ((4, 4), "wrap"))
        else pytest.mark.slow,
        id=f"{name}-{dataflow}-{size}-{overflow}",
    )
    for name in LAYERS
    for dataflow in DATAFLOWS
    for size in ((1, 1), (2, 3), (4, 4))
    for overflow in ("wrap", "saturate")
]


def operands(layer, shape, word, samples=2):
    """Integers that use the whole range of a word."""
    torch.manual_seed(sum(shape))
    low, high = -(2 ** (word - 1)), 2 ** (word - 1)
    inputs = torch.randint(low, high, (samples, *shape)).double()
    return inputs, torch.randint(low + 1, high, layer.weight.shape).double()


def matrices(layer, inputs, weight):
    """The operands of each group, unfolded by torch: ``[(sample, group)] -> (a, b)``."""
    if isinstance(layer, nn.Linear):
        return {(s, 0): (x.reshape(-1, x.shape[-1]), weight.T) for s, x in enumerate(inputs)}
    flat = inputs.ndim == 3  # one axis of positions; unfold takes two
    around = layer._reversed_padding_repeated_twice
    whole = nn.functional.pad(inputs, around)
    pair = (lambda x: (1, *x)) if flat else (lambda x: x)
    unfolded = nn.functional.unfold(
        whole.unsqueeze(2) if flat else whole,
        pair(layer.kernel_size),
        dilation=pair(layer.dilation),
        stride=pair(layer.stride),
    )
    columns = unfolded.transpose(1, 2)
    depth = columns.shape[2] // layer.groups
    width = len(weight) // layer.groups
    return {
        (s, g): (
            columns[s, :, g * depth : (g + 1) * depth],
            weight[g * width : (g + 1) * width].reshape(width, -1).T,
        )
        for s in range(len(inputs))
        for g in range(layer.groups)
    }


def simulated(array, pairs, register, tiles, words, bits, stuck=None):
    """Sums ``(faults, samples, groups, rows, columns)`` of the simulator."""
    machine = Machine(
        array.rows, array.columns, array.word.bits, array.accumulator.bits, array.saturates
    )
    samples, groups = (1 + max(key[axis] for key in pairs) for axis in (0, 1))
    tile, cycle, row, column = words
    found = []
    for s, g in itertools.product(range(samples), range(groups)):
        # The tiles of a group are numbered after those of the groups before.
        own = tile - g * (tiles // groups)
        faults = Faults(register, own, cycle, row, column, bits, stuck)
        a, b = (x.numpy().astype(np.int64) for x in pairs[s, g])
        found.append(machine.run(array.dataflow, a, b, faults))
    together = np.stack(found, 1)
    return together.reshape(len(bits), samples, groups, *together.shape[2:])


@pytest.mark.parametrize(("name", "dataflow", "size", "overflow"), CASES)
def test_flipped_bits_change_the_sums_of_the_simulator(name, dataflow, size, overflow):
    layer, shape = LAYERS[name]
    array = Systolic(*size, dataflow, Int(3), Int(9), overflow)
    inputs, weight = operands(layer, shape, 3)
    contents = RegisterContents(array, product_of(layer, shape), inputs, weight)
    assert float(contents.magnitudes.max()) < 2**8
    pairs = matrices(layer, inputs, weight)
    geometry = array.shape(contents.layer.product)
    for register in array.registers:
        format = array.format_of(register)
        words, bits = (
            x.reshape(-1) for x in np.meshgrid(np.arange(np.prod(geometry)), np.arange(format.bits))
        )
        places = np.unravel_index(words, geometry)
        expected = simulated(array, pairs, register, geometry[0], places, bits)
        use = array.use(contents.layer.product, register, words)
        found = np.tile(expected_without_faults(contents), (len(words), 1, 1, 1, 1))
        live = use.some(use.live)
        every = torch.arange(len(inputs))[None]
        before = contents.held(live, every)
        after = flipped(before, bits[use.live], format)
        assert ((before != after).all(1)).all()
        add_differences(
            found, np.flatnonzero(use.live), live, contents.differences(live, every, before, after)
        )
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("name", "dataflow", "size", "overflow"), CASES)
def test_stuck_bits_change_the_sums_of_the_simulator(name, dataflow, size, overflow):
    layer, shape = LAYERS[name]
    array = Systolic(*size, dataflow, Int(3), Int(9), overflow)
    inputs, weight = operands(layer, shape, 3)
    contents = RegisterContents(array, product_of(layer, shape), inputs, weight)
    pairs = matrices(layer, inputs, weight)
    tiles = array.shape(contents.layer.product)[0]
    for register, value in itertools.product(array.registers, (0, 1)):
        format = array.format_of(register)
        words, bits = (
            x.reshape(-1)
            for x in np.meshgrid(np.arange(array.rows * array.columns), np.arange(format.bits))
        )
        never = np.full_like(words, -1)
        places = (never, never, *np.divmod(words, array.columns))
        expected = simulated(array, pairs, register, tiles, places, bits, value)
        for word, bit, sums in zip(words, bits, expected, strict=True):
            use = array.permanent_use(contents.layer.product, register, int(word))
            corrupt = partial(stuck, bit=int(bit), value=value, format=format)
            by = contents.permanent_differences(use, corrupt)
            np.testing.assert_array_equal(expected_without_faults(contents) + by.numpy(), sums)


def expected_without_faults(contents):
    """The layer's outputs, computed by torch."""
    return contents.layer.as_sums(contents.layer.multiply(contents.inputs, contents.weight)).numpy()


def flipped(values, bits, format):
    fitted = format.scaled(1.0)
    variants = torch.from_numpy(bits)[:, None].expand_as(values).reshape(-1)
    codes = fitted.encode(values.reshape(-1))
    return fitted.decode(BitFlip().corrupt(codes, variants, fitted)).reshape(values.shape)


def stuck(values, bit, value, format):
    fitted = format.scaled(1.0)
    codes = fitted.encode(values.reshape(-1))
    fault = StuckAt(value, bits=bit)
    changed = fault.corrupt(codes, torch.zeros(codes.shape, dtype=torch.int64), fitted)
    return fitted.decode(changed).reshape(values.shape)


def add_differences(sums, faults, use, by):
    """Add differences, as `RegisterContents.differences` returns them, to sums, in place."""
    for fault, group, row, column, each in zip(
        faults, use.groups, use.rows[0], use.columns[0], by.numpy(), strict=True
    ):
        if use.content == "input":
            sums[fault, :, group, row] += each.astype(sums.dtype)
        elif use.content == "weight":
            sums[fault, :, group, :, column] += each.astype(sums.dtype)
        else:
            sums[fault, :, group, row, column] += each[:, 0].astype(sums.dtype)
