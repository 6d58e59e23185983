"""Do recurrent targets cover exactly the weights that a set, a gate and a layer consist of?"""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations

from radhard.campaign import run
from radhard.engines import Folded, Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Int, SecDed, stored_as
from radhard.injection import inject
from radhard.results import Results
from radhard.samplers import ErrorRate, PerTensor
from radhard.space import FaultSpace
from radhard.targets import RecurrentWeights, Weights, merge_biases
from tests.zoo import named

GATES = {"LSTM": "ifgo", "GRU": "rzn", "RNN": ""}


def space(model: nn.Module, *target: object, **options: object) -> FaultSpace:
    made = RecurrentWeights(*target, **options)  # type: ignore[arg-type]
    return FaultSpace.of(model, made, BitFlip(bits=31), Float32())


def covered(faults: FaultSpace) -> set[tuple[str, int]]:
    return {(fault.tensor, fault.word) for fault in faults}


@pytest.mark.parametrize(("cells", "inputs", "recurrent"), [
    (20, 320, 1600), (30, 480, 3600), (40, 640, 6400),
])  # fmt: skip
def test_a_network_with_four_inputs_has_the_published_numbers_of_weights(cells, inputs, recurrent):
    model = nn.Sequential(nn.LSTM(4, cells))
    assert len(space(model, "*", weights="input")) == inputs
    assert len(space(model, "*", weights="recurrent")) == recurrent
    assert len(space(merge_biases(model), "*", weights="bias")) == 4 * cells


@given(
    kind=st.sampled_from([nn.LSTM, nn.GRU, nn.RNN]),
    layers=st.integers(1, 3),
    both=st.booleans(),
    projected=st.booleans(),
    hidden=st.integers(2, 4),
)
def test_sets_gates_layers_and_directions_divide_the_weights(kind, layers, both, projected, hidden):
    size = {"proj_size": 1} if projected and kind is nn.LSTM else {}
    model = nn.ModuleDict({"net": kind(3, hidden, layers, bidirectional=both, **size)})
    whole = covered(FaultSpace.of(model, Weights("*"), BitFlip(bits=31), Float32()))
    assert covered(space(model, "*")) == whole
    gates = list(GATES[kind.__name__]) or [None]
    parts = [
        covered(space(model, "net", name, gate, layer, direction))
        for name, gate, layer, direction in itertools.product(
            ("input", "recurrent"),
            gates,
            range(layers),
            ("forward", "reverse") if both else ("forward",),
        )
    ]
    if size:
        parts.append(covered(space(model, "*", weights="projection")))
    assert sum(map(len, parts)) == len(whole)
    assert set().union(*parts) == whole


@pytest.mark.parametrize(
    ("module", "gate", "which"),
    [(nn.LSTM(3, 4), "o", 3), (nn.LSTMCell(3, 4), "g", 2), (nn.GRU(3, 4), "z", 1)],
)
@pytest.mark.parametrize("weights", ["input", "recurrent"])
def test_a_gate_is_that_of_the_equations(module, gate, which, weights):
    """The weights of a gate, and no others, enter its pre-activation, computed by hand."""
    torch.manual_seed(0)
    x, h = torch.randn(3), torch.randn(4)
    own = dict(module.named_parameters())
    names = {name.removesuffix("_l0"): name for name in own}

    def sums() -> torch.Tensor:
        parts = (own[names["weight_ih"]] @ x, own[names["weight_hh"]] @ h)
        return torch.cat(parts).reshape(2, -1, 4).detach()

    golden = sums()
    model = nn.ModuleDict({"net": module})
    faults = space(model, "*", weights=weights, gate=gate)
    assert len(faults) == 4 * (3 if weights == "input" else 4)
    with inject(model, faults, range(len(faults))):
        changed = (sums() != golden).any(dim=2)
    expected = torch.zeros_like(changed)
    expected[0 if weights == "input" else 1, which] = True
    assert torch.equal(changed, expected)


def test_rows_of_a_gate_keep_their_positions_in_the_tensor_and_in_the_file(tmp_path):
    network = named("lstm")
    model, data = network.build(), network.inputs()
    faults = space(model, "rnn", "recurrent", "f") | space(model, "rnn", "recurrent", "o")
    assert faults.describe(0) == "rnn.weight_hh_l0[4, 0] bit 31 (sign)"
    assert [faults.index(faults[n]) for n in range(len(faults))] == list(range(len(faults)))
    names = [faults.name(place) for place in range(len(faults.regions))]
    assert len(set(names)) == 4
    run(model, data, faults, PerTensor(5), store=tmp_path / "run.db", progress=False)
    read = Results.open(tmp_path / "run.db").space
    assert list(read) == list(faults)
    # Going on with the run, the space of the model is found equal to that of the file.
    run(model, data, faults, PerTensor(5), store=tmp_path / "run.db", progress=False)


