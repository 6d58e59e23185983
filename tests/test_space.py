"""Is a fault a number and a number a fault, however many there are?"""

import json
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.campaign import run
from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip, Burst
from radhard.formats import (
    BFloat16,
    Fixed,
    Float16,
    Float32,
    Float64,
    Format,
    Int,
    stored_as,
)
from radhard.injection import inject
from radhard.samplers import Uniform
from radhard.space import Fault, FaultSpace
from radhard.targets import Activations, Biases, Buffers, Inputs, Site, Weights
from radhard.workload import Workload
from tests.traces import raw
from tests.zoo import named

shapes = st.lists(st.integers(1, 5), max_size=3).map(tuple)


@st.composite
def spaces(draw: st.DrawFn) -> FaultSpace:
    """Spaces of any sites, stored and flowing, told apart by sample or not."""
    sites = []
    for number, shape in enumerate(draw(st.lists(shapes, min_size=1, max_size=4))):
        samples = draw(st.none() | st.integers(1, 4))
        role = "weight" if samples is None else "activation"
        aliases = (f"alias{number}",) if samples is None else ()
        sites.append(
            Site(f"t{number}", shape, role, "", "Linear", "float32", aliases, samples=samples)
        )
    fault = draw(st.sampled_from([BitFlip(), BitFlip(count=2), BitFlip(31), Burst(3)]))
    return FaultSpace.of_sites(sites, fault, Float32(), targets=[Weights("*"), Activations("*")])


@given(space=spaces(), data=st.data())
def test_a_number_is_a_fault_and_back(space, data):
    number = data.draw(st.integers(0, len(space) - 1))
    fault = space[number]
    assert space.index(fault) == number
    assert fault in space
    assert space.count(fault) == 1
    assert space[number - len(space)] == fault
    place, word, variant = space.locate(np.array([number]))
    assert fault == Fault(space.sites[int(place[0])].name, int(word[0]), int(variant[0]))
    for alias in space.sites[int(place[0])].aliases:
        assert space.index(Fault(alias, fault.word, fault.variant)) == number
    assert repr(space[np.int64(number)]) == repr(fault)


@given(space=spaces())
def test_all_numbers_are_all_faults_in_order(space):
    if len(space) > 800:
        return
    listed = [
        Fault(site.name, word, variant)
        for site in space.sites
        for word in range(site.words)
        for variant in range(space.variants[0])
    ]
    assert list(space) == listed
    assert space[:] == listed
    assert space[-3::-2] == listed[-3::-2]
    assert len(set(map(space.describe, listed))) == len(listed)


@given(space=spaces(), data=st.data())
def test_what_is_not_in_the_space_is_found_nowhere(space, data):
    fault = space[data.draw(st.integers(0, len(space) - 1))]
    words = space.sites[space.place(fault.tensor)].words
    for other in (
        Fault("nothing", fault.word, fault.variant),
        Fault(fault.tensor, words, fault.variant),
        Fault(fault.tensor, -1, fault.variant),
        Fault(fault.tensor, fault.word, int(space.variants[0])),
        Fault(fault.tensor, fault.word, -1),
    ):
        assert other not in space
        assert space.count(other) == 0
        with pytest.raises(InputError, match="is not in the space"):
            space.index(other)
    for number in (len(space), -len(space) - 1):
        with pytest.raises(IndexError, match="of a space of"):
            space[number]
    for number in (len(space), -1):
        with pytest.raises(InputError, match=f"fault numbers are 0 to {len(space) - 1}"):
            space.locate(np.array([number]))
    assert 0 not in space


def test_an_index_is_looked_for_within_limits():
    space = FaultSpace.of(nn.Linear(2, 2), Weights("*"), BitFlip(), Float32())
    assert space.index(space[5], 5, 6) == space.index(space[5], -123, -122) == 5
    for limits in ((6,), (0, 5), (0, -123)):
        with pytest.raises(ValueError, match="is not in the space"):
            space.index(space[5], *limits)


@given(space=spaces())
def test_a_space_survives_json(space):
    again = FaultSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert again.to_dict() == space.to_dict()
    assert (again.sites, len(again), repr(again)) == (space.sites, len(space), repr(space))


@pytest.mark.parametrize("format", [Int(8), Int(8, per="channel"), Fixed(1, 15)], ids=repr)
def test_the_scales_survive_json_to_the_last_bit(format):
    model = stored_as(named("convolutions").build(), format)
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], BitFlip(), format)
    again = FaultSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    faults = np.arange(0, len(space), 7)
    with inject(model, space, faults):
        once = [raw(tensor) for tensor in model.parameters()]
    with inject(model, again, faults):
        assert [raw(tensor) for tensor in model.parameters()] == once


