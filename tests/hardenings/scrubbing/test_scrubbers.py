"""Are weights put right as their range and their constant bits say?"""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.datasets import Data
from radhard.errors import InputError, RadhardWarning
from radhard.hardenings import WeightBitClip, WeightRangeCheck, parts, records
from radhard.manifest import fingerprint
from radhard.models.series_classifier import LastStep

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples", "ignore:.*protects .*, not:")

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SCRUBBERS = (
    WeightRangeCheck(),
    WeightRangeCheck(per="tensor"),
    WeightRangeCheck(action="clamp"),
    WeightBitClip(),
    WeightBitClip(bits="constant", per="tensor"),
    WeightBitClip(bits="constant"),
)
WORDS = {torch.float16: torch.int16, torch.bfloat16: torch.int16}
WORDS |= {torch.float32: torch.int32, torch.float64: torch.int64}


def model(seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(dtype).eval()


def flipped(net: nn.Sequential, flips: list[tuple[int, int, int]]) -> nn.Sequential:
    """A copy with bits of its weights flipped: (layer, word, bit), each taken modulo."""
    net = copy.deepcopy(net)
    for layer, word, bit in flips:
        words = net[2 * (layer % 2)].weight.data.view(-1)
        words = words.view(WORDS[words.dtype])
        mask = torch.tensor(1, dtype=words.dtype) << (bit % (8 * words.element_size()))
        words[word % len(words)] ^= mask
    return net


FLIPS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 11), st.integers(0, 63)), max_size=30)


@pytest.mark.parametrize("hardening", SCRUBBERS, ids=repr)
@given(seed=st.integers(0, 10**6), dtype=st.sampled_from(DTYPES))
@settings(max_examples=10, deadline=None)
def test_fault_free_weights_stay_bit_for_bit(hardening, seed, dtype) -> None:
    net = model(seed, dtype)
    before = fingerprint(net)
    hardening.scrubber(net).scrub(net)
    assert fingerprint(net) == before


@pytest.mark.parametrize("hardening", SCRUBBERS, ids=repr)
@given(flips=FLIPS, dtype=st.sampled_from(DTYPES))
@settings(max_examples=25, deadline=None)
def test_scrubbing_again_changes_nothing(hardening, flips, dtype) -> None:
    net = model(dtype=dtype)
    scrubber = hardening.scrubber(net)
    faulty = flipped(net, flips)
    scrubber.scrub(faulty)
    once = fingerprint(faulty)
    scrubber.scrub(faulty)
    assert fingerprint(faulty) == once


@pytest.mark.parametrize("per", ["model", "tensor"])
@pytest.mark.parametrize("action", ["zero", "clamp"])
@given(flips=FLIPS)
@settings(max_examples=40, deadline=None)
def test_what_is_out_of_range_becomes_zero_or_the_nearer_limit(per, action, flips) -> None:
    net = model()
    faulty = flipped(net, flips)
    weights = [layer.weight.detach().numpy() for layer in (net[0], net[2])]
    found = [layer.weight.detach().numpy().copy() for layer in (faulty[0], faulty[2])]
    WeightRangeCheck(per=per, action=action).scrubber(net).scrub(faulty)
    for own, was, layer in zip(weights, found, (faulty[0], faulty[2]), strict=True):
        all_of = [own] if per == "tensor" else weights
        low, high = min(w.min() for w in all_of), max(w.max() for w in all_of)
        zeroed = np.where((was >= low) & (was <= high), was, np.float32(0))
        clamped = np.clip(np.where(np.isnan(was), np.float32(0), was), low, high)
        expected = zeroed if action == "zero" else clamped
        np.testing.assert_array_equal(layer.weight.detach().numpy(), expected)


@given(flips=FLIPS, dtype=st.sampled_from(DTYPES))
@settings(max_examples=60, deadline=None)
def test_with_the_top_bit_held_every_weight_is_finite_and_below_two(flips, dtype) -> None:
    net = model(dtype=dtype)
    faulty = flipped(net, flips)
    WeightBitClip().scrubber(net).scrub(faulty)
    for layer in (faulty[0], faulty[2]):
        assert bool((layer.weight.abs() < 2).all())


