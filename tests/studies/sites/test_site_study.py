"""Is every site of a network hit by every kind of fault, in inference and in training?"""

import json
from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from radhard.comparison import ErrorCurve, tolerable
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip, Replace
from radhard.formats import Int
from radhard.models.gru_classifier import gru_classifier
from radhard.studies import NETWORKS, Network, Plan, conduct
from radhard.studies.ares_sites import ARES_SITES, BYTES, FLIPS, ZEROS
from radhard.studies.instances.instance_training import fresh_weights
from radhard.studies.rate_design import RateDesign
from radhard.studies.sites import (
    MeasuredSite,
    SiteDesign,
    SiteFault,
    SiteFindings,
    SiteStudy,
    TrainingDesign,
)
from radhard.studies.sites.site_design import sites_of
from radhard.studies.sites.site_section import _row

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

RATES = (1e-3, 1.0)
SAMPLES, STEPS, INPUTS, HIDDEN, CLASSES = 20, 4, 3, 5, 2
STUDY = SiteStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("series",),
    claims=ARES_SITES.claims,
    design=SiteDesign(
        faults=(
            SiteFault(FLIPS, BitFlip(), RateDesign(RATES, runs=2), (1e-12, 1e-2), by_layer=True),
            SiteFault(BYTES, BitFlip(), RateDesign(RATES, runs=2), format=Int(8), everywhere=False),
            SiteFault(
                ZEROS,
                Replace("zero"),
                RateDesign(RATES, runs=2, per="word"),
                (1.0,),
                ("gradients",),
            ),
        ),
        training=TrainingDesign(runs=2, seeds=(1, 2), steps=3, batch=5),
    ),
)
QUIET = Plan(progress=False)


def network() -> Network:
    """A small GRU on noise: a third of its answers is wrong."""
    chance = torch.Generator().manual_seed(3)
    inputs = torch.randn(2 * SAMPLES, STEPS, INPUTS, generator=chance)
    model = gru_classifier(inputs=INPUTS, hidden=HIDDEN, classes=CLASSES)
    with torch.no_grad():
        labels = model(inputs).argmax(1).clone()
    labels[::3] = 1 - labels[::3]
    train, test = (
        Data(inputs[part], labels[part], "noise") for part in (slice(SAMPLES), slice(SAMPLES, None))
    )
    return Network("series", "a small GRU", model, train, test)


@pytest.fixture(scope="module")
def found() -> SiteFindings:
    return STUDY.measure(network(), QUIET)


def test_every_site_is_measured_with_the_number_of_its_bits_or_words(found):
    weights = 3 * HIDDEN * (INPUTS + HIDDEN)
    head = CLASSES * HIDDEN
    states = STEPS * HIDDEN
    sizes = {(m.phase, m.fault, m.site): m.size for m in found.measured}
    assert sizes["inference", FLIPS, "weights"] == 32 * (weights + head)
    assert sizes["inference", FLIPS, "weights of gru"] == 32 * weights
    assert sizes["inference", FLIPS, "weights of fc"] == 32 * head
    assert sizes["inference", FLIPS, "hidden states"] == 32 * states
    assert sizes["inference", ZEROS, "hidden states"] == states
    assert sizes["inference", BYTES, "weights"] == 8 * (weights + head)
    biases = 6 * HIDDEN + CLASSES
    assert sizes["training", FLIPS, "gradients"] == 32 * (weights + head + biases)
    assert ("inference", BYTES, "hidden states") not in sizes
    assert {site for phase, fault, site in sizes if (phase, fault) == ("training", FLIPS)} == {
        "weights",
        "activations",
        "hidden states",
        "gradients",
    }
    assert [key for key in sizes if key[0] == "training" and key[1] != FLIPS] == [
        ("training", ZEROS, "gradients")
    ]


def test_all_values_zeroed_leave_one_class_and_no_fault_no_change(found):
    labels = network().test.labels
    # All logits are 0, of which the first class is the prediction.
    curve = found.of("activations", ZEROS).curve
    assert curve.errors[-2:].tolist() == pytest.approx([float((labels != 0).double().mean())] * 2)
    unharmed = found.of("gradients", FLIPS, "training").curve
    assert unharmed.rates[0] == 1e-12
    assert unharmed.errors[:2].tolist() == pytest.approx([unharmed.free] * 2)


def test_training_without_gradients_keeps_the_initial_weights(found):
    curve = found.of("gradients", ZEROS, "training").curve
    test, ends = network().test, []
    for seed in (1, 2):
        model = fresh_weights(network().model, seed=seed).eval()
        with torch.no_grad():
            ends.append(float((model(test.inputs).argmax(1) != test.labels).double().mean()))
    # Errors are moved by the difference of each twin from the mean twin.
    assert np.mean(curve.errors) == pytest.approx(np.mean(ends))


def made(site, fault, errors, size, phase="inference"):
    """A curve with one trial at each rate, ten times."""
    rates = [1e-6, 1e-5, 1e-4, 1e-3]
    values = np.repeat(errors, 10).astype(float)
    weights = np.repeat(np.eye(4), 10, axis=0) / 10
    return MeasuredSite(
        site, fault, phase, size, ErrorCurve(rates, values, [10] * 4, weights, "bit", 0.1)
    )


def findings(*measured):
    return SiteFindings("made up", 100, (0.005, 0.1), 0.1, measured, {})


