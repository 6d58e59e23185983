"""Do the halves of a split neuron correct each other, and add up to the neuron?"""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import MaxValue, QDeepVigor
from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Fixed, Int
from radhard.hardenings import (
    HARDENINGS,
    NeuronSplit,
    NeuronSplitting,
    Triplication,
    load,
    parts,
    records,
    save,
)
from radhard.hardenings.redundancy.correction_unit import and_corrected, sign_corrected
from radhard.hardenings.redundancy.critical_neurons import neurons_saved
from radhard.injection import inject
from radhard.manifest import fingerprint
from radhard.quantization import quantized
from radhard.samplers import Exhaustive
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights
from radhard.verification import verify
from radhard.workload import Workload
from tests.conformance.hardening_examples import OF_NEURONS

AFTER_RELU = "relu1|relu2|fc2"
"""The neurons as hardware stores them that fuses a layer and its activation function."""


def network(act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """A convolution and two linear layers, in integers of 8 bits."""
    layers = [nn.Conv2d(1, 2, 3), act(), nn.Flatten(), nn.Linear(18, 5), nn.ReLU(), nn.Linear(5, 3)]
    names = ("conv1", "relu1", "flatten", "fc1", "relu2", "fc2")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = nn.Sequential()
        for name, layer in zip(names, layers, strict=True):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -1.2 if name == "fc2" else -0.6, 0.9)
            model.add_module(name, layer)
    return quantized(model.eval(), samples().inputs, Int(8), inputs=True)


def samples() -> Data:
    inputs = torch.randn(6, 1, 5, 5, generator=torch.Generator().manual_seed(5))
    return Data(inputs, torch.arange(6) % 3)


def scores_of(model: nn.Module, pattern: str = AFTER_RELU) -> Scores:
    """Scores by which every neuron of some modules is critical at 0.5, every second one at 0.9."""
    sites = Activations(pattern).sites(_workload(model))
    values = {s.name: np.full(s.shape, 0.5) for s in sites}
    for value in values.values():
        value.reshape(-1)[::2] = 0.95
    return Scores("Mine()", "element", values, "share", model=fingerprint(model))


def _workload(model):
    return Workload.of(model, samples())


def words_at(model: nn.Module, name: str, inputs: torch.Tensor) -> torch.Tensor:
    """The words that a module of the model outputs, in steps."""
    seen = {}
    module = model.get_submodule(name)
    handle = module.register_forward_hook(lambda m, a, out: seen.update(out=out.detach()))
    with torch.no_grad():
        model(inputs)
    handle.remove()
    return (seen["out"].double() / module.activation_scale.double()).round().long()


# The unit

word_bits = st.sampled_from([4, 8, 16])


@given(word_bits, st.data())
def test_a_bit_that_is_set_in_one_copy_is_masked_and_one_that_is_cleared_is_lost(bits, data):
    half = data.draw(st.integers(0, 2 ** (bits - 2) - 1))
    bit = data.draw(st.integers(0, bits - 1))
    value = torch.tensor([half])
    raw = half ^ (1 << bit)
    faulty = torch.tensor([raw - (1 << bits) if raw >> (bits - 1) else raw])
    expected = half if raw > half else raw
    for unit in (and_corrected, sign_corrected):
        assert unit(value, faulty, bits).item() == expected
        assert unit(faulty, value, bits).item() == expected
        assert unit(value, value, bits).item() == half


@given(word_bits, st.data())
def test_negative_words_mirror_positive_ones_in_the_unit_for_either_sign(bits, data):
    half = data.draw(st.integers(-(2 ** (bits - 2)), -1))
    bit = data.draw(st.integers(0, bits - 1))
    raw = (half % (1 << bits)) ^ (1 << bit)
    faulty = raw - (1 << bits) if raw >> (bits - 1) else raw
    set_below = raw > half % (1 << bits) and bit < bits - 2
    found = sign_corrected(torch.tensor([half]), torch.tensor([faulty]), bits).item()
    assert found == (faulty if set_below else half)
    assert sign_corrected(torch.tensor([half]), torch.tensor([half]), bits).item() == half


