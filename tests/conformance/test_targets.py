"""Does every target keep the contract?"""

import dataclasses
import typing
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from radhard import targets
from radhard.accelerators import Systolic
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.targets import TARGETS as FAMILY
from radhard.targets import (
    Activations,
    Attention,
    Biases,
    Buffers,
    Gradients,
    HiddenStates,
    Inputs,
    KeyValueCache,
    OptimizerState,
    RecurrentWeights,
    Registers,
    Role,
    Target,
    Weights,
)
from radhard.workload import Workload
from tests.traces import traces
from tests.zoo import SAMPLES, Network, named

# Each one suits the residual network of the zoo, the recurrent one, or one with attention.
TARGETS: list[Target] = [
    Weights("*"),
    Weights("conv*|fc"),
    Weights("*", layers="Linear"),
    Biases("*"),
    Biases("*", layers="Batch*"),
    Buffers("*"),
    Buffers("bn1", layers="BatchNorm2d"),
    Activations("*"),
    Activations("relu@1", sample="every"),
    Activations("*", layers="Conv2d"),
    Inputs("*"),
    Inputs("x", sample="every"),
    RecurrentWeights("*"),
    RecurrentWeights("rnn", weights="recurrent", gate="f", layer=1),
    HiddenStates("*"),
    HiddenStates("rnn:c_l1", state="c", steps="1:4", sample="every"),
    Attention("*"),
    Attention("attention:*", part="scores|value", heads=1, sample="every"),
    KeyValueCache("*"),
    KeyValueCache("attention", part="key", positions="1:3", sample="every"),
]


def suitable(target: Target) -> Network:
    """A network in which the target finds something."""
    if isinstance(target, Attention | KeyValueCache):
        return named("attention")
    return named("lstm" if isinstance(target, RecurrentWeights | HiddenStates) else "residual")


# Their tensors exist only in training, and are reached by its hooks (tests/training).
IN_TRAINING: list[Target] = [
    Gradients("*"),
    Gradients("conv*|fc", layers="Linear"),
    OptimizerState("*"),
    OptimizerState("fc", entry="momentum_buffer"),
]

# Their words hold many values in a pass, of a quantized model (tests/targets/test_registers.py).
OF_ACCELERATORS: list[Target] = [Registers(Systolic(4, 4))]

every = pytest.mark.parametrize("target", TARGETS, ids=repr)


class Recorder:
    """Notes what it is shown, and negates it."""

    def __init__(self) -> None:
        self.stored: list[Tensor] = []
        self.flowing: list[tuple[int, ...]] = []
        self.open = 0

    @contextmanager
    def held(self, stored: Tensor) -> Iterator[None]:
        self.stored.append(stored)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    @property
    def faulty_rows(self) -> list[int]:
        return [1, 2]

    def apply_to_row(self, flowing: Tensor, row: int) -> None:
        assert row in self.faulty_rows
        self.apply_to(flowing)

    def apply_to(self, flowing: Tensor) -> None:
        self.flowing.append(tuple(flowing.shape))
        flowing.neg_()


def test_every_target_has_an_example():
    names = {type(t).__name__ for t in (*TARGETS, *IN_TRAINING, *OF_ACCELERATORS)}
    assert names == {name for name, _ in FAMILY.listed()}


def test_every_name_in_all_exists_and_says_what_it_is():
    assert sorted(set(targets.__all__)) == sorted(targets.__all__)
    assert all(getattr(targets, name) is not None for name in targets.__all__)


@every
def test_repr_is_the_spec(target):
    assert FAMILY.parse(repr(target)) == target


@every
def test_sites_are_named_once_and_the_same_each_time(target):
    network = suitable(target)
    workload = network.workload()
    before = traces(workload.model)
    sites = target.sites(workload)
    assert traces(workload.model) == before
    assert sites == target.sites(network.workload())
    assert len({site.name for site in sites}) == len(sites) > 0
    for site in sites:
        assert site.role == target.role
        assert site.role in typing.get_args(Role)
        assert site.dtype == "float32"
        one = getattr(target, "sample", "every") == "one"
        assert site.samples == (SAMPLES if one else None)
        assert site.flows is (site.axis is not None)
        assert 0 <= site.call < site.calls
        each = torch.zeros(site.shape)[slice(*site.rows) if site.rows else ...].numel()
        assert site.words == each * (site.samples or 1)


