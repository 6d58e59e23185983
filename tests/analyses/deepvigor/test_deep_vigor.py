"""Does DeepVigor predict what flips of every bit of every neuron do?"""

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import DeepVigor, Ranges
from radhard.analyses.deepvigor.flips import deviations
from radhard.campaign import run
from radhard.datasets import Data, mnist
from radhard.engines import Replay
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float16, Float32, Int
from radhard.models import load
from radhard.quantization import quantized
from radhard.samplers import Exhaustive
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.targets import Activations
from tests.analyses.deepvigor.hand import Branching, data, of_three_neurons


def exhausted(model: nn.Module, samples: Data, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Share of the flips that change the class, of each neuron and of each bit: all are tried."""
    space = FaultSpace.of(model, Activations(layer), BitFlip(), Float32(), data=samples)
    results = run(model, samples, space, Exhaustive(), engine=Replay(), progress=False)
    harm = results.values("Outcome().critical") + results.values("Outcome().due")
    _, words, variants = space.locate(results.trials.at(results.numbers))
    neurons = words % int(np.prod(space.sites[0].shape))
    return tuple(
        np.bincount(group, weights=harm) / np.bincount(group) for group in (neurons, variants)
    )


@pytest.mark.parametrize("layer", ["0", "2"])
def test_vulnerability_factors_are_those_of_exhaustive_injection(layer: str) -> None:
    model, samples = of_three_neurons(), data()
    scores = DeepVigor(layers=layer)(model, samples)
    by_neuron, by_bit = exhausted(model, samples, layer)
    np.testing.assert_allclose(scores[layer], by_neuron, atol=1e-12)
    np.testing.assert_allclose(scores.facts["BVF"][layer], by_bit, atol=1e-12)
    assert 0.1 < by_neuron.max() < 0.9


def test_factors_of_a_layer_of_mnist_are_those_of_exhaustive_injection() -> None:
    model, samples = load("mlp"), mnist(n=4)
    scores = DeepVigor(layers="fc2")(model, samples)
    by_neuron, by_bit = exhausted(model, samples, "fc2")
    # A flip within a bracket, 0.05 wide, or in a class that comes and goes, may differ.
    np.testing.assert_allclose(scores["fc2"], by_neuron, atol=0.01)
    np.testing.assert_allclose(scores["fc2"].mean(), by_neuron.mean(), atol=5e-4)
    np.testing.assert_allclose(scores.facts["BVF"]["fc2"], by_bit, atol=0.01)


@cache
def of_mlp(**changed: object) -> tuple[Scores, Ranges]:
    return DeepVigor(**changed).scores_and_ranges(load("mlp"), mnist(n=30, split="train"), seed=5)


def test_factors_of_layers_are_means_of_their_neurons_and_of_their_bits() -> None:
    scores, _ = of_mlp()
    layers = scores.at("tensor")
    for name, share in scores.facts["LVF"].items():
        assert share == pytest.approx(float(scores[name].mean()))
        assert share == pytest.approx(float(layers[name]))
        assert share == pytest.approx(np.mean(scores.facts["BVF"][name]))
        assert len(scores.facts["BVF"][name]) == 32
    assert scores.unit == "share"


def test_a_call_and_the_ranges_are_the_two_products_of_one_search() -> None:
    scores, ranges = of_mlp()
    again = DeepVigor()(load("mlp"), mnist(n=30, split="train"))
    for name in scores.values:
        np.testing.assert_array_equal(again[name], scores[name])
    assert ranges.by == scores.by == "DeepVigor()"
    assert ranges.forwards == scores.facts["forwards per neuron"]


def test_fewer_forward_passes_are_needed_than_a_third_of_those_of_injection() -> None:
    scores, _ = of_mlp()
    assert all(passes <= 32 / 2.9 for passes in scores.facts["forwards per neuron"].values())
    assert scores.facts["forwards per neuron"]["fc3"] == 0


def test_the_loss_changes_the_cost_only() -> None:
    scores, _ = of_mlp()
    for form in ("summed", None):
        other, _ = of_mlp(loss=form)
        for name in scores.values:
            np.testing.assert_array_equal(other[name], scores[name])
    assert sum(scores.facts["left out by gradient"].values()) > 0
    assert sum(other.facts["left out by gradient"].values()) == 0


def test_bisection_finds_the_same_within_the_tolerance() -> None:
    one, other = (of_mlp(search=how)[1] for how in ("interpolation", "bisection"))
    for name in one.layers:
        for key, ends in one[name].arrays().items():
            theirs = other[name].arrays()[key]
            # A class may come and go on the way out; elsewhere both find the one threshold.
            near = np.isclose(ends, theirs, atol=0.1, equal_nan=True)
            assert near.mean() > 0.99


def monotone(seed: int) -> nn.Sequential:
    """A network in which whatever a neuron of layer 0 does, a single lead only grows or shrinks."""
    rng = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.copy_(torch.randn(tensor.shape, generator=rng))
    return model


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**16))
def test_inside_no_class_changes_and_beyond_all_do_where_leads_are_monotone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs = torch.from_numpy(rng.normal(size=(12, 3)).astype(np.float32))
    model = monotone(seed)
    ranges = DeepVigor(layers="0", loss=None).ranges(model, inputs)
    with torch.no_grad():
        hidden = model[0](inputs)
        golden = model(inputs).argmax(1).numpy()
    limits = ranges["0"]
    for neuron in range(4):
        for sign, safe, unsafe in (
            (1, limits.safe_up, limits.unsafe_up),
            (-1, limits.safe_down, limits.unsafe_down),
        ):
            inside, beyond = (ends[neuron, golden] for ends in (safe, unsafe))
            for size, moves, known in (
                (np.minimum(inside, 1e5) * rng.random(12), False, inside >= 0),
                (np.minimum(inside, 1e5), False, inside >= 0),
                (beyond, True, np.isfinite(beyond)),
                (beyond * (1 + rng.random(12) * 100), True, np.isfinite(beyond)),
            ):
                off = hidden.clone()
                off[:, neuron] += sign * torch.from_numpy(np.where(known, size, 0.0)).float()
                with torch.no_grad():
                    changed = model[1:](off).argmax(1).numpy() != golden
                assert (changed[known] == moves).all()


def test_a_share_or_a_number_of_neurons_is_drawn_from_the_seed() -> None:
    for neurons, counts in ((0.25, [16, 8, 2]), (5, [5, 5, 5]), (1000, [64, 32, 10])):
        _, ranges = of_mlp(neurons=neurons, loss=None)
        assert [len(limits.neurons) for limits in ranges.layers.values()] == counts
    scores, ranges = of_mlp(neurons=5)
    complete, _ = of_mlp()
    for name, limits in ranges.layers.items():
        known = ~np.isnan(scores[name])
        np.testing.assert_array_equal(np.flatnonzero(known), limits.neurons)
        np.testing.assert_array_equal(scores[name][known], complete[name][known])
    other = DeepVigor(neurons=5).ranges(load("mlp"), mnist(n=30, split="train"), seed=6)
    assert (other["fc1"].neurons != ranges["fc1"].neurons).any()


def test_a_network_without_a_graph_is_found_to_be_as_vulnerable() -> None:
    plain, hooked = (
        DeepVigor()(model, data()) for model in (of_three_neurons(), Branching(of_three_neurons()))
    )
    for name in plain.values:
        np.testing.assert_allclose(hooked[f"inner.{name}"], plain[name], atol=1e-12)


def test_flips_are_those_of_the_format() -> None:
    values = torch.tensor([0.5, -3.0, 100.0])
    for format, word, whole in ((Float32(), np.float32, np.uint32), (Float16(), np.float16, "u2")):
        found = torch.stack(list(deviations(values, format))).numpy()
        held = values.numpy().astype(word)
        for bit in range(format.bits):
            flipped = (held.view(whole) ^ np.array(1 << bit, whole)).view(word)
            wanted = flipped.astype(float) - held.astype(float)
            np.testing.assert_array_equal(found[bit], wanted)


def test_narrow_formats_have_fewer_bits_and_smaller_deviations() -> None:
    fine, _ = of_mlp()
    for format, bits in (("Float16()", 16), ("Int(8)", 8)):
        scores, ranges = of_mlp(format=format)
        assert repr(ranges.format) == format
        assert all(len(by_bit) == bits for by_bit in scores.facts["BVF"].values())
        assert all((scores[name] <= 1).all() for name in fine.values)
    # A word of 8 bits cannot leave the layer's own range: no flip is as bad as float32's.
    assert scores.facts["BVF"]["fc1"][7] < max(fine.facts["BVF"]["fc1"])


def test_a_model_that_rounds_its_activations_is_faulty_in_its_own_words() -> None:
    samples = mnist(n=20, split="train")
    model = quantized(load("mlp"), samples, Int(8))
    scores = DeepVigor(format="Int(8)", layers="fc2")(model, samples)
    assert 0 < scores.at("tensor")["fc2"] < 0.5
    with pytest.raises(InputError, match="rounded to"):
        DeepVigor(format="Int(16)", layers="fc2")(model, samples)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tolerance": 0.0}, "give 0 < tolerance"),
        ({"epsilon": 1e6}, "give 0 < tolerance < epsilon < bound"),
        ({"threshold": 1.1}, "threshold=1.1"),
        ({"outliers": -0.1}, "outliers=-0.1"),
        ({"neurons": 0}, "neurons=0"),
        ({"neurons": 1.5}, "neurons=1.5"),
        ({"format": "Float23()"}, "unknown format"),
        ({"loss": "hinge"}, "loss='hinge'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        DeepVigor(**arguments)


def test_layers_that_are_not_there_and_words_that_are_too_wide_are_refused() -> None:
    with pytest.raises(InputError, match="there is: 0, 2"):
        DeepVigor(layers="conv*").ranges(of_three_neurons(), data())
    half = Data(data().inputs.half())
    with pytest.raises(InputError, match="wider than '0'"):
        DeepVigor().ranges(of_three_neurons().half(), half)


def test_a_network_of_halves_is_looked_at_within_the_numbers_that_it_has() -> None:
    half = Data(data().inputs.half())
    own = DeepVigor(format="Float16()").ranges(of_three_neurons().half(), half)
    frame = own.to_frame("0").set_index(["neuron", "golden"])
    assert frame.loc[(1, 0), "safe_to"] == pytest.approx(1.75, abs=0.05)
    assert frame.loc[(1, 1), "vulnerable_below"] == pytest.approx(-0.75, abs=0.05)
