"""Are transients and accumulating errors measured and judged rightly?"""

import json
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import pytest

from radhard.comparison import accumulation
from radhard.samplers import Cumulative, UpsetRate
from radhard.studies import NETWORKS, Plan, conduct
from radhard.studies.cnn_reliability import CNN_RELIABILITY, RATES
from radhard.studies.upsets import ActivationErrors, UpsetDesign, UpsetFindings, UpsetStudy
from radhard.studies.wide_lenet5 import wide_lenet5
from tests.studies.tiny import tiny_network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

STUDY = UpsetStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=CNN_RELIABILITY.claims,
    design=UpsetDesign(
        rates=(0.5, 1.0),
        activations=500,
        flips=(1, 2),
        passes=3,
        layer_passes=2,
        steps=6,
        repeats=4,
        layer_steps=4,
        layer_repeats=3,
        images=9,
    ),
)
QUIET = Plan(progress=False)


@pytest.fixture(scope="module")
def found():
    return STUDY.measure(tiny_network(), QUIET)


def test_losses_are_those_of_the_campaigns(found):
    assert found.rates == (0.5, 1.0)
    assert found.values == {"conv": 48, "relu1": 48, "fc1": 6, "relu2": 6, "fc2": 2}
    for k, results in found.transients.items():
        drops = 100 * results.values("drop").reshape(2, 3).mean(axis=1)
        losses = [found.loss(k, rate) for rate in found.rates]
        assert [loss.value for loss in losses] == pytest.approx(drops.tolist())
        # Inferences are the unit: 3 passes over 20 images.
        assert {loss.trials for loss in losses} == {60}
    both = found.loss_difference((1.0, 2, 1.0), (-1.0, 1, 0.5))
    assert both.value == pytest.approx(found.loss(2, 1.0).value - found.loss(1, 0.5).value)
    assert found.loss(2, 1.0).value > 0


def test_courses_are_those_of_the_histories(found):
    frame = accumulation(found.memory, "accuracy").frame
    course = found.course()
    assert course.shape == (4, 7)
    assert (course[:, 0] == course[0, 0]).all()
    assert course[:, 1:].mean(axis=0).tolist() == pytest.approx(frame["mean"].tolist())
    assert course[:, 1:].min(axis=0).tolist() == pytest.approx(frame["worst"].tolist())
    assert found.bits == {"conv": 32 * 27, "fc1": 32 * 288, "fc2": 32 * 12}
    assert found.layer_accuracy("fc1", "number").value == pytest.approx(
        found.course("fc1")[:, 1:].mean()
    )


@dataclass
class Fabricated:
    """The part of the results of a campaign that findings read."""

    sampler: object
    figures: dict

    def values(self, name):
        return self.figures[name]


def flowing(rates, passes, losses):
    """Transients that lose these shares of the images at each rate, and gain none."""
    accuracy = np.repeat(0.9 - np.array(losses), passes)
    figures = {"accuracy": accuracy, "beneficial_correct": np.zeros_like(accuracy)}
    return Fabricated(UpsetRate(rates, trials=passes), figures)


def stored(steps, repeats, course):
    """Histories with these accuracies after 1, 2, ... errors, history by history."""
    accuracy = np.array(course).T.reshape(-1)
    return Fabricated(Cumulative(steps, repeats), {"accuracy": accuracy, "drop": 0.9 - accuracy})


LAYERS = {"conv1": 16_000, "conv2": 800_000, "fc1": 3_072_000, "fc2": 300_000}


def fabricated(*, errors, losses, end, falls):
    """Findings: ``falls`` is the accuracy lost by an error in the weights of each layer."""
    accuracy = np.linspace(min(0.7, end + 0.6), end, 20)
    # One history in ten stays as it is, the others fall alike.
    histories = [np.full(20, 0.9) if n % 10 == 0 else accuracy for n in range(600)]
    return UpsetFindings(
        network="made up",
        right=np.arange(1000) < 900,
        images=200,
        errors=errors,
        transients={k: flowing(RATES, 40, np.array(each)) for k, each in losses.items()},
        layer_transients={"conv1": flowing((1.0,), 40, [0.01]), "fc1": flowing((1.0,), 40, [0.3])},
        values={"conv1": 100, "fc1": 10},
        memory=stored(20, 600, histories),
        layer_memory={
            layer: stored(10, 200, [0.9 - fall * np.arange(1, 11)] * 200)
            for layer, fall in falls.items()
        },
        bits=LAYERS,
    )


def verdicts(findings):
    return {(c.text, c.note): c.verdict for c in CNN_RELIABILITY.claims(findings)}


def part(found, text):
    return {verdict for (said, _), verdict in found.items() if text in said}


SMALL = [ActivationErrors(k, "value", np.linspace(-0.1, 0.1, 5001), 1.0) for k in (1, 2)]
LARGE = [
    ActivationErrors(1, "value", np.linspace(-0.1, 0.1, 5001), 1.0),
    ActivationErrors(2, "value", np.linspace(1, 9, 5001), 1.0),
]
AS_SAID = {1: [0, 0, 0.002, 0.004, 0.005, 0.02, 0.07], 2: [0, 0, 0.003, 0.005, 0.007, 0.03, 0.09]}
OTHERWISE = {1: [0, 0.01, 0.02, 0.06, 0.2, 0.5, 0.8], 2: [0, 0.01, 0.02, 0.05, 0.15, 0.4, 0.6]}


