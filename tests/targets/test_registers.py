"""Do faults in registers of an array change what a simulated array changes, and nothing else?"""

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from radhard.accelerators import Systolic
from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip, FaultModel, StuckAt
from radhard.formats import Float32, Format, Int
from radhard.injection import inject
from radhard.quantization import quantized
from radhard.samplers import ErrorRate
from radhard.space import FaultSpace
from radhard.targets import Registers
from tests.accelerators.arrays import DATAFLOWS, network, output_by_simulation
from tests.accelerators.cycle_simulator import Faults


def array(dataflow: str = "output_stationary", **others: object) -> Systolic:
    return Systolic(2, 3, dataflow, Int(4), Int(12), **others)


def space(
    model: nn.Module,
    target: Registers,
    data: object,
    fault: FaultModel | None = None,
    formats: Mapping[str, Format] | None = None,
) -> FaultSpace:
    return FaultSpace.of(
        model, target, fault or BitFlip(), formats or target.array.formats, data=data
    )


@pytest.mark.parametrize("layer", ["conv", "fc"])
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_a_flip_gives_the_outputs_of_a_simulated_array(dataflow, layer):
    model, inputs = network()
    target = Registers(array(dataflow), layer, sample="every")
    faults = space(model, target, inputs)
    changed = 0
    for number in np.random.default_rng(0).integers(len(faults), size=60).tolist():
        fault = faults[number]
        region = faults.regions[faults.place(fault.tensor)]
        place = np.unravel_index(fault.word, region.site.shape)
        (bit,) = region.bits(fault.variant)
        register = fault.tensor.rpartition(":")[2]
        simulated = Faults(register, *(np.array([n]) for n in (*place, bit)))
        expected = output_by_simulation(model, target.array, layer, inputs, simulated)
        with torch.no_grad(), inject(model, faults, number):
            found = model(inputs)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        with torch.no_grad():
            changed += not torch.equal(found, model(inputs))
    assert changed >= 5


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_a_stuck_bit_gives_the_outputs_of_a_simulated_array(dataflow):
    model, inputs = network()
    target = Registers(array(dataflow), "conv", duration="permanent")
    faults = space(model, target, inputs, StuckAt(1))
    for number in np.random.default_rng(0).integers(len(faults), size=40).tolist():
        fault = faults[number]
        region = faults.regions[faults.place(fault.tensor)]
        row, column = divmod(fault.word, 3)
        where = (np.array([n]) for n in (-1, -1, row, column, *region.bits(fault.variant)))
        simulated = Faults(fault.tensor.rpartition(":")[2], *where, stuck=1)
        expected = output_by_simulation(model, target.array, "conv", inputs, simulated)
        with torch.no_grad(), inject(model, faults, number):
            torch.testing.assert_close(model(inputs), expected, rtol=1e-5, atol=1e-5)


def test_a_fault_in_one_sample_leaves_the_others_as_they_are():
    model, inputs = network()
    target = Registers(array(), "fc", "output")
    faults = space(model, target, inputs)
    (site,) = faults.sites
    assert site.words == 3 * math.prod(site.shape)
    with torch.no_grad():
        golden = model(inputs)
        # The sums of the first tile move down through the outputs after the last multiplication.
        at = np.ravel_multi_index((0, 12 + 2 + 3 - 2, 0, 1), site.shape)
        fault = faults.fault(0, 2 * math.prod(site.shape) + int(at), 10)
        with inject(model, faults, fault):
            found = model(inputs)
    assert torch.equal(found[:2], golden[:2])
    (channel,) = (found[2] != golden[2]).nonzero()[:, 0].tolist()
    assert channel == 1


def test_the_axes_of_a_register_are_tile_cycle_row_and_column():
    model, inputs = network()
    faults = space(model, Registers(array(), "conv", "sum"), inputs)
    # 4 positions and 3 channels in tiles of 2 x 3; 8 products, through 2 + 3 - 2, out in 2.
    assert faults.sites[0].shape == (2, 8 + 3 + 2, 2, 3)
    assert faults.describe(0) == "conv:sum[0, 0, 0, 0] bit 0 (magnitude) of sample 0"


def test_the_space_of_a_run_file_is_the_same():
    model, inputs = network()
    faults = space(model, Registers(array("weight_stationary")), inputs)
    again = FaultSpace.from_dict(faults.to_dict())
    assert again.sites == faults.sites
    assert again[len(faults) - 1] == faults[len(faults) - 1]


