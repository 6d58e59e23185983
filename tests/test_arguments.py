"""Is every argument of a wrong kind refused in one line, at the verb that it was given to?"""

import re

import numpy as np
import pytest
import torch
from torch import nn

from radhard import analyses, engines, faults, formats, hardenings, metrics, samplers, targets
from radhard.arguments import component_of, components_of, share, whole
from radhard.campaign import run
from radhard.comparison import compare
from radhard.errors import InputError
from radhard.injection import inject
from radhard.metrics.base import SampleMetric
from radhard.models import load
from radhard.planning import plan
from radhard.report.pages import check_page
from radhard.results import Results
from radhard.scores import Scores
from radhard.space import Fault, FaultSpace
from radhard.testing import assert_resilient
from radhard.verification import verify

torch.manual_seed(0)
MODEL = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
INPUTS = torch.randn(6, 4)
SPACE = FaultSpace.of(MODEL, "Weights('*')", "BitFlip()", "Float32()")
DRAWN = samplers.Uniform(5)


def of(target=targets.Weights("*"), fault=faults.BitFlip(), format=formats.Float32()):  # noqa: B008
    return FaultSpace.of(MODEL, target, fault, format)


WRONG = {
    "sampler=20": (lambda: run(MODEL, INPUTS, SPACE, 20), r"Uniform\(20\)"),
    "sampler class": (lambda: run(MODEL, INPUTS, SPACE, samplers.Uniform), "instance"),
    "sampler text": (lambda: run(MODEL, INPUTS, SPACE, "Unifrom(5)"), r"did you mean Uniform"),
    "sampler=None": (lambda: run(MODEL, INPUTS, SPACE, None), "sampler=None"),
    "metric text": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, metrics=["accuracy"]), "Accuracy"),
    "metric class": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, metrics=[metrics.Sdc]), "instance"),
    "no metric": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, metrics=[]), "none"),
    "engine text": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, engine="serial"), "Serial"),
    "engine class": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, engine=engines.Serial), "instance"),
    "space": (lambda: run(MODEL, INPUTS, MODEL, DRAWN), "FaultSpace"),
    "model": (lambda: run("lenet9", INPUTS, SPACE, DRAWN), "lenet9"),
    "no model": (lambda: run(5, INPUTS, SPACE, DRAWN), "nn.Module"),
    "data": (lambda: run(MODEL, "mnits", SPACE, DRAWN), "mnits"),
    "no data": (lambda: run(MODEL, 5, SPACE, DRAWN), "not data"),
    "seed text": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, seed="1"), "seed='1'"),
    "seed below": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, seed=-1), "from 0"),
    "seed float": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, seed=1.0), "whole"),
    "batch=0": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, batch=0), "from 1"),
    "workers": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, workers=None), "workers=None"),
    "audit": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, audit=float("nan")), "audit=nan"),
    "store": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, store=7), "store=7"),
    "store with NUL": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, store="a\0b"), "file name"),
    "store, half a letter": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, store="\ud800"), "file name"),
    "switch": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, deterministic="no"), "True or False"),
    "repair": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, repair=1), "True or False"),
    "names": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, names={"a": MODEL}), "dictionary"),
    "run file": (lambda: Results.open(5), "path=5"),
    "scores file": (lambda: Scores.load(None), "path=None"),
    "page": (lambda: check_page(5), "path=5"),
    "folder": (lambda: hardenings.load(None), "folder=None"),
    "long folder": (lambda: hardenings.load("x" * 300), "no hardened model"),
    "weights": (lambda: load("mlp", weights=5), "weights=5"),
    "long weights": (lambda: load("mlp", weights="x" * 300), "no file"),
    "name of two lines": (lambda: load("mlp", weights="a\nb.pt"), "a b.pt"),
    "call": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, call="logits"), "lambda model, batch"),
    "target class": (lambda: of(target=targets.Weights), "instance"),
    "no target": (lambda: of(target=()), "none"),
    "no fault": (lambda: of(fault=[]), "none"),
    "fault class": (lambda: of(fault=faults.BitFlip), "instance"),
    "format dtype": (lambda: of(format=torch.float32), "torch.float32"),
    "format family": (lambda: of(format=faults.BitFlip()), "Float32"),
    "fault in words": (lambda: SPACE.index(Fault("0.weight", "3", 0)), "not in the space"),
    "fault text": (lambda: inject(MODEL, SPACE, "0.weight").__enter__(), "whole one"),
    "analysis seed": (lambda: analyses.MaxValue()(MODEL, INPUTS, seed="1"), "seed"),
    "analysis batch": (lambda: analyses.MaxValue()(MODEL, INPUTS, batch=0), "batch"),
    "analysis model": (lambda: analyses.MaxValue()("lenet5", INPUTS), "load"),
    "hardening model": (lambda: hardenings.Ranger()(None, INPUTS), "NoneType"),
    "hardening scores": (lambda: hardenings.Ranger()(MODEL, INPUTS, [1.0]), "scores"),
    "hardening batch": (lambda: hardenings.Ranger()(MODEL, INPUTS, batch=-2), "batch"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_refused_in_one_line(name):
    ask, word = WRONG[name]
    with pytest.raises(InputError) as told:
        ask()
    assert re.search(word, str(told.value))
    assert "\n" not in str(told.value)


def test_components_may_be_given_as_text_and_metrics_alone():
    spoken = run(MODEL, INPUTS, SPACE, "Uniform(5)", metrics="Sdc()", engine="Serial()")
    meant = run(
        MODEL,
        INPUTS,
        SPACE,
        DRAWN,
        metrics=metrics.Sdc(),
        engine=engines.Serial(),
        seed=np.int64(0),
    )
    assert spoken.manifest == meant.manifest | {"environment": spoken.manifest["environment"]}
    assert (spoken.values() == meant.values()).all()


def test_several_components_are_a_tuple_in_their_order():
    found = components_of(["Sdc()", metrics.Outcome()], metrics.METRICS, "metrics")
    assert found == (metrics.Sdc(), metrics.Outcome())
    assert component_of("Sdc(k=2)", metrics.METRICS, "metric") == metrics.Sdc(k=2)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 0])