def test_where_all_is_as_the_paper_says_the_claims_hold():
    falls = {"conv1": 0.001, "conv2": 0.02, "fc1": 0.06, "fc2": 0.08}
    losses = AS_SAID
    found = verdicts(fabricated(errors=SMALL, losses=losses, end=0.0, falls=falls))
    # The shares of large errors are 0, which is neither more nor less than in proportion.
    but = {
        ("errors do not grow", "2 flips in a value"): "cannot be told",
        ("fc1 alone", ""): "does not hold",
        # Per error fc2 suffers more; at an equal rate conv2 has nearly three times as many.
        ("conv2 is more resilient than the linear layer fc2", "equal rate"): "cannot be told",
    }
    for (text, note), verdict in found.items():
        expected = [v for (said, how), v in but.items() if said in text and how in note]
        assert verdict == (expected[0] if expected else "holds"), text
    assert part(found, "fc1 alone") == {"does not hold"}


def test_where_all_is_the_other_way_round_they_do_not():
    falls = {"conv1": 0.09, "conv2": 0.09, "fc1": 0.0001, "fc2": 0.0001}
    found = verdicts(fabricated(errors=LARGE, losses=OTHERWISE, end=0.85, falls=falls))
    assert part(found, "errors do not grow out of control") == {"does not hold"}
    assert part(found, "centred around zero") == {"holds", "does not hold"}
    assert part(found, "no accuracy is lost") == {"does not hold"}
    assert part(found, "2 flips cost more") == {"does not hold"}
    assert part(found, "flip is not dramatic") == {"does not hold"}
    assert part(found, "collapses") == {"does not hold"}
    # Accuracy may fall further with more errors, of which the paper gives no number.
    assert part(found, "chance") == {"cannot be told"}
    assert part(found, "cost more accuracy than transients") == {"does not hold"}
    equal = [v for (text, note), v in found.items() if "equal num" in note and "conv" in text]
    assert "holds" not in equal


@pytest.mark.parametrize(("end", "falling"), [(0.3, True), (0.85, False)])
def test_only_an_accuracy_that_still_falls_is_said_to_fall(end, falling):
    falls = dict.fromkeys(LAYERS, 0.02)
    found = fabricated(errors=SMALL, losses=AS_SAID, end=end, falls=falls)
    # The accuracies of a history after 10 and 20 errors, of nine histories in ten.
    lost = 90 * (np.linspace(0.7, end, 20)[[9, 19]] @ [1, -1])
    assert found.fall(10, 20).value == pytest.approx(lost)
    said = verdicts(found)
    assert part(said, "chance") == {"cannot be told"}
    assert any("still falling" in note for _, note in said) == falling


def test_median_errors_that_are_denormal_are_named():
    rare = [ActivationErrors(k, "value", np.full(100, 1e-41), 2.0) for k in (1, 2)]
    for errors, named in ((rare, 2), (SMALL, 0)):
        falls = dict.fromkeys(LAYERS, 0.02)
        found = verdicts(fabricated(errors=errors, losses=AS_SAID, end=0.0, falls=falls))
        assert sum("denormal" in note for _, note in found) == named


def test_layers_that_lose_alike_per_error_lose_by_their_size_at_an_equal_rate():
    falls = dict.fromkeys(LAYERS, 0.02)
    found = fabricated(errors=SMALL, losses=AS_SAID, end=0.0, falls=falls)
    assert found.more_accurate("conv1", "fc1", "number").value == pytest.approx(0)
    # The largest layer has 5 errors on average, the others in proportion; a loss of 2 points each.
    for layer, bits in LAYERS.items():
        expected = 0.9 - 0.02 * 5 * bits / LAYERS["fc1"]
        assert found.layer_accuracy(layer, "rate").value == pytest.approx(expected, abs=0.002)


def test_stopped_study_continues_and_numbers_are_valid_json(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())
    plan = replace(QUIET, quick=True, runs=2, store=tmp_path / "store")
    study = replace(STUDY, design=replace(STUDY.design, flips=(1,)))
    first, again = (
        [path.read_text("utf-8") for path in conduct(study, plan, tmp_path / name)]
        for name in ("first", "again")
    )
    assert first == again

    def refuse(constant):
        raise AssertionError(constant)

    facts = json.loads(first[1], parse_constant=refuse)
    assert len(facts["networks"][0]["memory"]) == 10
    assert facts["repeats"] == 2


def test_network_is_that_of_the_paper():
    layers = OrderedDict(wide_lenet5().named_children())
    assert [layers[name].out_channels for name in ("conv1", "conv2")] == [20, 50]
    assert layers["conv1"].kernel_size == (5, 5)
    assert layers["conv1"].padding == (0, 0)
    assert [layers[name].out_features for name in ("fc1", "fc2", "fc3")] == [120, 84, 10]
    assert CNN_RELIABILITY.networks == ("wide-lenet5",)
    design = CNN_RELIABILITY.design
    assert (design.activations, design.flips) == (1_000_000, (1, 2, 3))
    assert set(CNN_RELIABILITY.networks) <= set(NETWORKS)
