"""Does training under faults do what it says, and report what it bought?"""

import re

import numpy as np
import pytest
import torch
from torch import nn

from radhard.datasets import Data, digits
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Int, SecDed, is_stored_as, stored_as
from radhard.hardenings import FaultAwareTraining, load, records, save
from radhard.hardenings.faulty_weights import FaultyWeights
from radhard.injection import inject
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from radhard.training import StepRate
from radhard.training.schedule import training_seed
from tests import small

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


def trained(seed: int = 0) -> tuple[nn.Module, Data]:
    """A small network that recognizes digits."""
    data = digits(n=300)
    data = Data(data.inputs.flatten(1) / data.inputs.max(), data.labels, "digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(60):
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.cross_entropy(model(data.inputs), data.labels))
            optimizer.step()
    return model.eval(), data


def finding(model: nn.Module) -> str:
    (record,) = records(model)
    (text,) = record.findings
    assert any(text in line for line in record.lines())
    return text


@pytest.mark.parametrize("format", [Float32(), Int(8)], ids=repr)
def test_a_pass_sees_the_values_that_an_injection_gives(format):
    model, data = stored_as(small.network(), format), small.data()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), format)
    numbers = np.array([3, 40, 41, 77], np.int64)
    weights = FaultyWeights(model, space)
    before = [p.detach().clone() for p in model.parameters()]
    with torch.no_grad():
        with inject(model, space, numbers):
            expected = model(data.inputs)
        with weights.faulty(numbers):
            assert torch.equal(model(data.inputs), expected)
    for parameter, saved in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, saved)


def test_a_step_is_that_of_gradients_at_the_faulty_values(monkeypatch):
    # An update of Adam depends on little more than the signs of the gradients.
    monkeypatch.setattr(torch.optim, "Adam", torch.optim.SGD)
    model, data = small.network(), small.data(samples=5)
    hard = FaultAwareTraining(
        0.02, fault=BitFlip(field="mantissa"), epochs=1, trials=1, learning_rate=0.1
    )
    found = hard(model, data, batch=100, seed=4)
    # By hand: one step on the samples that are not held out.
    space = FaultSpace.of(model, Weights("*"), BitFlip(field="mantissa"), Float32())
    faults = StepRate(0.02).draw(space, training_seed(4, 0))(0)
    assert len(faults) > 1
    by_hand, faulty = small.network(), small.network()
    for number in faults.tolist():
        fault = space[number]
        values = faulty.get_parameter(fault.tensor).detach().numpy().reshape(-1).view(np.uint32)
        values[fault.word] ^= np.uint32(1 << fault.variant)
    kept = records_of_rows(model, hard, data)
    error = nn.functional.cross_entropy(faulty(data.inputs[kept]), data.labels[kept])
    torch.autograd.backward(error)
    nn.utils.clip_grad_norm_(faulty.parameters(), 1.0)
    for mine, other in zip(by_hand.parameters(), faulty.parameters(), strict=True):
        mine.grad = other.grad
    torch.optim.SGD(by_hand.parameters(), lr=0.1).step()
    for mine, other in zip(by_hand.parameters(), found.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)
    assert not torch.equal(by_hand[0].weight, model[0].weight)


def records_of_rows(model: nn.Module, hardening: FaultAwareTraining, data: Data) -> torch.Tensor:
    """The samples that are trained on: those whose labels, if changed, change the weights."""
    expected = hardening(model, data, batch=100, seed=4).state_dict()
    rows = []
    for row in range(len(data)):
        labels = data.labels.clone()
        labels[row] = 1 - labels[row]
        other = hardening(model, Data(data.inputs, labels), batch=100, seed=4).state_dict()
        if not all(torch.equal(other[name], expected[name]) for name in expected):
            rows.append(row)
    assert len(rows) == len(data) - round(0.2 * len(data))
    return torch.tensor(rows)


def test_it_tolerates_more_faults_and_says_how_many(tmp_path):
    model, data = trained()
    fault = BitFlip(field="sign")
    hardening = FaultAwareTraining(0.1, fault=fault, epochs=40, learning_rate=5e-3, trials=150)
    hard = hardening(model, data, batch=60)
    text = finding(hard)
    before, after = map(float, re.findall(r"is ([\d.]+) % before and ([\d.]+) % after", text)[0])
    low = float(re.findall(r"difference of [\d.]+ % \[(-?[\d.]+) %", text)[0])
    assert after > before + 5
    assert low > 0
    # With faults that were not drawn in training or in the report.
    space = FaultSpace.of(model, Weights("*"), fault, Float32())
    draw = StepRate(0.1).draw(space, 99)
    right = np.zeros(2)
    for trial in range(10):
        for which, one in enumerate((model, hard)):
            with torch.no_grad(), inject(one, space, draw(trial)):
                right[which] += float((one(data.inputs).argmax(1) == data.labels).sum())
    assert right[1] > right[0]
    save(hard, tmp_path / "hard", base="none")
    again = load(tmp_path / "hard", model=trained()[0])
    assert records(again) == records(hard)


def test_weights_are_values_of_the_format_afterwards():
    model, data = trained()
    stored = stored_as(model, Int(8))
    hard = FaultAwareTraining(1e-3, format=Int(8), epochs=2)(stored, data)
    assert all(is_stored_as(hard.get_parameter(name), Int(8)) for name in ("0.weight", "2.weight"))
    assert not torch.equal(hard[0].weight, stored[0].weight)


def test_steps_whose_gradients_are_not_finite_are_skipped_and_counted():
    model, data = trained()
    hard = FaultAwareTraining(0.5, fault=BitFlip(bits=30), epochs=1, trials=2)(model, data)
    skipped, steps = map(int, re.findall(r"(\d+) of (\d+) steps were skipped", finding(hard))[0])
    assert 0 < skipped <= steps
    assert all(parameter.isfinite().all() for parameter in hard.parameters())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FaultAwareTraining(0.0),
        lambda: FaultAwareTraining(float("nan")),
        lambda: FaultAwareTraining(1e-3, Activations("*")),
        lambda: FaultAwareTraining(1e-3, format=SecDed(Float32())),
        lambda: FaultAwareTraining(1e-3, epochs=0),
        lambda: FaultAwareTraining(1e-3, held_out=1.0),
        lambda: FaultAwareTraining(1e-3)(small.network(), small.data().inputs),
        lambda: FaultAwareTraining(1e-3)(small.network(), small.data().first(1)),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(wrong):
    with pytest.raises(InputError) as error:
        wrong()
    assert "\n" not in str(error.value)