def test_a_number_that_is_not_whole_or_too_small_is_refused(value):
    with pytest.raises(InputError, match="n="):
        whole(value, "n", least=1)


@pytest.mark.parametrize("value", [True, "one", None, 1.1, -0.1, float("nan"), "1.1"])
def test_a_share_lies_between_0_and_1(value):
    with pytest.raises(InputError, match="share="):
        share(value, "share")


def test_a_class_that_is_not_decorated_is_refused_when_it_is_made():
    class Mine(SampleMetric):
        @property
        def columns(self):
            return ("mine",)

        def per_sample(self, faulty):
            return (faulty.nan,)

    with pytest.raises(InputError, match=r"@radhard\.spec\.component"):
        Mine()


TYPING_ERRORS = {
    "run": (lambda: run(MODEL, INPUTS, SPACE, DRAWN, enigne="Replay"), "engine"),
    "plan": (lambda: plan(MODEL, INPUTS, margn=0.1), "margin"),
    "verify": (lambda: verify(None, MODEL, INPUTS, modle=MODEL), "model"),
    "compare": (lambda: compare(None, None, confidance=0.9), "confidence"),
    "assert_resilient": (lambda: assert_resilient(MODEL, INPUTS, maxrate=0.1), "max_rate"),
    "PerTensor": (lambda: samplers.PerTensor(margn=0.1), "margin"),
}


@pytest.mark.parametrize(("call", "meant"), TYPING_ERRORS.values(), ids=TYPING_ERRORS)
def test_an_option_that_is_none_is_answered_with_the_one_meant(call, meant):
    with pytest.raises(InputError, match=rf"did you mean .*\b{meant}\b"):
        call()


@pytest.mark.parametrize(
    ("option", "way"),
    [
        ({"margin": "1%"}, r"rh\.plan\(.*\.run\(\)"),
        ({"fault": "BitFlip()"}, r"FaultSpace\.of"),
        ({"n": 100}, r"Uniform\(1000\)"),
        ({"by": "layer"}, r"rate\(by="),
    ],
)
def test_options_of_the_command_line_are_answered_with_what_to_write_in_python(option, way):
    with pytest.raises(InputError, match=way):
        run(MODEL, INPUTS, **option)


def test_percentages_are_numbers_wherever_a_share_is_given():
    assert samplers.Adaptive("1%", confidence="99 %") == samplers.Adaptive(0.01, confidence=0.99)
    assert repr(samplers.PerTensor(margin="0.5%")) == "PerTensor(margin=0.005)"
    assert share("7%", "margin") == share("0.07", "margin") == 0.07
    results = run(MODEL, INPUTS, SPACE, DRAWN, progress=False)
    assert results.rate(confidence="99%") == results.rate(confidence=0.99)
    assert results.checks("1%")[0].limit == 0.01
    for text in ("one", "5", "101%", "-1%", ""):
        with pytest.raises(InputError, match="max_rate"):
            results.checks(text)
    with pytest.raises(InputError, match="margin"):
        samplers.Adaptive("one")


@pytest.mark.parametrize(
    "call",
    [
        lambda: run(INPUTS, MODEL, SPACE, DRAWN),
        lambda: run("mnist(n=5)", "lenet5"),
        lambda: plan(INPUTS, MODEL, margin=0.1),
        lambda: hardenings.Ranger()(INPUTS, MODEL),
        lambda: analyses.MaxValue()(INPUTS, MODEL),
    ],
)
def test_model_and_data_in_the_other_order_are_noticed(call):
    with pytest.raises(InputError, match="exchange them"):
        call()


def test_weights_belong_to_a_model_given_as_text(tmp_path):
    torch.save(load("mlp(hidden=(8,))").state_dict(), path := tmp_path / "mlp.pt")
    images = torch.rand(4, 1, 28, 28)
    results = run(
        "mlp(hidden=(8,))", images, None, "Uniform(3)", weights=path, progress=False, audit=0
    )
    assert results.manifest["weights"] == str(path)
    with pytest.raises(InputError, match="load_weights"):
        run(MODEL, INPUTS, SPACE, DRAWN, weights=path)
