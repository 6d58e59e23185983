"""Are faults in coded words decoded as by hand, and judged by all engines as by `Serial`?"""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, FirstOrder, Folded, Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import (
    CLEAN,
    CORRECTED,
    DETECTED,
    Float32,
    Hamming,
    InPlaceHamming,
    Int,
    ProtectedFormat,
    SecDed,
    StoredBlocks,
    stored_as,
)
from radhard.injection import OUTCOMES, inject
from radhard.metrics import Corrections, Critical, Detected, Outcome
from radhard.results import Results
from radhard.samplers import ErrorRate, PerBit, PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights

BLOCK = SecDed(Int(4), block=4)
FORMATS = {"0": SecDed(Float32()), "3": BLOCK, "*": Hamming(Int(6))}


@pytest.fixture(scope="module")
def case() -> tuple[nn.Module, Data]:
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5), nn.ReLU(), nn.Linear(5, 3)
    ).eval()
    return stored_as(model, FORMATS), Data(torch.randn(8, 1, 6, 6))


def trials(case, space, sampler, engine, metrics) -> Results:
    model, data = case
    return run(
        model, data, space, sampler, engine=engine, metrics=metrics, progress=False, audit=0, seed=2
    )  # fmt: skip


def by_hand(
    values: Tensor, format: ProtectedFormat, flips: list[tuple[str, int, int]]
) -> tuple[Tensor, str | None]:
    """A tensor after bit flips ``(plane, word, bit)`` in one block, and what became of it."""
    fitted = format.fit(values)
    codes = fitted.inner.encode(values).reshape(-1)
    padded = torch.cat([codes, codes.new_zeros(-len(codes) % format.block)])
    stored = fitted.protect(padded.reshape(-1, format.block))
    words, check = stored.codes.clone().reshape(-1), stored.check
    for plane, word, bit in flips:
        cells = words if plane == "codes" else check
        assert cells is not None
        cells[word] ^= 1 << bit
    decoding = fitted.recover(StoredBlocks(words.reshape(-1, format.block), check))
    whole = fitted.inner.decode(decoding.codes.reshape(-1)[: len(codes)])
    faulty = whole.reshape(values.shape).to(values.dtype)
    flag, wrong = int(decoding.flags.max()), not torch.equal(faulty, values)
    outcome = {CORRECTED: "miscorrected" if wrong else "corrected", DETECTED: "detected"}
    return faulty, outcome.get(flag, "silent" if wrong and flag == CLEAN else None)


@pytest.mark.parametrize("engine", [Serial(), Replay()], ids=repr)
@pytest.mark.parametrize("count", [1, 3])
def test_trials_on_blocks_are_those_of_a_loop_by_hand(case, engine, count):
    model, data = case
    space = FaultSpace.of(model, Weights("3"), BitFlip(count=count), BLOCK)
    assert [(r.plane, r.words, r.word.bits) for r in space.regions] == [
        ("codes", 160, 4),
        ("check", 40, 6),
    ]
    results = trials(case, space, Uniform(60), engine, [Outcome(), Corrections()])
    critical = results.values("Outcome().critical")
    found = {name: results.values(f"Corrections().{name}") for name in OUTCOMES}
    golden, weight, outcomes = model(data.inputs), model[3].weight.detach(), set()
    for at, number in enumerate(results.trials.at(results.numbers).tolist()):
        fault = space[number]
        region = space.regions[int(space.locate(np.array([number]))[0][0])]
        flips = [(region.plane, fault.word, bit) for bit in region.bits(fault.variant)]
        faulty, outcome = by_hand(weight, BLOCK, flips)
        output = torch.func.functional_call(model, {"3.weight": faulty}, (data.inputs,))
        expected = (output.argmax(1) != golden.argmax(1)).double().mean().item()
        assert critical[at] == pytest.approx(expected)
        assert {name for name in OUTCOMES if found[name][at]} == {outcome} - {None}
        outcomes.add(outcome)
    # Three flips are beyond the code: some are taken for one error elsewhere.
    assert outcomes == {1: {"corrected"}, 3: {"miscorrected", "detected"}}[count]


