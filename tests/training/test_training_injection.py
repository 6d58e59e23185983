"""Do faults of a training fall where and when they should, and nowhere else?"""

import itertools
import random
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip
from radhard.formats import Float32, Int, SecDed, stored_as
from radhard.injection import inject as inject_into_model
from radhard.samplers import Uniform
from radhard.space import Fault, FaultSpace
from radhard.spec import component
from radhard.targets import (
    Activations,
    Biases,
    Buffers,
    Gradients,
    HiddenStates,
    Inputs,
    OptimizerState,
    Target,
    Weights,
)
from radhard.training import FixedSteps, StepRate, inject
from radhard.training.schedule import Schedule
from tests.traces import traces
from tests.training.loops import BATCH, STEPS, batches, build, curve, space, train

TARGETS: list[Target] = [
    Weights("*"),
    Biases("*"),
    Buffers("*"),
    Activations("*"),
    Activations("*", sample="every"),
    Inputs("*"),
    Gradients("*"),
    OptimizerState("*"),
]

every = pytest.mark.parametrize("target", TARGETS, ids=repr)
GOLDEN, _ = train()


@component
class AtStep(Schedule):
    """Some faults of the space in one step."""

    step: int
    numbers: tuple[int, ...]

    @property
    def steps_needed(self) -> int:
        return self.step + 1

    def draw(self, space, seed):
        none = np.zeros(0, np.int64)
        return lambda step: np.array(self.numbers, np.int64) if step == self.step else none


def flipped(tensor: Tensor, word: int, bit: int) -> None:
    """Flip a bit of a float32 in place, by way of numpy."""
    values = tensor.detach().numpy().reshape(-1).view(np.uint32)
    values[word] ^= np.uint32(1 << bit)


def single(target: Target, tensor: str, word: int, bit: int) -> tuple[FaultSpace, AtStep]:
    faults = space(target, BitFlip())
    return faults, AtStep(3, (faults.index(Fault(tensor, word, bit)),))


@every
def test_without_faults_every_value_is_that_of_the_plain_loop(target):
    faults = space(target)
    assert curve(lambda m, o: inject(m, o, faults, StepRate(0.0))) == GOLDEN


@every
@pytest.mark.parametrize("step", [1, 4])
def test_nothing_differs_before_the_step_of_the_fault(target, step):
    faults = space(target)
    values = curve(lambda m, o: inject(m, o, faults, FixedSteps((step,), n=20)))
    # Two values a step: the loss of its batch, and an evaluation after its update.
    assert values[: 2 * step] == GOLDEN[: 2 * step]
    assert values[2 * step :] != GOLDEN[2 * step :]


def test_a_flipped_weight_stays_and_is_trained_on():
    faults, schedule = single(Weights("*"), "4.weight", 7, 28)

    def by_hand(step: int, model: nn.Module) -> None:
        if step == 3:
            flipped(model[4].weight, 7, 28)

    expected, _ = train(before_pass=by_hand)
    assert expected != GOLDEN
    assert curve(lambda m, o: inject(m, o, faults, schedule)) == expected


def test_a_flipped_gradient_is_what_the_optimizer_reads():
    faults, schedule = single(Gradients("*"), "0.weight.grad", 4, 29)

    def by_hand(step: int, model: nn.Module, _) -> None:
        if step == 3:
            flipped(model[0].weight.grad, 4, 29)

    expected, _ = train(before_update=by_hand)
    assert expected != GOLDEN
    assert curve(lambda m, o: inject(m, o, faults, schedule)) == expected


def test_a_flipped_state_of_the_optimizer_stays():
    faults, schedule = single(OptimizerState("*", "*", "exp_avg_sq"), "0.bias.exp_avg_sq", 2, 27)

    def by_hand(step: int, model: nn.Module, optimizer) -> None:
        if step == 3:
            flipped(optimizer.state[model[0].bias]["exp_avg_sq"], 2, 27)

    expected, _ = train(before_update=by_hand)
    assert expected != GOLDEN
    assert curve(lambda m, o: inject(m, o, faults, schedule)) == expected


def test_a_flipped_activation_reaches_the_next_layer_and_its_gradient_the_clean_one():
    sample, unit, bit = 2, 1, 25
    faults, schedule = single(Activations("0"), "0", sample * 5 + unit, bit)
    steps = itertools.count()

    class Flip(torch.autograd.Function):
        """The change of the word is a constant, so that gradients pass through."""

        @staticmethod
        def forward(_, x: Tensor) -> Tensor:
            faulty = x.clone()
            flipped(faulty, sample * 5 + unit, bit)
            return faulty

        @staticmethod
        def backward(_, gradient: Tensor) -> Tensor:
            return gradient

    def flip(x: Tensor) -> Tensor:
        return Flip.apply(x) if torch.is_grad_enabled() and next(steps) == 3 else x

    def by_hand(step: int, model: nn.Module) -> None:
        if step == 0:
            model[0].register_forward_hook(lambda _, args, output: flip(output))

    expected, _ = train(before_pass=by_hand)
    values = curve(lambda m, o: inject(m, o, faults, schedule))
    assert values[:6] == GOLDEN[:6]
    assert values[6] != GOLDEN[6]
    assert values == expected