def test_the_top_magnitude_bit_in_both_copies_is_reset():
    for half in range(64):
        both = torch.tensor([half | 64])
        assert and_corrected(both, both, 8).item() == half
        assert sign_corrected(both, both, 8).item() == half


# What the paper leaves open, in five notes


def test_1_halves_add_up_only_behind_what_is_homogeneous():
    model = network(nn.Sigmoid)
    split = NeuronSplitting(0.5)
    with pytest.warns(match="Sigmoid is not split"):
        hard = split(model, samples(), scores_of(model))
    assert [name for name, _ in parts(hard)] == ["relu2.splitting", "fc2.splitting"]
    # The layer in front of it is homogeneous, and what uses it is not.
    with pytest.raises(InputError, match=r"sigmoid\(\) follows"):
        split(model, samples(), scores_of(model, "conv1"))
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 3))
    plain = quantized(plain.eval(), samples().inputs, Int(8), inputs=True)
    with pytest.raises(InputError, match=r"batch_norm\(\) follows"):
        split(plain, samples(), scores_of(plain, "0"))
    assert parts(split(plain, samples(), scores_of(plain, "3")))


def test_2_scales_are_doubled_as_odd_weights_cannot_be_halved():
    assert {(word / 2).is_integer() for word in (-3.0, 5.0)} == {False}
    model = network()
    hard = NeuronSplitting(0.5)(model, samples(), scores_of(model))
    before, after = model.state_dict(), hard.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    # Of the same input, as rounding of what comes before is not the question.
    one = words_at(model, "relu1", samples().inputs)
    two = words_at(hard, "relu1", samples().inputs)
    assert (two % 2 == 0).all()
    assert 0 < (one - two).abs().max() <= 1
    assert one.max() == 127
    assert two.max() == 126


def test_3_the_reset_is_for_words_that_are_not_negative():
    assert and_corrected(torch.tensor(-3), torch.tensor(-3), 8).item() == -67
    model = network()
    with pytest.warns(match="they may be negative"):
        hard = NeuronSplitting(0.5, signed="leave")(model, samples(), scores_of(model))
    assert [name for name, _ in parts(hard)] == ["relu1.splitting", "relu2.splitting"]
    mirrored = NeuronSplitting(0.5)(model, samples(), scores_of(model))
    units = {name: part.unit for name, part in parts(mirrored) if isinstance(part, NeuronSplit)}
    assert units == {"relu1.splitting": "and", "relu2.splitting": "and", "fc2.splitting": "sign"}
    mirrored = NeuronSplitting(0.5)(model, samples(), scores_of(model, "fc2"))
    one, two = (words_at(m, "fc2", samples().inputs) for m in (model, mirrored))
    assert one.min() < -20
    assert (one - two).abs().max() <= 1


def test_4_copies_are_equal_without_faults_as_a_step_apart_could_lose_every_bit(monkeypatch):
    assert and_corrected(torch.tensor(31), torch.tensor(32), 8).item() == 0
    pairs = []
    original = NeuronSplit.combined

    def combined(part, first, second):
        pairs.append((first.clone(), second.clone()))
        return original(part, first, second)

    monkeypatch.setattr(NeuronSplit, "combined", combined)
    model = network()
    hard = NeuronSplitting(0.5)(model, samples(), scores_of(model))
    with torch.no_grad():
        hard(samples().inputs)
    assert len(pairs) >= 3
    assert all(torch.equal(first, second) for first, second in pairs)
    changed = (hard(samples().inputs).argmax(1) != model(samples().inputs).argmax(1)).sum()
    assert f"without faults {changed} of 6 predictions differ" in " ".join(records(hard)[0].lines())