@given(flips=FLIPS)
@settings(max_examples=40, deadline=None)
def test_the_top_bit_of_float32_is_bit_30_and_no_other_bit_is_touched(flips) -> None:
    net = model()
    faulty = flipped(net, flips)
    found = [
        layer.weight.detach().numpy().view(np.uint32).copy() for layer in (faulty[0], faulty[2])
    ]
    WeightBitClip().scrubber(net).scrub(faulty)
    for was, layer in zip(found, (faulty[0], faulty[2]), strict=True):
        now = layer.weight.detach().numpy().view(np.uint32)
        np.testing.assert_array_equal(now, was & np.uint32(~(1 << 30) & 0xFFFFFFFF))


@given(seed=st.integers(0, 10**6), scale=st.floats(1e-6, 1e6), flips=FLIPS)
@settings(max_examples=40, deadline=None)
def test_constant_bits_are_those_of_numpy_and_are_held(seed, scale, flips) -> None:
    net = model(seed)
    with torch.no_grad():
        net[0].weight.mul_(scale)
    faulty = flipped(net, flips)
    expected = []
    for layer, hit in ((net[0], faulty[0]), (net[2], faulty[2])):
        words = layer.weight.detach().numpy().view(np.uint32).ravel()
        ones, zeros = np.bitwise_and.reduce(words), np.bitwise_and.reduce(~words)
        expected.append((hit.weight.detach().numpy().view(np.uint32) | ones) & ~zeros)
    WeightBitClip(bits="constant", per="tensor").scrubber(net).scrub(faulty)
    for right, hit in zip(expected, (faulty[0], faulty[2]), strict=True):
        np.testing.assert_array_equal(hit.weight.detach().numpy().view(np.uint32), right)


def test_bits_that_are_not_constant_are_refused_with_the_tensor_named() -> None:
    net = model()
    with torch.no_grad():
        net[2].weight[0, 0] = 2.5
    with pytest.raises(InputError, match=r"bit 30 .*'2\.weight', the largest of which is 2\.5"):
        WeightBitClip().scrubber(net)
    with pytest.raises(InputError, match=r"'0\.weight'"):
        WeightBitClip(bits=(22,), per="tensor").scrubber(net)
    with pytest.raises(InputError, match="bits 0 to 31, not 32"):
        WeightBitClip(bits=(32,)).scrubber(net)


def test_bits_that_are_constant_in_each_tensor_but_not_the_same_are_held_by_tensor() -> None:
    net = model()
    with torch.no_grad():
        net[2].weight.abs_().add_(4)
    with pytest.raises(InputError, match="per='tensor'"):
        WeightBitClip().scrubber(net)
    scrubber = WeightBitClip(per="tensor").scrubber(net)
    faulty = flipped(net, [(0, 0, 30), (1, 0, 30)])
    scrubber.scrub(faulty)
    assert fingerprint(faulty) == fingerprint(net)


def test_weights_of_several_formats_are_held_by_tensor_only() -> None:
    net = model()
    net[2].to(torch.bfloat16)
    with pytest.raises(InputError, match="several formats"):
        WeightBitClip().scrubber(net)
    faulty = flipped(net, [(0, 0, 30), (1, 0, 14)])
    WeightBitClip(per="tensor").scrubber(net).scrub(faulty)
    assert fingerprint(faulty) == fingerprint(net)


@pytest.mark.parametrize("hardening", SCRUBBERS, ids=repr)
def test_weights_that_are_no_numbers_are_refused(hardening) -> None:
    net = model()
    with torch.no_grad():
        net[0].weight[0, 0] = float("nan")
    with pytest.raises(InputError, match=r"'0\.weight' contains NaN"):
        hardening.scrubber(net)


def test_a_period_below_one_is_refused() -> None:
    for kind in (WeightRangeCheck, WeightBitClip):
        with pytest.raises(InputError, match="every=0"):
            kind(every=0)


