"""Does the reference say what a loop by hand says, and leave every model as it was?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.engines import Campaign, Serial
from radhard.engines.serial import faulty_outputs
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.forward import plain
from radhard.metrics import Panel
from radhard.samplers import ErrorRate, Exhaustive, PerTensor, Uniform
from radhard.space import Fault, FaultSpace, Numbers
from radhard.targets import Activations, Biases, Buffers, Inputs, Target, Weights
from tests.engines.campaigns import campaign, campaign_of, execute_all
from tests.traces import raw, traces
from tests.zoo import NETWORKS, SAMPLES, Network, named

networks = pytest.mark.parametrize("network", NETWORKS, ids=repr)
STORED: list[Target] = [Weights("*"), Biases("*"), Buffers("*")]
FLOWING: list[Target] = [Activations("*"), Activations("*", sample="every"), Inputs("*")]


def suiting(network: Network, targets: list[Target]) -> list[Target]:
    """The targets of which the network has any."""
    lacks = {
        Buffers: network.name not in ("residual", "dropout"),
        Biases: network.name == "tied",
        Inputs: network.name in ("embedding", "tied"),
    }
    return [target for target in targets if not lacks.get(type(target), False)]


def figures_of(one: Campaign) -> np.ndarray:
    """The figures of all trials in order."""
    return execute_all(Serial(), one).figures


def outputs_of(one: Campaign, faults: Numbers) -> Tensor:
    """The outputs under faults that crash nothing."""
    outputs, crash = faulty_outputs(one, faults)
    assert crash is None
    return outputs


@networks
def test_every_target_runs_on_every_network_and_leaves_it_as_it_was(network):
    for target in suiting(network, STORED + FLOWING):
        one = campaign(network, target, Uniform(4), seed=3)
        before = traces(one.workload.model)
        figures = figures_of(one)
        assert traces(one.workload.model) == before, target
        assert ((figures[:, :4].sum(axis=1)) > 0.99).all()
        assert raw(golden_outputs(one)) == raw(one.panel.golden.outputs)


def golden_outputs(one: Campaign) -> Tensor:
    with torch.no_grad():
        return torch.cat(
            [
                one.workload.call(one.workload.model, batch)
                for _, batch in one.workload.data.batches(one.workload.batch)
            ]
        )


def flipped(tensor: Tensor, word: int, bit: int) -> Tensor:
    """The tensor with one bit changed, made by numpy."""
    words = np.frombuffer(raw(tensor), dtype=f"u{tensor.element_size()}").copy()
    words[word] ^= words.dtype.type(1 << bit)
    return torch.from_numpy(words.view(np.uint8)).view(tensor.dtype).reshape(tensor.shape)


@networks
def test_stored_faults_are_those_of_a_loop_by_hand(network):
    one = campaign(network, suiting(network, STORED), PerTensor(2), seed=5)
    expected = []
    for trial in range(len(one.trials)):
        fault = one.space[int(one.trials[trial][0])]
        model = network.build().eval()
        tensors = dict(model.named_parameters(remove_duplicate=False))
        tensors.update(model.named_buffers())
        with torch.inference_mode():
            tensor = tensors[fault.tensor]
            tensor.copy_(flipped(tensor, fault.word, fault.variant))
        with torch.no_grad():
            outputs = torch.cat(
                [one.workload.call(model, batch) for _, batch in one.workload.data.batches(2)]
            )
        assert raw(outputs_of(one, one.trials[trial])) == raw(outputs)
        expected.append(one.panel.score(outputs.unsqueeze(0))[0])
    assert np.array_equal(figures_of(one), np.array(expected), equal_nan=True)


@pytest.mark.parametrize("name", ["residual", "lstm_time_first", "frozen_half", "encoder"])
def test_input_faults_are_those_of_a_loop_by_hand(name):
    network = named(name)
    one = campaign(network, Inputs("*"), Uniform(20), seed=6)
    inputs, model = network.inputs(), network.build()
    golden = one.panel.golden.outputs
    expected = []
    for trial in range(len(one.trials)):
        fault = one.space[int(one.trials[trial][0])]
        spoilt = flipped(inputs, fault.word, fault.variant)
        sample = fault.word // inputs[0].numel()
        with torch.no_grad():
            output = one.workload.call(model, spoilt[sample : sample + 1])
        own = Panel(one.panel.metrics, golden)
        expected.append(own.score_samples(output, torch.tensor([sample]))[0])
    assert np.array_equal(figures_of(one), np.array(expected), equal_nan=True)


def test_trials_of_many_faults_are_those_of_a_loop_by_hand():
    network = named("layer_norm")
    one = campaign(network, [Weights("*"), Biases("*")], ErrorRate((1e-3, 0.02), trials=4))
    for trial in range(len(one.trials)):
        model = network.build()
        for number in one.trials[trial]:
            fault = one.space[int(number)]
            tensor = dict(model.named_parameters())[fault.tensor]
            tensor.data.copy_(flipped(tensor, fault.word, fault.variant))
        with torch.no_grad():
            outputs = torch.cat([model(batch) for _, batch in one.workload.data.batches(2)])
        assert raw(outputs_of(one, one.trials[trial])) == raw(outputs)


def test_trials_of_many_faults_give_each_sample_its_own():
    network = named("layer_norm")
    one = campaign(network, Activations("3"), ErrorRate(0.05, trials=5), fault=BitFlip(31))
    golden = one.panel.golden.outputs
    for trial in range(len(one.trials)):
        expected = golden.clone()
        expected.view(-1)[one.trials[trial]] *= -1
        assert torch.equal(outputs_of(one, one.trials[trial]), expected)


class Picky(nn.Module):
    """Breaks where its weight is large, and gives more where it is negative."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.5, 0.5]))

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.abs().max() > 100 or not self.weight.isfinite().all():
            raise IndexError("out of range")
        y = x * self.weight
        return torch.cat([y, y], 1) if self.weight.min() < 0 else y