def test_5_single_elements_of_a_convolution_are_split():
    model = network()
    hard = NeuronSplitting(0.9)(model, samples(), scores_of(model, "conv1"))
    one, two = (words_at(m, "conv1", samples().inputs).flatten(1) for m in (model, hard))
    assert torch.equal(one[:, 1::2], two[:, 1::2])
    assert (two[:, ::2] % 2 == 0).all()
    assert (one[:, ::2] % 2 != 0).any()
    assert torch.equal(hard.conv1.weight, model.conv1.weight)


# By hand


def by_hand(value: int, bit: int, *, split: bool) -> int:
    """The word of a ReLU with a flipped bit, after correction; ``value`` before rounding halves."""
    word = value ^ (1 << bit)
    word = word - 256 if word >> 7 else word
    if not split:
        return word
    return 2 * (value & word & 0b10111111)


def test_flips_of_every_bit_of_every_neuron_do_what_a_calculation_by_hand_says():
    model, data = network(), samples()
    hard = NeuronSplitting(0.9)(model, data, scores_of(model, "relu2"))
    scale = model.relu2.activation_scale.double()
    with torch.no_grad():
        given = model.fc1(model.flatten(model.relu1(model.conv1(_rounded(model, data)))))
    # As the double of the scale is exact, so is half of the quotient.
    halves = (given.relu().double() / (2 * scale)).round().clamp(max=63).long()
    words = words_at(model, "relu2", data.inputs)
    space = FaultSpace.of(model, Activations("relu2"), BitFlip(), Int(8), data=data)
    assert len(space) == 6 * 5 * 8
    for number in range(len(space)):
        sample, rest = divmod(number, 40)
        neuron, bit = divmod(rest, 8)
        split = neuron % 2 == 0
        before = halves if split else words
        with inject(hard, space, number):
            found = words_at(hard, "relu2", data.inputs)
        expected = by_hand(int(before[sample, neuron]), bit, split=split)
        assert found[sample, neuron].item() == expected
        mask = torch.ones_like(found, dtype=torch.bool)
        mask[sample, neuron] = False
        fault_free = torch.where(torch.arange(5) % 2 == 0, 2 * halves, words)
        assert torch.equal(found[mask], fault_free[mask])


def _rounded(model, data):
    scale = model.input_scale
    return (data.inputs.double() / scale).round().clamp(-128, 127).to(torch.float32) * scale


def test_a_stuck_bit_is_one_of_the_word_of_half_the_value():
    model, data = network(), samples()
    hard = NeuronSplitting(0.5)(model, data, scores_of(model, "relu2"))
    space = FaultSpace.of(model, Activations("relu2"), StuckAt(1), Int(8), data=data)
    golden = words_at(hard, "relu2", data.inputs)
    for number in range(len(space)):
        with inject(hard, space, number):
            assert torch.equal(words_at(hard, "relu2", data.inputs), golden)


def test_faults_in_weights_concern_both_copies():
    model, data = network(), samples()
    hard = NeuronSplitting(0.5)(model, data, scores_of(model, "fc2"))
    space = FaultSpace.of(model, Weights("fc2.weight"), BitFlip(), Int(8))
    for number in range(0, len(space), 7):
        with inject(model, space, number):
            one = words_at(model, "fc2", data.inputs)
        with inject(hard, space, number):
            two = words_at(hard, "fc2", data.inputs)
        assert (one - two).abs().max() <= 2


# Against three copies


def test_it_takes_half_the_neurons_that_are_added_by_three_copies():
    sizes = {"MLP-7": (2816, 503), "LeNet-5": (4684, 187), "AlexNet": (103168, 622)}
    assert [f"{neurons_saved(*size):.2%}" for size in sizes.values()] == [
        "13.16%",
        "3.70%",
        "0.60%",
    ]
    assert [n + c for n, c in sizes.values()] == [3319, 4871, 103790]
    assert [n + 2 * c for n, c in sizes.values()] == [3822, 5058, 104412]
    model = network()
    scores = scores_of(model)
    text = [
        " ".join(records(hardening(model, samples(), scores))[0].lines())
        for hardening in (NeuronSplitting(0.9), Triplication(threshold=0.9))
    ]
    assert "14 of 26 neurons are computed 2 times, 40 in all" in text[0]
    assert "14 of 26 neurons are computed 3 times, 54 in all" in text[1]


