"""Is a word counted as live in just the cycles in which flipping it changes an output?"""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import nn

from radhard.accelerators import MatrixProduct, Systolic, product_of, residencies
from radhard.formats import Int
from tests.accelerators.cycle_simulator import Faults, Machine

DATAFLOWS = ("output_stationary", "weight_stationary", "input_stationary")
LAYERS = {
    "plain": (nn.Conv2d(1, 2, 2), (1, 3, 2)),
    "padding": (nn.Conv2d(1, 2, 2, padding=(1, 0)), (1, 2, 3)),
}
SIZES = ((2, 2), (3, 1))


@dataclass
class Clock:
    """No fault, but it tells which cycle of all tiles is next."""

    cycles: int
    now: int = 0
    bit: list[int] = field(default_factory=lambda: [0])

    def apply(self, register, values, bits, tile, cycle):
        self.now = tile * self.cycles + cycle + 1


@dataclass
class Buffer:
    """A matrix that is read word by word; one word is another from a cycle on."""

    matrix: np.ndarray
    words: np.ndarray
    clock: Clock
    faulty: int = -2
    since: int = 0

    @property
    def shape(self):
        return self.matrix.shape

    def __getitem__(self, at):
        flipped = self.words[at] == self.faulty and self.clock.now >= self.since
        return self.matrix[at] + (4 if flipped else 0)


def operands(layer, shape):
    """Matrices of the layer, and which word of the buffers each element is; -1 for padding."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randint(1, 4, layer.weight.shape, generator=generator).double()
    inputs = torch.randint(1, 4, (1, *shape), generator=generator).double()
    numbers = torch.arange(1, 7).double().reshape(1, *shape)

    def unfolded(x):
        found = nn.functional.unfold(x, 2, padding=layer.padding)[0].T
        return found.numpy().astype(np.int64)

    b = weight.reshape(2, -1).T.numpy().astype(np.int64)
    return (unfolded(inputs), unfolded(numbers) - 1), (b, np.arange(b.size).reshape(b.shape))


def run(array, a, b, clock):
    machine = Machine(array.rows, array.columns, 8, 32, saturate=False)
    if array.dataflow == "input_stationary":
        # Whose simulation exchanges the operands.
        a, b = (Buffer(x.matrix.T, x.words.T, clock, x.faulty, x.since) for x in (b, a))
        return machine.weight_stationary(a, b, clock).transpose(0, 2, 1)
    return machine.run(array.dataflow, a, b, clock)


@pytest.mark.parametrize(
    ("size", "name"), [((2, 2), "plain"), ((3, 1), "plain"), ((2, 2), "padding")]
)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_buffers_are_live_where_a_flip_changes_an_output(dataflow, size, name):
    layer, shape = LAYERS[name]
    array = Systolic(*size, dataflow)
    product = product_of(layer, shape)
    tiles, cycles, _, _ = array.shape(product.product)
    found = residencies(array, product, shape, "conv")
    (a, a_words), (b, b_words) = operands(layer, shape)

    def outputs(operand, word, since):
        clock = Clock(cycles)
        chosen = {operand: word}
        one, other = (
            Buffer(matrix, words, clock, chosen.get(of, -2), since)
            for of, matrix, words in (("input", a, a_words), ("weight", b, b_words))
        )
        return run(array, one, other, clock)

    golden = outputs("input", -2, 0)
    np.testing.assert_array_equal(golden[0], a @ b)
    # A weight that is multiplied by a zero around the input counts as live, and changes nothing.
    for operand, words in (("input", 6), *[("weight", b.size)] * (name == "plain")):
        live = sum(
            (outputs(operand, word, since) != golden).any()
            for word in range(words)
            for since in range(tiles * cycles)
        )
        residency = found[f"{operand} buffer"]
        assert (residency.words, residency.cycles) == (words, tiles * cycles)
        assert residency.live == live
        assert 0 < residency.share < 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_registers_are_live_where_a_flip_changes_an_output(dataflow, size):
    array = Systolic(*size, dataflow)
    layer, shape = LAYERS["padding"]
    product = product_of(layer, shape)
    geometry = array.shape(product.product)
    (a, _), (b, _) = operands(layer, shape)
    machine = Machine(*size, 8, 32, saturate=False)
    found = residencies(array, product, shape, "conv")
    for register in array.registers:
        places = np.unravel_index(np.arange(np.prod(geometry)), geometry)
        faults = Faults(register, *places, np.full(np.prod(geometry), 2))
        # Ones around the input, so that it shows which weights are used.
        sums = machine.run(dataflow, a + (a == 0), b, faults)
        live = (sums != (a + (a == 0)) @ b).any(axis=(1, 2)).sum()
        residency = found[f"{register} registers"]
        assert residency.words == np.prod(size)
        assert residency.live == live


def test_sums_wait_outside_the_array_from_the_first_tile_of_their_depth_to_the_last():
    # 3 tiles of 2 products each, one after the other; each takes 2 + 5 + 2 + 2 - 2 cycles. A sum is
    # written in the first, and complete in the third.
    array = Systolic(2, 2, "weight_stationary")
    assert array.shape(MatrixProduct(5, 6, 2))[:2] == (3, 9)
    assert array.accumulators(MatrixProduct(5, 6, 2)) == (5 * 2, 5 * 2 * 2 * 9)
    # Nothing waits if there is one tile, nor where sums stay in the elements.
    assert array.accumulators(MatrixProduct(5, 2, 2))[1] == 0
    assert Systolic(2, 2).accumulators(MatrixProduct(5, 6, 2)) == (0, 0)


def test_a_structure_without_words_in_a_layer_is_left_out():
    layer = nn.Linear(6, 2)
    found = residencies(Systolic(2, 2, word=Int(4)), product_of(layer, (6,)), (6,), "fc")
    assert "accumulators" not in found
    assert found["weight buffer"].bits == 4
    assert found["sum registers"].bits == 32
