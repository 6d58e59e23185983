"""Are the factors those that injecting every fault would give?"""

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard import datasets, models
from radhard.analyses import ANALYSES, DeepVigorPlus
from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Bracket
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import BFloat16, Float32, Float64, Format, Int, stored_as
from radhard.metrics import Critical
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Weights
from tests.analyses.deepvigor.plus.exhausted import of_neurons, of_weights

PRINTED = DeepVigorPlus(error="uniform", grid="powers", strict=False, tolerance=0.0)


def classifier() -> tuple[nn.Sequential, Data]:
    """Of one input x and the logits (x, 0): class 0 as long as x > 0."""
    model = nn.Sequential(nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [0.0]]))
    return model, Data(torch.tensor([[0.5], [0.75]]))


def harmful(model: nn.Module, data: Data, layer: nn.Module, channel: int, format: Format) -> float:
    """The share of (weight, bit, image) of a channel that change an answer: every one tried."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    with torch.no_grad():
        golden = model(data.inputs).argmax(1)
        own = weight[channel].clone()
        fitted = format.fit(weight)
        codes = fitted.encode(weight)
        faulty = [
            fitted.decode(BitFlip().corrupt(codes, torch.full_like(codes, bit), format))[channel]
            for bit in range(format.bits)
        ]
        harm = []
        for words in faulty:
            for at in range(own.numel()):
                weight[channel].view(-1)[at] = words.to(weight.dtype).flatten()[at]
                logits = model(data.inputs)
                bad = logits.isnan().any(1) | (logits.argmax(1) != golden)
                harm.append(bad.double().mean().item())
                weight[channel] = own
    return float(np.mean(harm))


def test_a_classifier_of_one_weight_by_hand() -> None:
    model, data = classifier()
    scores = DeepVigorPlus("weights", tolerance=0.0)(model, data)
    # Of 1.0 the answer changes with the sign and never else: bit 30 makes it infinite, and class 0
    # is the answer still; all other flips leave it positive.
    assert scores["0.weight"][0] == pytest.approx(1 / 32)
    assert scores["0.weight"][0] == harmful(model, data, model[0], 0, Float32())
    # Zero for the other logit: bit 30 makes it 2, more than 1.
    assert scores["0.weight"][1] == pytest.approx(1 / 32)


def test_as_published_whatever_is_beyond_the_bound_is_critical() -> None:
    model, data = classifier()
    with torch.no_grad():
        model[0].weight[0] = 0.5
    # Bit 30 of 0.5 is a huge positive weight: harmless for class 0, and yet critical as published.
    printed = DeepVigorPlus("weights", grid="powers", strict=False, tolerance=0.0)(model, data)
    tried = DeepVigorPlus("weights", tolerance=0.0)(model, data)
    assert printed["0.weight"][0] == pytest.approx(2 / 32)
    assert tried["0.weight"][0] == pytest.approx(1 / 32)


def small() -> tuple[nn.Sequential, Data]:
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 2, dilation=2, groups=4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 3),
    ).eval()
    generator = torch.Generator().manual_seed(3)
    return model, Data(torch.randn(24, 2, 8, 8, generator=generator))


@pytest.mark.parametrize("format", [Float32(), Int(8)], ids=repr)
def test_grouped_strided_and_dilated_layers_agree_with_every_fault_tried(format: Format) -> None:
    model, data = small()
    model = stored_as(model, format) if format.has_scale else model
    analysis = DeepVigorPlus(
        "weights", draws=12, grid="adaptive", tolerance=0.0, screen=0.0, format=repr(format)
    )
    scores = analysis(model, data)
    for name in ("0", "3", "6"):
        layer = model.get_submodule(name)
        found = scores[f"{name}.weight"]
        true = [harmful(model, data, layer, c, format) for c in range(len(found))]
        assert np.abs(found - true).mean() < 0.006, (name, found, true)
        assert scores.low is not None
        assert scores.high is not None
        low, high = (limits[f"{name}.weight"] for limits in (scores.low, scores.high))
        # Not all: what the first layer does is not quite monotonic.
        inside = (low - 1e-9 <= true) & (true <= high + 1e-9)
        assert inside.mean() >= 0.75


def test_neurons_agree_with_every_error_of_their_products_tried() -> None:
    model, data = small()
    scores = DeepVigorPlus(
        "activations", neurons="all", grid="adaptive", tolerance=0.0, screen=0.0
    )(model, data)
    with torch.no_grad():
        hidden = model[:6](data.inputs)
        golden = model[6](hidden)
        weight = model[6].weight
        for neuron in range(3):
            words = Float32().encode(hidden)
            harm = []
            for bit in range(32):
                flipped = Float32().decode(
                    BitFlip().corrupt(words, torch.full_like(words, bit), Float32())
                )
                errors = (flipped.double() - hidden.double()) * weight[neuron].double()
                logits = golden.double()[:, None].expand(-1, 16, -1).clone()
                logits[..., neuron] += errors
                bad = (logits.argmax(2) != golden.argmax(1)[:, None]) | ~errors.isfinite()
                harm.append(bad.double().mean().item())
            assert scores["6"][neuron] == pytest.approx(np.mean(harm), abs=1e-9)


def test_as_published_no_factor_is_below_the_share_of_errors_beyond_the_bound() -> None:
    model, data = small()
    scores = DeepVigorPlus("weights", error="uniform", grid="powers", strict=False)(model, data)
    beyond = weights_beyond(model[6].weight, model[:6](data.inputs))
    assert (scores["6.weight"] >= beyond - 1e-12).all()
    assert (beyond > 0).all()


def weights_beyond(weight: Tensor, met: Tensor) -> np.ndarray:
    words = Float32().encode(weight)
    shares = []
    for bit in range(32):
        flipped = Float32().decode(BitFlip().corrupt(words, torch.full_like(words, bit), Float32()))
        errors = (flipped.double() - weight.double()) * met.detach().double()[:, None]
        shares.append(((errors.abs() >= 2**10) | ~errors.isfinite()).double().mean((0, 2)))
    found: np.ndarray = torch.stack(shares).mean(0).numpy()
    return found


def test_screening_and_inferring_change_nothing_but_the_cost() -> None:
    model, data = small()
    every = DeepVigorPlus(neurons="all", draws=4, screen=0.0)(model, data)
    some = DeepVigorPlus(neurons="all", draws=4)(model, data)
    for name in every.values:
        np.testing.assert_allclose(some[name], every[name], atol=0.004)
        assert abs(some[name] - every[name]).mean() < 0.001
    for kind in ("weights", "activations"):
        assert some.facts["rows"][kind] < 0.8 * every.facts["rows"][kind]
        assert every.facts["inferred"][kind] == 0
        assert some.facts["audited"][kind] > 0
        assert some.facts["audited_wrong"][kind] <= 0.05 * some.facts["audited"][kind]


@pytest.mark.parametrize("kind", ["weights", "activations"])
def test_limits_allow_for_what_was_inferred_and_proved_wrong(
    kind: Literal["weights", "activations"],
) -> None:
    model, data = small()
    passed = DeepVigorPlus(kind, neurons="all", draws=9, screen=0.0)(model, data)
    guessed = DeepVigorPlus(kind, neurons="all", draws=9, screen=0.95)(model, data)
    facts = guessed.facts
    share = facts["audited_wrong"][kind] / facts["audited"][kind]
    assert 0 < share < max(facts["wrong_at_most"][kind].values()) < 0.3
    assert guessed.low is not None
    assert guessed.high is not None
    for name, truth in passed.values.items():
        assert (guessed.low[name] - 1e-9 <= truth).all()
        assert (truth <= guessed.high[name] + 1e-9).all()
        limits = facts["lvf"][name]
        assert limits["low"] - 1e-9 <= truth.mean() <= limits["high"] + 1e-9
    wider = [
        facts["lvf"][name]["high"] - facts["lvf"][name]["low"] - (own["high"] - own["low"])
        for name, own in passed.facts["lvf"].items()
    ]
    assert max(wider) > 0.001


def test_of_weights_that_meet_only_zeros_only_infinite_ones_do_harm() -> None:
    model = nn.Sequential(nn.Conv2d(2, 1, 1), nn.Flatten(), nn.Linear(4, 2)).eval()
    torch.manual_seed(5)
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.5, 0.3]).reshape(1, 2, 1, 1))
    data = Data(torch.zeros(3, 2, 2, 2))
    scores = DeepVigorPlus("weights", screen=0.0)(model, data)
    # Bit 30 of 1.5, which leaves no number: one of 64 flips.
    assert scores["0.weight"] == pytest.approx(1 / 64)
    assert harmful(model, data, model[0], 0, Float32()) == pytest.approx(1 / 64)
    assert scores.low is not None
    assert scores.high is not None
    assert scores.low["0.weight"] == scores.high["0.weight"] == pytest.approx(1 / 64)


def test_channels_and_neurons_are_drawn_as_published() -> None:
    model, data = small()
    scores = DeepVigorPlus(channels=0.5, neurons="log2", tolerance=0.01)(model, data, seed=3)
    assert {name: int((~np.isnan(v)).sum()) for name, v in scores.values.items()} == {
        "0.weight": 2, "3.weight": 2, "6.weight": 1, "0": 2, "3": 2, "6": 1,
    }  # fmt: skip
    again = DeepVigorPlus(channels=0.5, neurons="log2", tolerance=0.01)(model, data, seed=3)
    other = DeepVigorPlus(channels=0.5, neurons="log2", tolerance=0.01)(model, data, seed=4)
    same: Callable[[object], bool] = lambda s: all(  # noqa: E731
        np.array_equal(scores[n], s[n], equal_nan=True)
        for n in scores.values  # type: ignore[index]
    )
    assert same(again)
    assert not same(other)


def test_the_model_factor_weighs_layers_by_their_words() -> None:
    model, data = classifier()
    facts = DeepVigorPlus(tolerance=0.0)(model, data).facts
    stored, flowing = facts["lvf"]["0.weight"]["value"], facts["lvf"]["0"]["value"]
    # 2 weights, 2 words of output, 1 of input.
    assert facts["mvf"]["total"]["value"] == pytest.approx((2 * stored + 2 * flowing) / 4)
    assert facts["mvf"]["total_by_inputs"]["value"] == pytest.approx((2 * stored + 1 * flowing) / 3)


def test_lenet5_agrees_with_exhaustive_injection_better_than_as_published() -> None:
    model, data = models.lenet5(), datasets.mnist(split="test", n=6)
    errors = {}
    space = FaultSpace.of(model, Weights("conv1*|fc3*"), BitFlip(), Float32())
    results = run(
        model, data, space, Exhaustive(), metrics=[Critical()], engine=Bracket(), audit=0.0
    )
    for analysis in (DeepVigorPlus("weights", draws=2), PRINTED):
        agreement = analysis(model, data).agreement(results)
        assert agreement.error is not None
        errors[analysis] = agreement.error
    ours, published = errors.values()
    assert ours < 0.002
    assert published < 0.012
    assert ours < published / 3


def test_the_format_is_given_as_a_component_or_as_its_text() -> None:
    by_component, by_text = (DeepVigorPlus(format=f) for f in (Float64(), "Float64()"))
    assert by_component == by_text
    assert ANALYSES.parse(repr(by_component)) == by_component
    with pytest.raises(InputError, match=r"BitFlip\(\) is not allowed; format is a format"):
        DeepVigorPlus(format=BitFlip())  # type: ignore[arg-type]


def test_a_network_of_doubles_has_the_factors_of_every_fault_tried() -> None:
    model, data = small()
    model, data = model.double(), Data(data.inputs[:8].double())
    scores = DeepVigorPlus(tolerance=0.0, screen=0.0, format=Float64())(model, data)
    truth = of_weights(model, data.inputs, 6), of_neurons(model, data.inputs, 6)
    for name, every in zip(("6.weight", "6"), truth, strict=True):
        np.testing.assert_allclose(scores[name], every, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_networks_of_narrower_numbers_are_refused(dtype: torch.dtype) -> None:
    model, data = small()
    with pytest.raises(InputError, match="float32 or float64"):
        DeepVigorPlus()(model.to(dtype), Data(data.inputs.to(dtype)))


def test_words_narrower_than_the_numbers_that_hold_them_are_classifier_workload() -> None:
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    model = stored_as(model.eval(), BFloat16())
    data = Data(torch.randn(9, 5, generator=torch.Generator().manual_seed(1)))
    scores = DeepVigorPlus("weights", tolerance=0.0, screen=0.0, format=BFloat16())(model, data)
    true = [harmful(model, data, model[2], c, BFloat16()) for c in range(3)]
    np.testing.assert_allclose(scores["2.weight"], true, atol=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        "DeepVigorPlus(channels=0.0)",
        "DeepVigorPlus(channels=1.5)",
        "DeepVigorPlus(neurons=0)",
        "DeepVigorPlus(images=0)",
        "DeepVigorPlus(draws=0)",
        "DeepVigorPlus(tolerance=-0.1)",
        "DeepVigorPlus(format='Nonsense()')",
    ],
)
def test_arguments_that_make_no_sense_are_refused(wrong: str) -> None:
    with pytest.raises(InputError):
        ANALYSES.parse(wrong)


def test_a_model_that_is_not_stored_in_the_format_is_refused() -> None:
    model, data = small()
    with pytest.raises(InputError, match="stored_as"):
        DeepVigorPlus("weights", format="Int(8)")(model, data)


def test_layers_that_are_called_again_are_left_out_and_named() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.again, self.last = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            last: Tensor = self.last(self.again(self.again(x).relu()).relu())
            return last

    torch.manual_seed(0)
    scores = DeepVigorPlus()(Twice(), Data(torch.randn(6, 3)))
    assert set(scores.values) == {"last.weight", "last"}
    assert "again" in scores.facts["not analyzed"]


def test_ranges_are_nearest_to_zero() -> None:
    model, data = classifier()
    ranges = DeepVigorPlus("weights", grid="adaptive", tolerance=0.0)(model, data).facts["ranges"][
        "0.weight"
    ]
    low, high = ranges["0"]
    # The sign flip of 1.0 moves the first logit from 0.5 to -0.5, and no error upwards harms.
    assert low == -1.0
    assert high is None or math.isinf(high)