def test_10_to_the_11_faults_take_no_memory():
    with torch.device("meta"):
        model = nn.ModuleDict({name: nn.Linear(40_000, 40_000, bias=False) for name in "ab"})
    format = Float32()
    tracemalloc.start()
    sites = Weights("*").sites(Workload(model))
    space = FaultSpace.of_sites(sites, BitFlip(), format, targets=[Weights("*")])
    assert len(space) == 2 * 40_000**2 * 32 == 102_400_000_000
    last = space[-1]
    assert last == Fault("b.weight", 40_000**2 - 1, 31)
    assert space.index(last) == len(space) - 1
    assert space.describe(last) == "b.weight[39999, 39999] bit 31 (sign)"
    assert space.locate(np.array([len(space) - 1]))[1].tolist() == [40_000**2 - 1]
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_a_fault_is_described_by_place_bit_field_and_sample():
    network = named("residual")
    model, data = network.build(), (network.inputs(), None)
    space = FaultSpace.of(
        model, [Weights("conv1"), Activations("relu")], BitFlip(count=2), Float32(), data=data
    )
    assert space.describe(Fault("conv1.weight", 3 * 18 + 9 + 5, 495)) == (
        "conv1.weight[3, 1, 1, 2] bit 30+31 (exponent+sign)"
    )
    assert space.describe(Fault("relu@1", 2 * 144 + 36 + 6, 0)) == (
        "relu@1[1, 1, 0] bit 0+1 (mantissa) of sample 2"
    )
    assert space.describe(0) == space.describe(space[0]) == space.describe(np.int64(0))
    scalar = FaultSpace.of(named("scalar").build(), Weights("temp*"), BitFlip(), Float32())
    assert scalar.describe(30) == "temperature[] bit 30 (exponent)"
    with pytest.raises(InputError, match=r"'none' is not in the space; it has conv1\.weight"):
        space.describe(Fault("none", 0, 0))


def test_two_targets_may_not_share_a_tensor():
    model = named("residual").build()
    with pytest.raises(InputError, match=r"'conv1\.weight' is reached by more than one of the"):
        FaultSpace.of(model, [Weights("*"), Weights("conv1")], BitFlip(), Float32())
    both = FaultSpace.of(model, [Weights("conv1"), Weights("conv2")], BitFlip(), Float32())
    assert [site.name for site in both.sites] == ["conv1.weight", "conv2.weight"]


@pytest.mark.parametrize(
    ("name", "format", "message"),
    [
        ("frozen_half", Float32(), r"is wider than '0\.weight', which is float16"),
        ("frozen_half", BFloat16(), r"which lacks values of BFloat16\(\)"),
        ("bfloat16", Float16(), r"which lacks values of Float16\(\)"),
        ("layer_norm", Float64(), "choose a format of 32 bits or fewer"),
        ("layer_norm", BFloat16(), r"cannot represent; .* stored_as\(model, BFloat16\(\)\)"),
        ("layer_norm", Int(8), r"stored_as\(model, Int\(8\)\)"),
        ("double", Float32(), r"stored_as\(model, Float32\(\)\)"),
    ],
)
def test_a_format_that_the_model_does_not_hold_is_refused(name, format, message):
    with pytest.raises(InputError, match=message):
        FaultSpace.of(named(name).build(), Weights("0"), BitFlip(), format)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("frozen_half", Float16()),
        ("layer_norm", BFloat16()),
        ("layer_norm", Float16()),
        ("layer_norm", Int(8)),
        ("layer_norm", Fixed(15, 16)),
        ("double", Float32()),
        ("bfloat16", Int(8)),
    ],
)
def test_a_model_that_is_stored_so_is_accepted(name, format):
    model = stored_as(named(name).build(), format)
    space = FaultSpace.of(model, Weights("0"), BitFlip(), format)
    assert len(space) == 30 * format.bits


@pytest.mark.parametrize(
    "format", [Int(8), Fixed(1, 15), Float16(), BFloat16(), Fixed(15, 16)], ids=repr
)
@pytest.mark.parametrize("target", [Activations("*"), Inputs("*")], ids=repr)
def test_flowing_values_have_the_bits_of_their_own_dtype_only(format: Format, target):
    model = stored_as(named("layer_norm").build(), format)
    data = (named("layer_norm").inputs(), None)
    with pytest.raises(InputError, match=r"is computed as float32 .* never rounded to"):
        FaultSpace.of(model, target, BitFlip(), format, data=data)


def test_flowing_values_need_data_and_stored_ones_do_not():
    model = named("residual").build()
    for target in (Activations("*"), Inputs("*")):
        with pytest.raises(InputError, match="give the data"):
            FaultSpace.of(model, target, BitFlip(), Float32())
    assert len(FaultSpace.of(model, Buffers("*"), BitFlip(), Float32())) == 16 * 32


def test_a_space_says_what_it_is():
    space = FaultSpace.of(
        named("residual").build(), [Weights("*"), Biases("fc")], BitFlip(30), Float32()
    )
    assert repr(space) == (
        "<239 faults: BitFlip(bits=30) in Weights('*') + Biases('fc') stored as Float32()>"
    )


def test_faults_at_a_step_of_a_recurrent_layer_are_said_to_stop_there():
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.lstm, self.fc = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(self.lstm(x)[0][:, -1])

    model, inputs = Reads().eval(), torch.randn(5, 6, 3)
    with pytest.warns(RadhardWarning, match="recurrent layer at one step.*HiddenStates"):
        space = FaultSpace.of(model, Activations("lstm:0"), BitFlip(), Float32(), data=inputs)
    assert [note.kind for note in space.notes()] == ["recurrent outputs"]
    results = run(model, inputs, space, Uniform(5), progress=False)
    assert any("not later steps" in str(note) for note in results.manifest["notes"])
    # Before the last step a fault in the output is read by nobody: later steps do not see it.
    step = [space[n] for n in range(0, len(space), 97) if space.coordinates(space[n])[0][0] < 5]
    assert run(model, inputs, space, step[:20], progress=False).values("masked").all()
    other = FaultSpace.of(model, Activations("fc"), BitFlip(), Float32(), data=inputs)
    assert not other.notes()


def test_a_fault_is_asked_for_by_its_number():
    space = FaultSpace.of(nn.Linear(2, 2))
    with pytest.raises(InputError, match=r"space\.index"):
        space["weight"]
    assert space[np.int64(3)] == space[3]