@every
def test_while_open_the_tensor_is_reached_and_afterwards_no_more(target):
    network = suitable(target)
    workload = network.workload()
    model, inputs = workload.model, workload.data.inputs
    sites, before = target.sites(workload), traces(model)
    with torch.no_grad():
        golden = model(inputs)
    for site in sites:
        recorder = Recorder()
        with target.reach(model, site, recorder), torch.no_grad():
            faulty = model(inputs)
            assert recorder.open == (not site.flows)
        assert recorder.open == 0
        if site.role in ("hidden state", "key-value cache"):
            assert recorder.flowing == [(SAMPLES, *site.shape[1:])] * len(recorder.faulty_rows)
        elif site.flows:
            assert recorder.flowing == [(SAMPLES, *site.shape)]
        if site.flows:
            assert not torch.equal(faulty, golden)
        else:
            (stored,) = recorder.stored
            tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
            assert stored.data_ptr() == tensors[site.name].data_ptr()
            assert tuple(stored.shape) == site.shape
        assert traces(model) == before
        with torch.no_grad():
            assert torch.equal(model(inputs), golden)
        assert len(recorder.flowing) <= len(recorder.faulty_rows)


@every
def test_an_exception_inside_leaves_nothing(target):
    network = suitable(target)
    workload = network.workload()
    model, site = workload.model, target.sites(workload)[0]
    before = traces(model)
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), target.reach(model, site, recorder):
        raise KeyboardInterrupt
    assert recorder.open == 0
    assert traces(model) == before


@every
def test_a_pattern_without_a_match_says_what_there_is(target):
    network = suitable(target)
    nothing = type(target)("nothing")
    first = type(target)("*").sites(network.workload())[0]
    with pytest.raises(InputError, match=f"'nothing'.* there is: .*{first.name}"):
        nothing.sites(network.workload())


@every
def test_a_model_without_the_tensor_is_refused(target):
    network = suitable(target)
    site = target.sites(network.workload())[-1]
    other = torch.nn.Sequential()
    recorder = Recorder()
    if isinstance(target, Inputs):
        with target.reach(other, site, recorder), evaluating(other):
            other(network.inputs())
        assert not recorder.flowing
        return
    with pytest.raises(InputError, match=r"Sequential has no (tensor|module)"):
        target.reach(other, site, recorder).__enter__()


@pytest.mark.parametrize("target", IN_TRAINING, ids=repr)
def test_tensors_of_a_training_are_those_of_its_parameters_and_not_of_an_inference(target):
    model = named("residual").build()
    assert FAMILY.parse(repr(target)) == target
    sites = target.sites(Workload(model))
    assert sites == target.sites(Workload(named("residual").build()))
    for site in sites:
        parameter = model.get_parameter(site.name.rpartition(".")[0])
        assert (site.shape, site.role, site.samples) == (parameter.shape, target.role, None)
        assert site.in_training
        assert site.role in typing.get_args(Role)
        with pytest.raises(InputError, match="only while"):
            target.reach(model, site, Recorder())
    with pytest.raises(InputError, match=r"'nothing'.* there is: .*\.weight\."):
        dataclasses.replace(target, pattern="nothing").sites(Workload(model))


@pytest.mark.parametrize("target", [Gradients, OptimizerState])
def test_parameters_that_are_not_trained_are_left_out(target):
    model = named("residual").build()
    names = {name for name, _ in model.named_parameters()}
    frozen = sorted(names)[0]
    model.get_parameter(frozen).requires_grad_(False)
    sites, left = target("*").select(Workload(model))
    assert {site.name.rpartition(".")[0] for site in sites} == names - {frozen}
    assert [name.rpartition(".")[0] for name in left] == [frozen]