@pytest.mark.parametrize("fault", [BitFlip(count=2), StuckAt(1)], ids=repr)
def test_engines_agree_on_words_of_several_codes(case, fault):
    model, data = case
    coded = FaultSpace.of(model, Weights("*"), fault, FORMATS, planes=("codes", "scale", "check"))
    space = coded | FaultSpace.of(model, Activations("1"), BitFlip(), Float32(), data=data)
    metrics = [Critical(), Corrections()]
    expected = trials(case, space, PerTensor(12), Serial(), metrics)
    for engine in (Replay(), Bracket(audit=0), FirstOrder(audit=0, safety=64)):
        found = trials(case, space, PerTensor(12), engine, metrics)
        for column in expected.columns:
            assert np.array_equal(found.values(column), expected.values(column)), (engine, column)
    assert expected.values("Critical().critical").any()


def test_single_flips_of_a_code_are_corrected_without_effect(case):
    model, _ = case
    space = FaultSpace.of(model, Weights("0"), BitFlip(), SecDed(Float32()))
    results = trials(case, space, PerBit(3), "auto", None)
    assert len(results) == 3 * 39
    assert (results.values("Corrections().corrected") == 1).all()
    assert (results.values("Outcome().masked") == 1).all()


def test_error_rates_meet_several_errors_in_a_block(case):
    model, _ = case
    space = FaultSpace.of(model, Weights("*"), BitFlip(), FORMATS)
    metrics = [Outcome(), Corrections()]
    sampler = ErrorRate((1e-3, 3e-2), trials=12)
    found = trials(case, space, sampler, Folded(), metrics)
    expected = trials(case, space, sampler, Serial(), metrics)
    for column in expected.columns:
        assert np.allclose(found.values(column), expected.values(column), atol=1e-12), column
    few, many = expected.rate("corrected", by="rate").values()
    assert few.value > many.value
    assert expected.rate("detected", by="rate")["0.03"].value > 0


def test_a_model_comes_back_bit_for_bit(case):
    model, _ = case
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    space = FaultSpace.of(model, Weights("*"), BitFlip(count=2), FORMATS)
    with inject(model, space, range(0, len(space), 97)):
        assert not torch.equal(model[3].weight, before["3.weight"])
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_decoder_raises_an_alarm(case):
    model, _ = case
    space = FaultSpace.of(model, Weights("3"), BitFlip(count=2), BLOCK)
    # A threshold that no logit crosses: every alarm is the decoder's.
    metric = Detected("max_logit", least=-1e9, decoders=True)
    results = trials(case, space, Uniform(100), Serial(), [Critical(), metric])
    changed = results.values("Critical().critical")
    assert changed.any()
    assert np.array_equal(results.values(f"{metric!r}.caught"), changed)
    assert not results.values(f"{metric!r}.missed").any()
    silent = Detected("max_logit", least=-1e9)
    without = trials(case, space, Uniform(100), Serial(), [silent])
    assert np.array_equal(without.values(f"{silent!r}.missed"), changed)


def test_groups_by_plane(case):
    model, _ = case
    space = FaultSpace.of(model, Weights("3"), BitFlip(), BLOCK)
    results = trials(case, space, PerTensor(30), "auto", None)
    assert set(results.rate("Corrections().corrected", by="plane")) == {"codes", "check"}


@pytest.mark.parametrize(
    ("format", "words"),
    [(SecDed(Float32()), "decodes"), (Hamming(Int(8)), "decodes")],
)
def test_nothing_decodes_activations(case, format, words):
    model, data = case
    with pytest.raises(InputError, match=words):
        FaultSpace.of(model, Activations("*"), BitFlip(), format, data=data)


def test_a_model_must_be_stored_in_a_format_that_changes_it(case):
    model = nn.Linear(3, 2)
    with pytest.raises(InputError, match="stored_as"):
        FaultSpace.of(model, Weights("*"), BitFlip(), InPlaceHamming(Float32()))
    stored = stored_as(model, InPlaceHamming(Float32()))
    assert len(FaultSpace.of(stored, Weights("*"), BitFlip(), InPlaceHamming(Float32()))) == 6 * 32
