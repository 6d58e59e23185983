"""Are models refused whose fault-free outputs say nothing?"""

import itertools

import pytest
import torch
from torch import Tensor, nn

from radhard.datasets.data import Data
from radhard.engines.golden_answers import golden_answers
from radhard.errors import InputError
from radhard.forward import plain
from radhard.state import Steady
from radhard.workload import Workload, golden_outputs
from tests.traces import raw
from tests.workload.test_geometry import Does
from tests.zoo import NETWORKS, named


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_golden_outputs_are_those_of_all_samples_in_order(network):
    model, inputs = network.build().eval(), network.inputs()
    golden = golden_outputs(model, Data(inputs), network.call, 2)
    with torch.no_grad():
        torch.testing.assert_close(golden, network.call(model, inputs), rtol=1e-2, atol=1e-2)
    assert not golden.requires_grad


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_golden_outputs_come_in_batches_of_any_size(batch):
    x = torch.arange(6.0).reshape(3, 2)
    assert torch.equal(golden_outputs(Does(lambda x: x * 2), Data(x), plain, batch), x * 2)


def test_a_forward_pass_that_does_not_repeat_is_refused_unless_allowed():
    network = named("dropout")
    model, data = network.build(), Data(network.inputs())
    with pytest.raises(InputError, match=r"differ by up to .*; .*deterministic=False"):
        golden_outputs(model, data, network.call, 3)
    golden_outputs(model, data, network.call, 3, deterministic=False)


def test_where_passes_are_independent_some_are_repeated_from_the_first_to_the_last():
    seen: list[float] = []

    def call(model: nn.Module, batch: Tensor) -> Tensor:
        seen.append(float(batch[0, 0]))
        return model(batch)

    data, model = Data(torch.arange(101.0)[:, None]), Does(lambda x: x * 2)
    assert torch.equal(golden_outputs(model, data, Steady(call, model), 1), data.inputs * 2)
    again = seen[101:]
    assert len(again) == 16
    assert (again[0], again[-1]) == (0, 100)
    assert max(b - a for a, b in itertools.pairwise(again)) <= 7
    chance = Does(lambda x: x + torch.rand(1))
    with pytest.raises(InputError, match="not deterministic"):
        golden_outputs(chance, data, Steady(plain, chance), 1)
    seen.clear()
    golden_outputs(model, data, call, 1)
    assert len(seen) == 202


@pytest.mark.parametrize("ndim", [1, 2])
def test_outputs_that_are_nan_without_any_fault_are_refused(ndim):
    x = torch.tensor([[1.0, 2.0], [-1.0, 2.0], [3.0, -1.0]])
    model = Does(lambda x: x.sqrt() if ndim == 2 else x[:, 0].sqrt())
    with pytest.raises(InputError, match=rf"contain NaN for {ndim} of 3 samples"):
        golden_outputs(model, Data(x), plain, 2)


def test_infinities_are_outputs_like_others():
    golden = golden_outputs(Does(torch.log), Data(torch.zeros(3, 2)), plain, 2)
    assert golden.isinf().all()


@pytest.mark.parametrize(
    "function",
    [lambda x: x.sum(), lambda x: x.sum(0, keepdim=True), lambda x: x.flatten()],
)
def test_outputs_without_their_samples_on_the_first_axis_are_refused(function):
    with pytest.raises(InputError, match="must have the samples on the first axis"):
        golden_outputs(Does(function), Data(torch.ones(3, 2)), plain, 2)


def test_outputs_that_are_no_tensor_are_refused():
    with pytest.raises(InputError, match="tuple"):
        golden_outputs(Does(lambda x: (x, x)), Data(torch.ones(3)), lambda m, x: m(x), 2)


def test_a_model_that_writes_into_its_inputs_is_refused_before_it_spoils_them():
    x = torch.tensor([[1.0], [-2.0], [float("nan")]])
    before = raw(x)
    with pytest.raises(InputError, match=r"writes into its inputs.*batch\.clone"):
        golden_outputs(nn.Sequential(nn.ReLU(inplace=True)), Data(x), lambda m, x: m(x) * 0, 3)
    assert raw(x) == before

    def call(model: nn.Module, batch: Tensor) -> Tensor:
        return model(batch.clone()).nan_to_num()

    golden = golden_outputs(nn.Sequential(nn.ReLU(inplace=True)), Data(x), call, 3)
    assert golden.flatten().tolist() == [1, 0, 0]


def test_answers_alone_are_looked_up_where_a_batch_of_another_size_could_change_them():
    """Beside others the second class comes out a last digit higher."""

    def pushed(x: Tensor) -> Tensor:
        return x + torch.tensor([0.0, 1e-7 if len(x) > 1 else 0.0])

    x = torch.tensor([[1.0, 0.0]] * 10 + [[0.5, 0.5]] + [[0.0, 1.0]])
    model, data = Does(pushed), Data(x)
    assert golden_outputs(model, data, plain, 12).argmax(1)[10] == 1
    found = golden_answers(Workload(model, data, batch=1), 12)
    alone = golden_outputs(model, data, plain, 1)
    assert torch.equal(found.argmax(1), alone.argmax(1))
    assert torch.equal(found[10], alone[10])
    assert not torch.equal(found, alone)  # the others passed together


def test_all_samples_pass_alone_where_a_batch_changes_more_than_the_last_digits():
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    model = Does(lambda x: x + (0.01 if len(x) > 1 else 0.0))
    found = golden_answers(Workload(model, Data(x), batch=1), 5)
    assert torch.equal(found, golden_outputs(model, Data(x), plain, 1))