@every
def test_hooks_and_generators_are_as_before_whatever_happens(target):
    faults = space(target)
    model = build()
    optimizer = torch.optim.Adam(model.parameters())
    before = traces(model), [len(h) for h in _hooks(model, optimizer)]
    states = torch.get_rng_state(), random.getstate()
    with pytest.raises(KeyboardInterrupt), inject(model, optimizer, faults, StepRate(1.0)):
        raise KeyboardInterrupt
    assert (traces(model), [len(h) for h in _hooks(model, optimizer)]) == before
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]


def _hooks(model: nn.Module, optimizer: torch.optim.Optimizer):
    yield optimizer._optimizer_step_pre_hooks
    yield optimizer._optimizer_step_post_hooks
    for parameter in model.parameters():
        yield parameter._post_accumulate_grad_hooks or {}


def test_faults_are_a_function_of_the_seed_and_the_trial():
    faults = space(Weights("*"))
    tables = []
    for seed, trial in [(0, 0), (0, 0), (1, 0), (0, 1)]:
        around = partial(inject, space=faults, schedule=StepRate(0.01), seed=seed, trial=trial)
        tables.append(train(around)[1].table()["fault"].tolist())
    assert tables[0] == tables[1]
    assert tables[0] != tables[2] != tables[3] != tables[0]


def test_the_number_of_faults_at_a_rate_is_that_of_the_rate():
    faults = space(Weights("*"), BitFlip())
    _, injection = train(lambda m, o: inject(m, o, faults, StepRate(0.02)))
    expected = 0.02 * len(faults) * STEPS
    assert injection.drawn == injection.count
    assert abs(injection.count - expected) < 5 * expected**0.5


def test_only_the_first_pass_of_a_step_meets_faults_in_activations():
    model = build().eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    inputs, _ = next(batches())
    faults = space(Activations("0"))
    with inject(model, optimizer, faults, FixedSteps((0,), n=10)):
        with torch.no_grad():
            quiet = model(inputs)
        faulty, second = model(inputs), model(inputs)
        optimizer.step()
    assert torch.equal(quiet, model(inputs))
    assert not torch.equal(faulty, quiet)
    assert torch.equal(second, quiet)


def test_a_clipping_of_gradients_sees_the_fault():
    faults, schedule = single(Gradients("*"), "4.bias.grad", 0, 30)
    seen = []

    def clip(step: int, model: nn.Module, _) -> None:
        seen.append(float(nn.utils.clip_grad_norm_(model.parameters(), 1.0)))

    train(lambda m, o: inject(m, o, faults, schedule), before_update=clip)
    assert seen[3] > 1e9 or not np.isfinite(seen[3])
    assert max(seen[:3]) < 1e3


def test_a_row_beyond_the_batch_is_reported():
    inputs = torch.cat([inputs for inputs, _ in batches()])
    faults = FaultSpace.of(build(), Activations("0"), BitFlip(), Float32(), data=inputs)
    with pytest.warns(RadhardWarning, match="reached no word"):
        _, injection = train(lambda m, o: inject(m, o, faults, FixedSteps((2,), n=200)))
    table = injection.table()
    rows = table["description"].str.extract(r"sample (\d+)$")[0].astype(int)
    assert (table["arrived"] == (rows < BATCH)).all()
    assert 0 < injection.count < injection.drawn == 200


def test_a_step_that_is_not_reached_is_reported():
    with pytest.warns(RadhardWarning, match="took 8 steps"):
        curve(lambda m, o: inject(m, o, space(Weights("*")), FixedSteps((STEPS,))))


def test_before_the_first_update_there_is_no_state():
    with pytest.warns(RadhardWarning, match="1 of 1 faults reached no word"):
        values = curve(lambda m, o: inject(m, o, space(OptimizerState("*")), FixedSteps((0,))))
    assert values == GOLDEN


def test_nothing_is_said_of_a_training_as_planned():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve(lambda m, o: inject(m, o, space(Gradients("*")), StepRate(0.01)))