def test_a_crash_and_outputs_of_another_shape_are_detected_and_unrecoverable():
    model = Picky()
    one = campaign_of(
        model, torch.ones(3, 2), Weights("*"), Exhaustive(), fault=BitFlip((0, 30, 31)), call=plain
    )
    found = execute_all(Serial(), one)
    due = found.figures[:, one.panel.columns.index("Outcome().due")]
    assert due.tolist() == [0, 1, 1, 0, 1, 1]
    assert found.crashes == {"1": "IndexError", "4": "IndexError"}  # not those of another shape
    outputs, crash = faulty_outputs(one, np.array([1]))
    assert outputs.isnan().all()
    assert crash == "IndexError"


class Between(nn.Module):
    """Calls a module twice, and breaks between the calls on large negative values."""

    def __init__(self) -> None:
        super().__init__()
        self.pass_on, self.scale = nn.Softplus(beta=50), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.pass_on(x)
        if y.min() < -5:
            raise ValueError("too small")
        return self.pass_on(y * 2) * self.scale


def test_a_crash_in_one_batch_does_not_move_the_fault_in_the_next():
    x = torch.tensor([[9.0], [1.0], [2.0]])
    target = Activations("pass_on", sample="every")
    one = campaign_of(Between(), x, target, Exhaustive(), fault=BitFlip(31), call=plain, batch=1)
    assert [site.name for site in one.space.sites] == ["pass_on", "pass_on@1"]
    (first, crash), (second, none) = (
        faulty_outputs(one, np.array([number])) for number in range(2)
    )
    assert (crash, none) == ("ValueError", None)
    assert first[0].isnan().all()
    torch.testing.assert_close(first[1:], torch.zeros(2, 1))
    torch.testing.assert_close(second, -2 * x)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, InputError("no")])
def test_what_no_fault_is_to_blame_for_passes_through_and_leaves_nothing(error):
    one = campaign(named("residual"), [Weights("*"), Activations("*")])
    before = traces(one.workload.model)

    def fail(model: nn.Module, batch: Tensor) -> Tensor:
        model(batch)
        raise error

    failing = replace(one, workload=replace(one.workload, call=fail))
    with pytest.raises(error if isinstance(error, type) else type(error)):
        figures_of(failing)
    assert traces(one.workload.model) == before


def test_a_tensor_that_the_forward_pass_never_comes_to_is_an_error():
    one = campaign(named("two_inputs"), Activations("left"))

    def elsewhere(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return model.right(batch[1])

    other = replace(one, workload=replace(one.workload, call=elsewhere, batch=1))
    with pytest.raises(InputError, match=r"left\[.\] bit .* was never computed"):
        figures_of(other)


def test_a_trial_concerns_the_sample_of_its_fault_or_all():
    network = named("residual")
    one = campaign(network, [Weights("*"), Activations("conv1"), Activations("fc", sample="every")])
    for sample in range(SAMPLES):
        assert one.sample(np.array([one.space.index(Fault("conv1", sample * 144, 3))])) == sample
    assert one.sample(np.array([one.space.index(Fault("fc", 1, 3))])) is None
    assert one.sample(np.array([0])) is None
    many = campaign(network, Activations("conv1"), ErrorRate(0.1, trials=1))
    assert many.sample(many.trials[0]) is None


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_harm_does_not_depend_on_the_size_of_the_batch(batch):
    top = BitFlip(30)
    one = campaign(named("layer_norm"), Weights("*"), Uniform(30), fault=top, batch=batch)
    whole = campaign(named("layer_norm"), Weights("*"), Uniform(30), fault=top, batch=3)
    # Not so what is masked: batches of another size may round differently.
    harm = [whole.panel.columns.index(f"Outcome().{name}") for name in ("critical", "due")]
    assert (figures_of(one)[:, harm] == figures_of(whole)[:, harm]).all()
    assert figures_of(one)[:, harm].any()


def test_what_a_model_writes_to_a_faulty_word_stays_for_the_next_batch():
    class Turning(nn.Module):
        """Its only weight has the other sign after every pass."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            with torch.no_grad():
                self.weight.mul_(-1)
            return torch.stack([x * self.weight, torch.zeros_like(x)], dim=1)

    inputs, model = torch.full((2,), 0.5), Turning().eval()
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=31), Float32())
    twin = Turning()
    with torch.no_grad():
        twin.weight.neg_()
        expected = [twin(inputs[:1]).argmax(1).item(), twin(inputs[1:]).argmax(1).item()]
    assert expected == [0, 1]  # fault-free it is [1, 0]
    results = run(model, inputs, space, Exhaustive(), engine=Serial(), batch=1, progress=False)
    assert results.rate().value == 1.0
    assert model.weight.item() == 1.0