def refuse(match, make):
    with pytest.raises(InputError, match=match) as error:
        make()
    assert "\n" not in str(error.value)


def test_what_the_array_cannot_compute_is_refused_with_the_way_out():
    model, inputs = network()
    float_model = nn.Sequential(nn.Linear(3, 2))
    refuse("quantized", lambda: space(float_model, Registers(array()), torch.randn(2, 3)))
    refuse("no register 'psum'.*input, weight, sum", lambda: Registers(array(), register="psum"))
    refuse("0 x 4", lambda: Systolic(0, 4))
    refuse("integers", lambda: Systolic(2, 2, word=Float32()))
    refuse("does not hold a product", lambda: Systolic(2, 2, accumulator=Int(12)))
    refuse(
        "register of Int\\(12\\)",
        lambda: space(model, Registers(array(), "fc", "sum"), inputs, formats={"*": Int(8)}),
    )
    refuse("data", lambda: space(model, Registers(array()), None))
    narrow = Systolic(2, 2, word=Int(4), accumulator=Int(8))
    refuse("accumulator of 8 bits", lambda: space(model, Registers(narrow, "fc"), inputs))
    refuse("conv", lambda: space(model, Registers(array(), "deep*"), inputs))


def test_layers_that_are_left_out_are_named():
    model, inputs = network()
    model.fc.weight.data += 0.001
    with pytest.warns(match="fc"):
        faults = space(model, Registers(array()), inputs)
    assert {site.layer for site in faults.sites} == {"conv"}
    assert list(faults.left_out) == ["fc"]


class Recurrent(nn.Module):
    """A recurrent layer before a linear one."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


def test_recurrent_layers_are_named_with_a_count_of_the_others():
    torch.manual_seed(0)
    inputs = torch.randn(3, 5, 3)
    model = quantized(Recurrent().eval(), inputs, Int(4), inputs=True)
    with pytest.warns(match="lstm"):
        faults = space(model, Registers(array()), inputs)
    assert list(faults.left_out) == ["lstm"]
    (note,) = [note for note in faults.notes() if note.kind == "left out"]
    assert note.facts["covered"] == 1
    refuse("LSTM", lambda: space(model, Registers(array(), "lstm"), inputs))


def test_several_faults_in_a_trial_are_refused():
    model, inputs = network()
    faults = space(model, Registers(array(), "conv", "sum", sample="every"), inputs)
    refuse("Uniform", lambda: run(model, inputs, faults, ErrorRate(0.01, 3), progress=False))


def test_targets_of_two_arrays_need_a_space_each():
    model, inputs = network()
    two = [Registers(array(), "conv"), Registers(Systolic(4, 4, word=Int(4)), "fc")]
    refuse(
        "a space each",
        lambda: FaultSpace.of(model, two, BitFlip(), array().formats, data=inputs),
    )


def test_faults_of_several_registers_at_once_are_refused():
    model, inputs = network()
    faults = space(model, Registers(array(), "conv"), inputs)

    def both():
        with inject(model, faults, [0, len(faults) - 1]):
            pass

    refuse("one fault at a time", both)


def test_samples_of_another_shape_are_refused():
    inputs = torch.randn(3, 2, 3, 3)
    model = nn.Sequential(nn.Conv2d(2, 3, 2))
    faults = FaultSpace.of(
        quantized(model, inputs, Int(4), inputs=True),
        Registers(array(), sample="every"),
        BitFlip(),
        array().formats,
        data=inputs,
    )

    def larger():
        other = quantized(model, inputs, Int(4), inputs=True)
        with torch.no_grad(), inject(other, faults, 0):
            other(torch.zeros(1, 2, 6, 6))

    refuse("samples of shape", larger)


def test_a_layer_of_its_own_kind_is_left_out():
    class Halved(nn.Linear):
        def forward(self, x):
            return super().forward(x) / 2

    model = quantized(
        nn.Sequential(nn.Linear(3, 3), Halved(3, 2)), torch.randn(4, 3), Int(4), inputs=True
    )
    with pytest.warns(match="forward of its own"):
        faults = space(model, Registers(array()), torch.randn(4, 3))
    assert list(faults.left_out) == ["1"]


def test_a_layer_called_with_keyword_arguments_is_computed():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(input=x)

    inputs = torch.randn(4, 3)
    model = quantized(Named(), inputs, Int(4), inputs=True)
    faults = space(model, Registers(array(), register="output", sample="every"), inputs)
    with torch.no_grad(), inject(model, faults, len(faults) // 2):
        model(inputs)
