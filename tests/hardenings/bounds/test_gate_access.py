"""Do bounds reach the gates inside recurrent layers?"""

import itertools

import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import ActivationClip, BoundedReLU, Ranger, parts, records
from radhard.models.series_classifier import LastStep
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Buffers, HiddenStates, RecurrentWeights
from radhard.verification import verify

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


def network(kind: type[nn.RNNBase] = nn.LSTM) -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(kind(2, 3, batch_first=True), LastStep(), nn.Linear(3, 2)).eval()


def samples(model: nn.Module, n: int = 30) -> Data:
    inputs = torch.randn(n, 4, 2, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return Data(inputs, model(inputs).argmax(1))


def sums_of_gates(layer: nn.LSTM, inputs: Tensor) -> dict[str, tuple[float, float]]:
    """The smallest and largest sum of every gate, and cell state, by the formulas."""
    h = c = torch.zeros(len(inputs), layer.hidden_size)
    seen: dict[str, list[Tensor]] = {}
    for x in inputs.unbind(1):
        sums = x @ layer.weight_ih_l0.T + layer.bias_ih_l0 + h @ layer.weight_hh_l0.T
        parts = dict(zip("ifgo", (sums + layer.bias_hh_l0).chunk(4, 1), strict=True))
        i, f, o = (torch.sigmoid(parts[name]) for name in "ifo")
        c = f * c + i * torch.tanh(parts["g"])
        h = o * torch.tanh(c)
        for name, value in {**parts, "c": c}.items():
            seen.setdefault(name, []).append(value)
    stacked = {name: torch.stack(values) for name, values in seen.items()}
    return {name: (float(v.min()), float(v.max())) for name, v in stacked.items()}


def test_activation_clip_has_the_ranges_of_the_sums_and_of_the_cell_state():
    model = network()
    data = samples(model)
    hard = ActivationClip()(model, data)
    with torch.no_grad():
        expected = sums_of_gates(model[0], data.inputs)
    for name, (low, high) in expected.items():
        bound = hard.get_submodule(f"0.gates.{name}_l0.clip")
        assert bound.low.item() == pytest.approx(low, rel=1e-5)
        assert bound.high.item() == pytest.approx(high, rel=1e-5)
    assert records(hard)[0].coverage[0].covered == tuple(f"0.gates.{name}_l0" for name in expected)


def test_a_huge_weight_leaves_the_outputs_within_what_the_clipped_gates_allow():
    model = network()
    data = samples(model)
    hard, inputs = ActivationClip()(model, data), data.inputs
    with torch.no_grad():
        plain, expected = model[0](inputs)[0], hard[0](inputs)[0]
        assert torch.allclose(plain, expected, atol=1e-6)
        # The candidate g of unit 1, and what the cell state of it can be with its clipped sums.
        for one in (model, hard):
            one[0].weight_ih_l0[7, 0] = 1e30
        high = torch.tanh(hard.get_submodule("0.gates.c_l0.clip").high)
        outputs = hard[0](inputs)[0]
        assert model[0](inputs)[0][..., 1].abs().max() > high
        assert outputs[..., 1].max() <= high
        hard[0].weight_hh_l0[7, 0] = torch.nan
        assert hard(inputs).isfinite().all()


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("hardening", [ActivationClip(), Ranger(), Ranger("neuron", "clamp")])
def test_samples_whose_gates_stay_in_range_are_the_same_to_the_last_bit(kind, hardening):
    model = network(kind)
    data = samples(model)
    hard = hardening(model, data)
    inputs = data.inputs.clone()
    with torch.no_grad():
        golden = hard(inputs)
        inputs[7] *= 100
        found = hard(inputs)
    others = [row for row in range(len(inputs)) if row != 7]
    assert torch.equal(found[others], golden[others])
    gates = [part for path, part in parts(hard) if ".gates." in path]
    assert len(gates) == {nn.LSTM: 5, nn.GRU: 3, nn.RNN: 1}[kind]
    assert not all(part.within(torch.full((1, 3), 100.0)) for part in gates)


def test_ranger_does_not_carry_a_wrong_cell_state_on():
    model = network()
    data = samples(model)
    hard = Ranger()(model, data)
    space = FaultSpace.of(
        model, HiddenStates("0", state="c"), BitFlip(bits=30), Float32(), data=data
    )
    bounded = run(hard, data, space, Uniform(40), engine=Serial(), audit=0)
    free = run(model, data, space, Uniform(40), engine=Serial(), audit=0)
    assert bounded.rate().value < free.rate().value


def test_gates_and_their_bounds_are_targets_of_faults():
    model = network()
    data = samples(model)
    hard = ActivationClip()(model, data)
    gates = FaultSpace.of(hard, Activations("0.gates.*"), BitFlip(), Float32(), data=data)
    # 3 units of 4 gates in each of 4 steps of every sample; HiddenStates reaches the cell state.
    assert len(gates) == len(data) * 3 * 4 * 4 * 32
    bounds = FaultSpace.of(hard, Buffers("0.gates.*"), BitFlip(), Float32())
    assert len(bounds) == 2 * 5 * 32


def test_replay_agrees_with_complete_passes_where_it_can_be_used():
    model = network()
    data = samples(model)
    hard = ActivationClip()(model, data)
    space = FaultSpace.of(model, RecurrentWeights("0"), BitFlip(bits=30), Float32())
    expected = run(hard, data, space, Uniform(12), engine=Serial(), audit=0)
    found = run(hard, data, space, Uniform(12), engine=Replay(), audit=0)
    assert found.rate().value == pytest.approx(expected.rate().value)


def test_it_is_verified_against_the_same_faults():
    model = network()
    data = samples(model)
    hard = ActivationClip()(model, data)
    space = FaultSpace.of(model, RecurrentWeights("0"), BitFlip(), Float32())
    before = run(model, data, space, Uniform(30), audit=0)
    found = verify(before, hard, data, base=model, added=10, timed=False)
    assert "buffers" in str(found)


def test_what_stays_out_of_reach_is_said():
    class Cells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.relu, self.fc = nn.GRUCell(2, 3), nn.ReLU(), nn.Linear(3, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            h = None
            for x in inputs.unbind(1):
                h = self.cell(x, h)
            return self.fc(self.relu(h))

    model = Cells().eval()
    with pytest.warns(RadhardWarning, match="1 of 2 .*gates of 'cell'.*GRUCell"):
        Ranger()(model, samples(model))

    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.relu, self.fc = nn.LSTM(2, 3), nn.ReLU(), nn.Linear(3, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            packed = nn.utils.rnn.pack_padded_sequence(
                inputs.transpose(0, 1), [inputs.shape[1]] * len(inputs)
            )
            return self.fc(self.relu(self.lstm(packed)[1][0][0]))

    packed = Packed().eval()
    with pytest.warns(RadhardWarning, match="packed"):
        hard = Ranger()(packed, samples(packed))
    assert type(hard.lstm) is nn.LSTM


def test_hardenings_of_rectifiers_leave_recurrent_layers_as_they_are():
    model = nn.Sequential(*network()[:2], nn.ReLU(), nn.Linear(3, 2)).eval()
    hard = BoundedReLU()(model, samples(model))
    assert type(hard[0]) is nn.LSTM
    with pytest.raises(InputError, match="nothing"):
        BoundedReLU()(network(), samples(network()))


def test_a_second_hardening_uses_the_gates_that_are_open():
    model = network()
    data = samples(model)
    both = Ranger()(ActivationClip()(model, data), data)
    names = [path.rpartition(".")[2] for path, _ in parts(both)]
    assert sorted(names) == sorted(["gate_access", *itertools.chain(*[("clip", "ranger")] * 5)])