def test_sites_are_compared_at_equal_rates_and_at_equal_numbers_of_faults():
    early, late = [0.1, 0.2, 0.5, 0.5], [0.1, 0.1, 0.1, 0.4]
    both = findings(made("weights", FLIPS, early, 1000), made("activations", FLIPS, late, 10))
    one, other = both.of("activations", FLIPS), both.of("weights", FLIPS)
    rate = both.ratio(one, other, "rate")
    assert rate.value == pytest.approx(100, rel=0.05)
    assert both.ratio(one, other, "number").value == pytest.approx(rate.value / 100)
    assert both.factor(other, one, "rate").value == pytest.approx(rate.value)
    # Without chance in the trials, the interval is a point; on either side of 1, it begins at 1.
    assert both.factor(one, other, "number").low == pytest.approx(1, abs=0.01)
    verdicts = [(c.text, c.verdict) for c in ARES_SITES.claims(both)]
    assert verdicts[0] == ("weights and activations tolerate different error rates", "holds")
    assert verdicts[1][1] == "does not hold"


@pytest.mark.parametrize(("rare", "decided"), [("weights", True), ("activations", False)])
def test_few_harmful_trials_decide_only_where_they_make_the_factor_too_small(rare, decided):
    rates = {"weights": [0.1, 0.2, 0.5, 0.5], "activations": [0.1, 0.1, 0.1, 0.4]}
    both = findings(*(made(site, FLIPS, errors, 100) for site, errors in rates.items()))
    every = ARES_SITES.claims(both)[:2]
    for each in both.measured:
        found = both.tolerable(each, 0.005)
        both._known[each.site, FLIPS, "inference", 0.005] = replace(
            found, harmful=1 if each.site == rare else 9
        )
    assert [c.verdict for c in every] == ["holds"] * 2
    flagged = ARES_SITES.claims(both)[:2]
    assert [c.verdict for c in flagged] == ["holds" if decided else "cannot be told"] * 2
    assert all("few harmful trials" in c.note and rare in c.note for c in flagged)
    # The table marks both ratios, and the number of faults has the limits of the rate.
    weights, activations = (list(_row(both, each, (0.005,))) for each in both.measured)
    assert ["few" in cell for cell in activations[-2:]] == [True, True]
    assert weights[-2:] == ["", ""]
    rate = both.tolerable(both.measured[0], 0.005)
    for number in (rate.value, rate.low, rate.high):
        assert f"{100 * number:.3g}" in weights[-3]


def test_few_harmful_trials_never_show_that_two_sites_are_alike():
    errors = [0.1, 0.2, 0.5, 0.5]
    both = findings(*(made(site, FLIPS, errors, 100) for site in ("weights", "activations")))
    assert [c.verdict for c in ARES_SITES.claims(both)[:2]] == ["does not hold"] * 2
    found = both.tolerable(both.measured[0], 0.005)
    both._known["weights", FLIPS, "inference", 0.005] = replace(found, harmful=2)
    assert [c.verdict for c in ARES_SITES.claims(both)[:2]] == ["cannot be told"] * 2


def test_accuracies_after_training_are_those_measured_and_not_relative_to_twins(found):
    site = found.of("gradients", ZEROS, "training")
    ends = []
    for seed in (1, 2):
        model = fresh_weights(network().model, seed=seed).eval()
        test = network().test
        with torch.no_grad():
            ends.append(float((model(test.inputs).argmax(1) == test.labels).double().mean()))
    assert sorted(site.ends.tolist()) == pytest.approx(sorted(ends))
    ((_, mean),) = site.accuracy()
    assert mean.value == pytest.approx(np.mean(ends))


def test_a_curve_from_elsewhere_has_a_tolerable_rate():
    curve = made("weights", FLIPS, [0.1, 0.1, 0.3, 0.3], 1).curve
    # From 0.1 at 1e-5 to 0.3 at 1e-4: 0.11 is a twentieth of the way.
    assert tolerable(curve, increase=0.1).value == pytest.approx(1e-5 * 10**0.05)


def test_page_is_written_with_all_numbers_and_a_stopped_study_continues(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "series", lambda _: network())
    plan = replace(QUIET, quick=True, runs=2, store=tmp_path / "store")
    pages = [conduct(STUDY, plan, tmp_path / name) for name in ("first", "again")]
    texts = [[path.read_text("utf-8") for path in files] for files in pages]
    assert texts[0] == texts[1]

    def refuse(constant):
        raise AssertionError(constant)

    facts = json.loads(texts[0][1], parse_constant=refuse)
    assert len(facts["networks"][0]["sites"]) == len(STUDY.measure(network(), plan).measured)
    assert "hidden states" in texts[0][0]


def test_a_network_without_recurrent_layers_has_no_hidden_states():
    model = nn.Sequential(OrderedDict(fc1=nn.Linear(2, 3), fc2=nn.Linear(3, 2)))
    fault = ARES_SITES.design.faults[0]
    assert list(sites_of(model, fault, training=False)) == [
        "weights",
        "activations",
        "weights of fc1",
        "weights of fc2",
    ]
    assert list(sites_of(model, fault, training=True)) == ["weights", "activations", "gradients"]


def test_network_without_errors_is_refused():
    found = network()
    with torch.no_grad():
        labels = found.model(found.test.inputs).argmax(1).clone()
    right = replace(found, test=replace(found.test, labels=labels))
    with pytest.raises(InputError, match="--images"):
        STUDY.measure(right, QUIET)