def recurrent(scale: float = 1.0) -> nn.Sequential:
    """A network whose weight sets have different ranges."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        lstm = nn.LSTM(2, 3, 2, batch_first=True, bidirectional=True)
        net = nn.Sequential(lstm, LastStep(), nn.Linear(6, 2)).eval()
    for name, parameter in net.named_parameters():
        parameter.data *= scale * (0.1 if "hh" in name else 1.0)
    return net


@pytest.mark.parametrize("per", ["set", "tensor", "gate"])
def test_ranges_are_those_of_the_sets_by_numpy(per) -> None:
    net = recurrent()
    part = WeightRangeCheck(per=per, biases=True).scrubber(net)
    tensors = {name: t.detach().numpy() for name, t in net.named_parameters()}
    expected = []
    if per == "set":
        for kind in ("weight_ih", "weight_hh", "2.weight", "bias", "2.bias"):
            own = [t for n, t in tensors.items() if n == kind or n.startswith(f"0.{kind}")]
            expected.append(np.concatenate([t.ravel() for t in own]))
    else:
        weights = [t for n, t in tensors.items() if "bias" not in n]
        for tensor in weights + [t for n, t in tensors.items() if "bias" in n]:
            gates = 4 if per == "gate" and len(tensor) == 12 else 1
            expected += [block.ravel() for block in np.split(tensor, gates)]
    assert part.low.tolist() == [float(values.min()) for values in expected]
    assert part.high.tolist() == [float(values.max()) for values in expected]


def test_a_gate_out_of_its_own_range_becomes_zero_and_the_others_stay() -> None:
    net = recurrent()
    weight = net[0].weight_hh_l0
    with torch.no_grad():
        # Within the range of the tensor, but not of gate f, which is rows 3 to 5.
        weight[6:9] *= 5
        part = WeightRangeCheck(per="gate").scrubber(net)
        expected = weight.clone()
        weight[4, 1] = expected.max()
        weight[7, 1] = torch.nan
        expected[4, 1] = expected[7, 1] = 0
        part.scrub(net)
        assert torch.equal(weight, expected)
        WeightRangeCheck(per="gate", action="clamp").scrubber(net)
        assert torch.equal(weight, expected)


def test_critical_bits_are_the_constant_ones_whose_flips_change_predictions() -> None:
    net = recurrent(0.5)
    inputs = torch.randn(40, 4, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        golden = net(inputs).argmax(1)
    data = Data(inputs, golden)
    sets = {
        name: [n for n, _ in net.named_parameters() if name in n]
        for name in ("weight_ih", "weight_hh", "2.weight")
    }
    critical = WeightBitClip("critical", "set", critical=0.1)
    hard = critical(net, data)
    (part,) = (part for _, part in parts(hard))
    held = dict(zip(part.weights, zip(part.ones, part.zeros, strict=True), strict=True))
    for names in sets.values():
        words = [net.get_parameter(n).detach().numpy().view(np.uint32).ravel() for n in names]
        together = np.concatenate(words)
        ones, zeros = np.bitwise_and.reduce(together), np.bitwise_and.reduce(~together)
        expected = 0
        for bit in range(32):
            if (int(ones | zeros) >> bit) & 1:
                faulty = copy.deepcopy(net)
                for name in names:
                    stored = faulty.get_parameter(name).data.numpy().view(np.uint32)
                    stored ^= np.uint32(1 << bit)
                with torch.no_grad():
                    outputs = faulty(inputs)
                wrong = outputs.isnan().any(1) | (outputs.argmax(1) != golden)
                expected |= (float(wrong.double().mean()) >= 0.1) << bit
        for name in names:
            assert int(held[name][0], 16) | int(held[name][1], 16) == expected
            assert int(held[name][0], 16) & ~int(ones) == 0
    (record,) = records(hard)
    assert "bit 30 " in record.findings[0]
    with torch.no_grad():
        assert torch.equal(hard(inputs), net(inputs))


def test_weights_without_a_constant_bit_are_left_out_and_said() -> None:
    net = recurrent()
    with torch.no_grad():
        net[2].weight[0, 0], net[2].weight[0, 1] = 1e30, -1e-30
    with pytest.warns(RadhardWarning, match="not: 2.weight .no bit of its set is constant"):
        WeightBitClip("constant", "tensor")(net, torch.randn(5, 4, 2))


def test_what_follows_from_data_is_not_scrubbed_without() -> None:
    with pytest.raises(InputError, match="follows from data"):
        WeightBitClip("critical").scrubber(model())
    with pytest.raises(InputError, match="critical=0"):
        WeightBitClip("critical", critical=0.0)
    net = model()
    with torch.no_grad():
        # All inputs of the second layer are zero, as those of the first.
        net[0].bias.fill_(-1.0)
    with pytest.raises(InputError, match="no constant bit is critical"):
        WeightBitClip("critical")(net, torch.zeros(5, 3))
