"""Do engines judge faults that change whole words as `Serial` does, and `Serial` as plain torch?"""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, Engine, FirstOrder, Folded, Replay, Serial
from radhard.errors import InputError
from radhard.faults import FaultModel, Noise, Replace
from radhard.formats import Float32, Int, stored_as
from radhard.injection import inject
from radhard.metrics import Critical, Distance
from radhard.results import Results
from radhard.samplers import ErrorRate, PerBit, PerTensor, Words
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights

FORMATS = {"0": Int(8, per="channel"), "*": Float32()}
FAULTS: list[FaultModel] = [
    Replace("zero"),
    Replace("random"),
    Replace("max"),
    Noise(0.8),
    Noise(2.0, relative=True),
]


@pytest.fixture(scope="module")
def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        plain = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 6),
            nn.ReLU(), nn.Linear(6, 4),
        ).eval()  # fmt: skip
    nn.init.zeros_(plain[0].bias)
    return stored_as(plain, FORMATS)


@pytest.fixture(scope="module")
def data() -> Data:
    return Data(torch.randn(12, 1, 8, 8, generator=torch.Generator().manual_seed(3)))


def results(
    model: nn.Module, data: Data, space: FaultSpace, engine: Engine, sampler: object
) -> Results:
    metrics = [Critical()] if isinstance(engine, Bracket | FirstOrder) else [Critical(), Distance()]
    return run(
        model, data, space, sampler, engine=engine, metrics=metrics, seed=5, progress=False, audit=0
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture(scope="module")
def space(model, data) -> FaultSpace:
    """All the fault models at once, in weights of two formats and in activations."""
    stored = FaultSpace.of(model, Weights("*"), FAULTS, FORMATS)
    return stored | FaultSpace.of(model, Activations("0|4"), FAULTS, Float32(), data=data)


@pytest.fixture(scope="module")
def reference(model, data, space) -> Results:
    return results(model, data, space, Serial(), PerTensor(12))


@pytest.mark.parametrize(
    "engine",
    [Replay(), Bracket(audit=0), FirstOrder(audit=0, safety=64)],
    ids=lambda engine: type(engine).__name__,
)
def test_verdicts_are_those_of_serial(model, data, space, reference, engine):
    found = results(model, data, space, engine, PerTensor(12))
    assert found.manifest["engine"] == repr(engine)
    assert np.array_equal(found.values("critical"), reference.values("critical"))
    rates = reference.rate("critical", by="fault")
    assert all(0 < rates[repr(Replace(by))].value < 1 for by in ("max", "random"))
    if isinstance(engine, Replay):
        mine, others = (one.values("distance") for one in (found, reference))
        assert np.allclose(mine, others, rtol=1e-4, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("fault", [Replace("max"), Noise(0.8)], ids=repr)
def test_many_faults_in_the_folded_model_are_those_of_serial(model, data, fault):
    space = FaultSpace.of(model, Weights("*"), fault, FORMATS)
    sampler = ErrorRate((0.01, 0.2), trials=6, per="word")
    expected = results(model, data, space, Serial(), sampler)
    found = results(model, data, space, Folded(), sampler)
    assert np.array_equal(found.values("critical"), expected.values("critical"))
    mine, others = (one.values("distance") for one in (found, expected))
    assert np.allclose(mine, others, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_every_variant_of_a_word_is_inferred_as_it_is_executed(model, data):
    space = FaultSpace.of(model, Weights("4"), Noise(3.0), FORMATS)
    expected = results(model, data, space, Serial(), Words(2))
    found = results(model, data, space, Bracket(audit=0), Words(2))
    assert len(expected) == 512
    assert np.array_equal(found.values("critical"), expected.values("critical"))
    assert found.inferences


@pytest.mark.parametrize(("fault", "value"), [(Replace("zero"), 0.0), (Replace(1.5), 1.5)])
def test_serial_is_a_loop_that_writes_the_value(model, data, fault, value):
    space = FaultSpace.of(model, Weights("4"), fault, FORMATS)
    found = results(model, data, space, Serial(), list(range(0, 162, 7)))
    golden = model(data.inputs).argmax(dim=1)
    for number, critical in zip(range(0, 162, 7), found.values("critical"), strict=True):
        other = copy.deepcopy(model)
        with torch.no_grad():
            other[4].weight.view(-1)[number] = value
        assert critical == (other(data.inputs).argmax(dim=1) != golden).double().mean().item()


def test_noise_in_all_variants_has_the_spread_asked_for(model):
    space = FaultSpace.of(model, Weights("6"), Noise(0.25), FORMATS)
    weight = model.get_submodule("6").weight.detach().clone()
    moved = []
    for number in range(256):
        with inject(model, space, number):
            moved.append(float((model.get_submodule("6").weight - weight).detach().view(-1)[0]))
    assert np.mean(moved) == pytest.approx(0, abs=1e-6)
    assert np.std(moved) == pytest.approx(0.25, rel=1e-5)


def test_samplers_and_tables_call_the_bits_of_whole_words_all(model, data):
    space = FaultSpace.of(model, Weights("4|6"), Replace("random"), FORMATS)
    found = results(model, data, space, Serial(), PerTensor(4))
    assert list(found.rate(by="tensor, bit")) == ["4.weight, all", "6.weight, all"]
    assert space.describe(256 * 27) == "4.weight[1, 0] Replace('random') variant 0"
    with pytest.raises(InputError, match="take PerTensor"):
        PerBit(3).draw(space, 0)
    with pytest.raises(InputError, match="take per='word'"):
        ErrorRate(0.1).draw(space, 0)
