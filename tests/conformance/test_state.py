"""Does every trial start from the state that the model had, and does the model come back?"""

import copy

import pytest
import torch

from radhard.analyses import VulnerabilityGain, WeightSensitivity
from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, Engine, FirstOrder, Folded, Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import Ranger
from radhard.injection import inject
from radhard.metrics import Critical
from radhard.quantization import fidelity
from radhard.samplers import ErrorRate, Uniform
from radhard.space import FaultSpace
from radhard.targets import Weights
from radhard.verification import verify
from tests.conformance.stateful import (
    STATEFUL,
    BoundedRows,
    OwnWeight,
    OwnWeightUnseen,
    everything,
)

ENGINES: list[Engine | str] = [Serial(), "auto", Replay(), Bracket(audit=0), FirstOrder(audit=0)]


BITS = (24, 27, 30, 31)


def built(kind):
    torch.manual_seed(3)
    return kind().eval(), torch.randn(6, 6)


def flipped(model, space, numbers):
    """A fresh copy with these faults in it, by hand."""
    twin = copy.deepcopy(model)
    for number in numbers:
        fault = space[int(number)]
        words = twin.get_parameter(fault.tensor).data.view(-1).view(torch.int32)
        bit = BITS[fault.variant]
        words[fault.word] ^= (1 << bit) - (bit == 31) * (1 << 32)
    return twin


def passed(model, inputs, batch):
    """A loop over the batches, as anybody writes it."""
    with torch.no_grad():
        return torch.cat([model(part) for part in inputs.split(batch)])


def critical(model, inputs, space, trials, batch):
    golden = passed(copy.deepcopy(model), inputs, batch).argmax(1)
    found = []
    for numbers in trials:
        out = passed(flipped(model, space, numbers), inputs, batch)
        found.append(float(((out.argmax(1) != golden) & ~out.isnan().any(1)).double().mean()))
    return found


@pytest.mark.parametrize(
    ("kind", "batch"), [(kind, (6, 4)[at % 2]) for at, kind in enumerate(STATEFUL)]
)
def test_verdicts_are_those_of_a_fresh_copy_a_trial(kind, batch):
    model, inputs = built(kind)
    before = everything(model)
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=BITS), Float32())
    sampler = Uniform(24)
    trials = sampler.draw(space, 0)
    expected = critical(model, inputs, space, [trials[n] for n in range(24)], batch)
    assert everything(model) == before
    refused: list[Engine | str] = []
    for engine in ENGINES:
        try:
            found = run(
                model, inputs, space, sampler, engine=engine, batch=batch,
                metrics=[Critical()], audit=0, progress=False,
            )  # fmt: skip
        except InputError:
            refused.append(engine)
            continue
        assert found.to_frame()[found.columns[0]].tolist() == pytest.approx(expected), engine
        assert everything(model) == before, engine
    assert Serial() not in refused
    assert "auto" not in refused


@pytest.mark.parametrize("kind", STATEFUL, ids=lambda kind: kind.__name__)
def test_trials_of_many_faults_too(kind):
    model, inputs = built(kind)
    before = everything(model)
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=BITS), Float32())
    sampler = ErrorRate(0.005, 6)
    trials = sampler.draw(space, 0)
    expected = critical(model, inputs, space, [trials[n] for n in range(6)], 6)
    for engine in (Serial(), Folded()):
        try:
            found = run(
                model, inputs, space, sampler, engine=engine, metrics=[Critical()],
                audit=0, progress=False,
            )  # fmt: skip
        except InputError:
            assert isinstance(engine, Folded)
            continue
        assert found.to_frame()[found.columns[0]].tolist() == pytest.approx(expected), engine
    assert everything(model) == before


@pytest.mark.filterwarnings("ignore:Ranger:radhard.errors.RadhardWarning")  # few samples
@pytest.mark.parametrize("kind", STATEFUL, ids=lambda kind: kind.__name__)
def test_every_verb_leaves_the_model_as_it_was(kind):
    model, inputs = built(kind)
    data = Data(inputs, torch.arange(6) % 3)
    before = everything(model)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    # Parameters may be trained while an injection is open.
    if kind not in (OwnWeight, OwnWeightUnseen, BoundedRows):
        with inject(model, space, 7), torch.no_grad():
            model(inputs)
        assert everything(model) == before
    base = run(model, data, space, Uniform(4), progress=False)
    assert everything(model) == before
    for analysis in (WeightSensitivity(), VulnerabilityGain()):
        try:
            analysis(model, data, progress=False)
        except InputError:
            continue  # refused by name
        finally:
            assert everything(model) == before, analysis
    fidelity(model, copy.deepcopy(model), data)
    assert everything(model) == before
    try:
        hard = Ranger()(model, data, progress=False)
    except InputError:
        hard = copy.deepcopy(model)
    assert everything(model) == before
    own = everything(hard)
    verify(base, hard, data, base=model, timed=False, progress=False)
    assert everything(model) == before
    assert everything(hard) == own