def test_the_same_faults_do_less_harm_in_pairs_and_none_with_three_copies():
    model, data = network(), samples()
    scores = QDeepVigor(AFTER_RELU, None)(model, data)
    target = Activations(AFTER_RELU)
    before = run(
        model, data, FaultSpace.of(model, target, BitFlip(), Int(8), data=data), Exhaustive()
    )
    assert before.rate().value > 0.02
    both, splitting = (
        verify(before, hardening(model, data, scores), data, timed=False, audit=0)
        for hardening in (Triplication(threshold=0.0), NeuronSplitting(0.0))
    )
    assert both.after.rate().value == 0
    assert splitting.comparison.paired
    assert splitting.after.rate().value < before.rate().value / 2


def test_three_copies_of_neurons_change_nothing_without_faults():
    model = network()
    hard = Triplication(threshold=0.5)(model, samples(), scores_of(model))
    assert torch.equal(hard(samples().inputs), model(samples().inputs))


# The contract of hardenings


@pytest.mark.parametrize("hardening", OF_NEURONS, ids=repr)
def test_it_is_copied_saved_exported_and_written_as_text(hardening, tmp_path):
    model, inputs = network(), samples().inputs
    hard = hardening(model, samples(), scores_of(model))
    with torch.no_grad():
        expected = hard(inputs)
        twin = copy.deepcopy(hard)
        for _, part in parts(hard):
            for tensor in part.buffers():
                tensor.fill_(9.0)
        assert torch.equal(twin(inputs), expected)
        save(twin, tmp_path / "hard", base="none")
        again = load(tmp_path / "hard", model=network())
        assert fingerprint(again) == fingerprint(twin)
        assert torch.equal(again(inputs), expected)
        exported = torch.export.export(twin, (inputs,), strict=False).module()
        torch.testing.assert_close(exported(inputs), expected)
        assert torch.equal(torch.compile(twin, backend="eager")(inputs), expected)
    assert HARDENINGS.parse(repr(hardening)) == hardening
    with pytest.raises(InputError, match="already"):
        hardening(twin, samples(), scores_of(model))


def test_a_layer_of_the_same_class_name_is_found_by_campaigns_on_classes():
    model, data = network(), samples()
    hard = NeuronSplitting(0.5)(model, data, scores_of(model, "fc1"))
    target = Activations("*", layers="Linear")
    space = FaultSpace.of(model, target, BitFlip(), Int(8), data=data)
    assert [site.name for site in target.sites(_workload(hard))] == ["fc1", "fc2"]
    assert len(run(hard, data, space, Exhaustive(), audit=0)) == len(space)


def test_words_of_a_fixed_point_can_be_split():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    data = Data(torch.randn(5, 3), torch.zeros(5).long())
    made = quantized(model, data, Fixed(3, 4))
    hard = NeuronSplitting(0.0)(made, data, QDeepVigor("1", None)(made, data))
    steps = hard[1](hard[0](data.inputs)) * 16
    assert (steps % 2 == 0).all()
    assert (steps / 16 - made[1](made[0](data.inputs))).abs().max() <= 1 / 16


def test_what_cannot_be_split_is_said_in_one_line():
    model, data = network(), samples()
    split = NeuronSplitting(0.5)
    for make, text in [
        (lambda: NeuronSplitting(20), "threshold=20"),
        (lambda: Triplication(share=0.5, threshold=0.2), "exclude each other"),
        (lambda: split(model, data), "requires scores"),
        (lambda: split(model, data, MaxValue()(model, data)), "takes scores of neurons"),
        (lambda: NeuronSplitting(0.99)(model, data, scores_of(model)), "a score up to 0.95"),
    ]:
        with pytest.raises(InputError, match=text) as error:
            make()
        assert "\n" not in str(error.value)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(25, 3))
    with pytest.raises(InputError, match="it outputs no words"):
        split(plain, data, scores_of(plain, "1"))