def test_engines_agree_on_the_rows_of_a_gate():
    network = named("gru")
    model, data = network.build(), network.inputs()
    faults = space(model, "*", "recurrent", "z")
    for engine, sampler in ((Replay(), PerTensor(12)), (Folded(), ErrorRate(0.1, trials=6))):
        found, expected = (
            run(model, data, faults, sampler, engine=one, progress=False, audit=0)
            for one in (engine, Serial())
        )
        for column in expected.columns:
            assert np.allclose(found.values(column), expected.values(column), atol=1e-6)


def test_gates_are_stored_in_formats_of_their_own():
    network = named("lstm")
    model = stored_as(network.build(), SecDed(Float32()))
    coded = FaultSpace.of(model, RecurrentWeights("*", gate="f"), BitFlip(), SecDed(Float32()))
    plain = FaultSpace.of(model, RecurrentWeights("*", gate="i"), BitFlip(), Float32())
    both = coded | plain
    assert {repr(region.format) for region in both.regions} == {"SecDed(Float32())", "Float32()"}
    shared = stored_as(network.build(), Int(8))
    with pytest.raises(InputError, match=r"Int\(8\).*one by one"):
        FaultSpace.of(
            shared, RecurrentWeights("*", gate="f"), BitFlip(), Int(8), planes=("codes", "scale")
        )


def test_masks_and_gates_are_both_kept_to():
    model = nn.ModuleDict({"net": nn.LSTM(3, 2)})
    mask = torch.zeros(8, 3, dtype=torch.bool)
    mask[::2] = True
    target = RecurrentWeights("*", weights="input", gate="f")
    words = {"net.weight_ih_l0": mask}
    faults = FaultSpace.of(model, target, BitFlip(bits=31), Float32(), words=words)
    assert sorted(word for _, word in covered(faults)) == [6, 7, 8]  # row 2; row 3 is not in it
    again = faults.again(model)
    assert list(again) == list(faults)


def test_weight_norm_keeps_the_rows_of_gates():
    plain = parametrizations.weight_norm(nn.LSTM(3, 4), "weight_hh_l0")
    model = nn.ModuleDict({"net": plain})
    faults = space(model, "net*", "recurrent", "g")
    assert {name for name, _ in covered(faults)} == {
        "net.parametrizations.weight_hh_l0.original0",
        "net.parametrizations.weight_hh_l0.original1",
    }
    assert len(faults) == 4 * 1 + 4 * 4
    across = parametrizations.weight_norm(nn.LSTM(3, 4), "weight_hh_l0", dim=1)
    with pytest.raises(InputError, match="no row for each unit"):
        space(nn.ModuleDict({"net": across}), "net*", "recurrent", "g")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"gate": "r"}, "lstm.weight_ih_l0' is of class LSTM, which has the gates i, f, g, o"),
        ({"pattern": "rnn", "gate": "r"}, "RNN, which has no gates"),
        ({"layer": 2}, "matches no weight of a recurrent layer; there is: lstm.weight_ih_l0"),
        ({"pattern": "rnn", "direction": "reverse"}, "matches no weight of a recurrent layer"),
        ({"pattern": "lstm", "weights": "bias"}, r"sum of two.*merge_biases\(model\)"),
        ({"weights": "U"}, "weights='U' is not allowed; weights is 'input' or"),
        ({"gate": "x"}, "gate='x' is not allowed"),
        ({"weights": "projection", "gate": "i"}, "no gates"),
    ],
)
def test_what_a_layer_lacks_is_said_in_one_line(options, match):
    model = nn.ModuleDict({"lstm": nn.LSTM(3, 4, 2, bidirectional=True), "rnn": nn.RNN(3, 4)})
    with pytest.raises(InputError, match=match) as raised:
        space(model, **{"pattern": "*", **options})
    assert "\n" not in str(raised.value)


def test_a_model_without_recurrent_layers_has_no_such_weights():
    with pytest.raises(InputError, match="this model has no weight of a recurrent layer"):
        space(nn.Sequential(nn.Linear(2, 3)), "*")
