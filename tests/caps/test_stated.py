"""Do first-order effects tell which faults are harmless, and does an audit notice where not?"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.caps import CAPS, Stated
from radhard.caps.slopes import relative_gradients
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.replay.graph import graph_of
from radhard.targets import Weights
from radhard.workload import Workload
from tests.caps.exhausted import caps_of, cnn, every_flip, flips_of_layers, samples, true_harm


@pytest.fixture(scope="module")
def harm():
    model = cnn(5)
    return true_harm(model, samples(), flips_of_layers(model))


def test_no_fault_of_an_exhausted_network_harms_more_than_is_stated(harm):
    model = cnn(5)
    found = caps_of(Stated(audit=50), model, samples(), flips_of_layers(model))
    assert not found.left_out
    assert (found.audit.faults, found.audit.wrong) == (50, 0)
    assert found.audit.most == pytest.approx(3 / 50, abs=2e-3)
    assert "50 faults audited, 0 wrong (at most 5.82 %" in str(found.notes[0])
    assert (harm <= found.caps + 1e-6).all()
    assert 0.6 < found.harmless < (harm == 0).mean()


def test_a_larger_safety_states_less():
    model, data = cnn(5), samples()
    space = flips_of_layers(model)
    one, four = (caps_of(Stated(safety, audit=1), model, data, space) for safety in (1.0, 4.0))
    assert (one.caps <= four.caps).all()
    assert one.harmless > four.harmless


def test_one_miss_puts_all_caps_back_to_one(monkeypatch):
    model, data = cnn(5), samples()
    space = flips_of_layers(model)

    def far_too_small(*args):
        return {slot: one / 1000 for slot, one in relative_gradients(*args).items()}

    monkeypatch.setattr("radhard.caps.stated.relative_gradients", far_too_small)
    found = caps_of(Stated(), model, data, space)
    assert found.audit.wrong > 0
    assert found.mean == 1
    assert set(found.shares.values()) == {0.0}
    assert "refuted" in str(found.notes[0])


def test_slope_of_a_convolution_has_the_largest_value_of_each_window_of_its_pooling():
    convolution, linear = nn.Conv2d(1, 1, 1, bias=False), nn.Linear(1, 2)
    with torch.no_grad():
        convolution.weight.fill_(-1.0)  # silent: the slope is taken as if it were not
        linear.weight.copy_(torch.tensor([[-3.0], [0.0]]))
        linear.bias.copy_(torch.tensor([6.0, 0.0]))
    model = nn.Sequential(convolution, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), linear).eval()
    inputs = torch.tensor([[0.5, 1.0], [0.25, 0.75]]).reshape(1, 1, 2, 2)
    space = every_flip(model, Weights("0.*"))
    found = caps_of(Stated(safety=1.9, audit=1), model, inputs, space)
    # The margin is 6 and its slope 3 * 1: displacements below 6 / 3 / 1.9 are taken to be harmless.
    # Flips of -1: bits 0 to 22 move it by up to a half, 23 to -0.5, 30 to -inf, 31 to +1.
    assert found.caps[:30].max() == 0
    assert found.caps[30:].min() == 1


def test_smooth_activations_have_slopes_too():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(25, 6), nn.GELU(), nn.LayerNorm(6), nn.Linear(6, 3)
        ).eval()
    data = samples()
    space = every_flip(model, Weights("1.*"))
    found = caps_of(Stated(), model, data, space)
    assert not found.left_out
    assert found.audit.wrong == 0
    assert found.harmless > 0.4
    assert (true_harm(model, data, space) <= found.caps + 1e-6).all()


def test_gradients_are_relative_to_the_margins_of_the_nearest_rivals():
    model = nn.Sequential(nn.Linear(2, 3)).eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[5.0, 0.0], [1.0, 0.0], [3.0, 0.0]]))
        model[0].bias.zero_()
    inputs = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    workload = Workload.of(model, inputs)
    with workload.open():
        graph = graph_of(workload.model, workload.call, workload.data)
    (found,) = relative_gradients(graph, [inputs], [graph.output], 1).values()
    # Logits 5, 1, 3 and 10, 2, 6: the nearest rival is class 2, with margins 2 and 4.
    expected = torch.tensor([[[0.5, 0.0, 0.5]], [[0.25, 0.0, 0.25]]])
    assert torch.equal(found, expected)


class Twice(nn.Module):
    """One layer in two operations, as of a loop over steps."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.layer(x).relu())


def test_where_no_tensor_can_be_capped_nothing_is_and_it_is_said():
    model, data = Twice().eval(), Data(torch.rand(6, 4))
    caps = caps_of(Stated(), model, data, every_flip(model))
    assert (caps.caps == 1).all()
    assert set(caps.left_out) == {"layer.weight", "layer.bias"}


def test_audit_depends_on_the_seed_only_and_the_model_comes_back():
    model, data = cnn(5), samples()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first, again = (
        caps_of(Stated(audit=5), model, data, every_flip(model, Weights("9.*"))) for _ in range(2)
    )
    assert np.array_equal(first.caps, again.caps)
    assert first.audit == again.audit
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_spec_of_caps_is_their_text():
    for text in ("Stated(safety=2.0)", "Stated()", "Certified(part='word')"):
        assert repr(CAPS.parse(text)) == text


@pytest.mark.parametrize(
    ("given", "allowed"),
    [({"safety": 0.5}, "from 1"), ({"audit": 0}, "at least 1"), ({"rivals": 0}, "at least 1")],
)
def test_options_that_make_no_sense_are_refused(given, allowed):
    with pytest.raises(InputError, match=allowed):
        Stated(**given)
