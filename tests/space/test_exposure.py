"""Are intermittent faults present in the share asked for, the same for every engine and run?"""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket, FirstOrder, Folded, Replay, Serial
from radhard.errors import InputError, RadhardWarning
from radhard.faults import BitFlip, Replace, StuckAt
from radhard.formats import Float32
from radhard.injection import inject
from radhard.metrics import Critical, Distance
from radhard.results import Results
from radhard.samplers import Cumulative, ErrorRate, Exhaustive
from radhard.space import EXPOSURES, FaultSpace, Intermittent, Persistent, Transient
from radhard.targets import Activations, Weights
from tests import small


@given(share=st.sampled_from([0.01, 0.3, 0.5, 0.9]), start=st.integers(0, 2**62))
def test_a_fault_is_present_in_the_share_independently_of_fault_and_sample(share, start):
    present = Intermittent(share).present(start + np.arange(60), 100)
    assert binomtest(int(present.sum()), present.size, share).pvalue > 1e-6
    both = present[:-1] & present[1:], present[:, :-1] & present[:, 1:]
    for pairs in both:
        assert binomtest(int(pairs.sum()), pairs.size, share * share).pvalue > 1e-6
    again = Intermittent(share).present(np.array([start + 7]), 40)
    assert np.array_equal(again[0], present[7, :40])


def test_faults_and_samples_are_equally_often_present():
    present = Intermittent(0.4).present(np.arange(200), 200)
    for axis in (0, 1):
        assert chisquare(present.sum(axis=axis)).pvalue > 1e-4


def test_a_larger_share_adds_inferences_and_a_share_of_1_is_always():
    numbers = np.arange(50)
    some, more = (Intermittent(share).present(numbers, 30) for share in (0.2, 0.6))
    assert (some <= more).all()
    assert Intermittent(1.0).present(numbers, 30).all()


def verdicts(model: nn.Module, data: Data, space: FaultSpace, engine: object, sampler: object,
             **more: object) -> Results:  # fmt: skip
    by_answer = isinstance(engine, Bracket | FirstOrder)
    metrics = [Critical()] if by_answer else [Critical(), Distance()]
    asked = {"metrics": metrics, "seed": 4, "progress": False, "audit": 0, **more}
    return run(model, data, space, sampler, engine=engine, **asked)  # type: ignore[arg-type]


def test_serial_is_a_loop_in_which_some_samples_see_the_fault():
    model, data = small.network(), small.data(samples=15)
    fault = BitFlip(bits=(29, 31))
    space = FaultSpace.of(model, Weights("0"), fault, Float32(), exposure="Intermittent(0.4)")
    found = verdicts(model, data, space, Serial(), Exhaustive(), batch=4)
    golden = model(data.inputs).argmax(dim=1)
    for number in range(len(space)):
        with pytest.warns(RadhardWarning, match="every inference"), inject(model, space, number):
            faulty = model(data.inputs).argmax(dim=1)
        seen = torch.from_numpy(Intermittent(0.4).present(np.array([number]), 15)[0])
        critical = (seen & (faulty != golden)).double().mean().item()
        assert found.values("critical")[number] == critical
    always = verdicts(
        model, data, FaultSpace.of(model, Weights("0"), fault, Float32()), Serial(), Exhaustive()
    )
    assert 0 < found.rate("critical").value < always.rate("critical").value


@pytest.mark.parametrize("engine", [Replay(), Bracket(audit=0), FirstOrder(audit=0), Folded()])
def test_engines_agree_with_serial(engine):
    model, data = small.network(), small.data(samples=20)
    space = FaultSpace.of(model, Weights("0"), BitFlip(), Float32(), exposure=Intermittent(0.5))
    space |= FaultSpace.of(
        model, Weights("2"), Replace("max"), Float32(), exposure=Intermittent(0.2)
    )
    space |= FaultSpace.of(
        model, Activations("0", sample="every"), StuckAt(1), Float32(), data=data,
        exposure=Intermittent(0.5),
    )  # fmt: skip
    space |= FaultSpace.of(model, Weights("2"), BitFlip(), Float32())
    expected = verdicts(model, data, space, Serial(), Exhaustive())
    found = verdicts(model, data, space, engine, Exhaustive())
    assert np.array_equal(found.values("critical"), expected.values("critical"))
    assert list(expected.rate("critical", by="exposure")) == [
        "Intermittent(0.5)", "Intermittent(0.2)", "Persistent()",
    ]  # fmt: skip


def test_a_pass_that_crashes_counts_only_in_the_inferences_that_see_the_fault():
    class Fragile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = small.network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = self.inner(x)
            if outputs.abs().max() > 1e30:
                raise ArithmeticError("too large")
            return outputs

    model, data = Fragile().eval(), small.data(samples=10)
    space = FaultSpace.of(
        model, Weights("inner.2"), Replace("max"), Float32(), exposure=Intermittent(0.5)
    )
    found = run(model, data, space, Exhaustive(), metrics=["Outcome()"], seed=1, progress=False,
                engine=Serial(), batch=10, audit=0)  # fmt: skip
    seen = Intermittent(0.5).present(np.arange(len(space)), 10).mean(axis=1)
    crashed = found.values("due") > 0
    assert crashed.any()
    assert np.array_equal(found.values("due")[crashed], seen[crashed])


def test_the_space_is_read_back_from_its_file_with_its_exposure():
    model = small.network()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32(), exposure=Intermittent(0.25))
    again = FaultSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert again.exposures == (Intermittent(0.25),)
    assert space.again(model).exposures == (Intermittent(0.25),)
    assert "Intermittent(0.25)" in repr(again)
    usual = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    assert usual.exposures == (Persistent(),)
    assert "exposure" not in usual.to_dict()["terms"][0]
    assert EXPOSURES.names == ["Intermittent", "Persistent", "Transient"]


def test_exposures_that_cannot_be_are_refused():
    model, data = small.network(), small.data()
    for share in (0.0, 1.5, -0.1):
        with pytest.raises(InputError, match="above 0, and 1 at most"):
            Intermittent(share)
    with pytest.raises(InputError, match="take the target with sample='every'"):
        FaultSpace.of(
            model, Activations("0"), BitFlip(), Float32(), data=data, exposure=Intermittent(0.5)
        )
    with pytest.raises(InputError, match=r"are Persistent\(\), not Transient\(\)"):
        FaultSpace.of(model, Weights("0"), BitFlip(), Float32(), exposure=Transient())
    space = FaultSpace.of(model, Weights("0"), BitFlip(), Float32(), exposure=Intermittent(0.5))
    for sampler in (ErrorRate(0.01, trials=2), Cumulative(2, repeats=2)):
        with pytest.raises(InputError, match="are tried one at a time"):
            verdicts(model, data, space, "auto", sampler)
    with pytest.raises(InputError, match="is in the space twice"):
        space | FaultSpace.of(model, Weights("0"), BitFlip(), Float32(), exposure=Intermittent(0.5))