def _inject(faults: FaultSpace, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    with inject(model, optimizer, faults, StepRate(1e-3)):
        pass


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m: nn.Sequential(nn.Linear(3, 4)), r"\(4, 3\) in this training"),
        (lambda m: m.double(), "float64"),
        (lambda m: nn.Identity(), "has no"),
    ],
)
@pytest.mark.parametrize("target", [Weights("0"), Gradients("0"), OptimizerState("0")])
def test_another_model_is_refused(change, match, target):
    model = change(build())
    optimizer = torch.optim.SGD([*model.parameters(), torch.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(InputError, match=match):
        _inject(space(target), model, optimizer)


def test_a_format_whose_words_an_update_leaves_is_refused():
    for format in (Int(8), SecDed(Float32())):
        stored = stored_as(build(), format)
        faults = FaultSpace.of(stored, Weights("*"), BitFlip(), format)
        with pytest.raises(InputError, match=r"such as Float32\(\)"):
            _inject(faults, stored, torch.optim.SGD(stored.parameters(), lr=0.1))


def test_a_parameter_of_another_optimizer_and_a_state_that_is_not_kept_are_refused():
    model = build()
    with pytest.raises(InputError, match="not among those"):
        _inject(space(OptimizerState("*")), model, torch.optim.SGD(model[0].parameters(), lr=0.1))
    faults = space(OptimizerState("*", entry="momentum_buffer"))
    with pytest.raises(InputError, match="exp_avg"):
        curve(lambda m, o: inject(m, o, faults, FixedSteps((2,))))


def test_what_is_no_optimizer_space_or_schedule_is_refused():
    model, faults = build(), space(Weights("*"))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for arguments in [
        (model, model, faults, StepRate(0.1)),
        (model, optimizer, Weights("*"), StepRate(0.1)),
        (model, optimizer, faults, 0.1),
    ]:
        with pytest.raises(InputError), inject(*arguments):
            pass


def test_a_compiled_model_is_refused():
    model = build()
    compiled = torch.compile(model, backend="eager")
    model.compile(backend="eager")
    with pytest.raises(InputError, match="compiled"):
        _inject(space(Weights("*")), compiled, torch.optim.SGD(model.parameters(), lr=0.1))


@pytest.mark.parametrize("target", [Gradients("*"), OptimizerState("*")])
def test_an_inference_has_no_gradients_and_no_optimizer(target):
    model, faults = build(), space(target)
    inputs, labels = next(batches())
    with pytest.raises(InputError, match="only while"):
        run(model, (inputs, labels), faults, Uniform(3), progress=False)
    with pytest.raises(InputError, match="only while"), inject_into_model(model, faults, 0):
        pass


@pytest.mark.parametrize("target", [Weights("*"), Activations("*"), Gradients("*")])
def test_an_optimizer_with_a_closure_meets_faults_in_its_step(target):
    def values(faults: FaultSpace, schedule: Schedule) -> list[float]:
        model, losses = build(), []
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
        inputs, labels = next(batches())

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), labels)
            torch.autograd.backward(loss)
            return loss

        torch.manual_seed(0)
        with inject(model, optimizer, faults, schedule):
            for _ in range(4):
                losses.append(optimizer.step(closure).item())
                losses.append(model[4].weight.sum().item())
        return losses

    golden, faulty = (values(space(target), s) for s in (StepRate(0.0), FixedSteps((2,), n=20)))
    assert faulty[:4] == golden[:4]
    assert faulty[4:] != golden[4:]


def test_a_hidden_state_is_faulty_from_its_time_step_on_and_trained_through():
    inputs = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1))
    labels = (inputs.sum(dim=(1, 2)) > 0).long()

    def made() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            return nn.ModuleDict({"cell": nn.LSTM(3, 4, batch_first=True), "fc": nn.Linear(4, 2)})

    class Last(nn.Module):
        """The logits after the last time step."""

        def __init__(self) -> None:
            super().__init__()
            self.parts = made()

        def forward(self, x: Tensor) -> Tensor:
            return self.parts["fc"](self.parts["cell"](x)[0][:, -1])

    space = FaultSpace.of(
        Last(), HiddenStates("*", steps=1), BitFlip(bits=27), Float32(), data=inputs
    )

    def losses(schedule: Schedule) -> tuple[list[float], Tensor]:
        model, found = Last(), []
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with inject(model, optimizer, space, schedule):
            for _ in range(4):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(inputs), labels)
                torch.autograd.backward(loss)
                optimizer.step()
                found.append(loss.item())
        return found, model.parts["cell"].weight_hh_l0.grad

    golden, _ = losses(StepRate(0.0))
    faulty, gradient = losses(FixedSteps((2,), n=3))
    assert faulty[:2] == golden[:2]
    assert faulty[2] != golden[2]
    assert faulty[3] != golden[3]
    assert gradient.abs().sum() > 0
