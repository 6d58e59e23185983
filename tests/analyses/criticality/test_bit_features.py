"""Are the features of a bit those of its word and its position?"""

import struct

import numpy as np
import pytest
import torch
from torch import nn

from radhard.analyses.criticality import FEATURES, bit_features
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Fixed, Float32, Int, stored_as
from radhard.space import FaultSpace
from radhard.targets import Biases, Weights
from radhard.workload import Workload


class Small(nn.Module):
    """A convolution, a transposed one, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(2, 3, 2), nn.ConvTranspose2d(3, 4, 2)
        self.fc = nn.Linear(4 * 9, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.fc(torch.relu(self.two(torch.relu(self.one(x)))).flatten(1))
        return found


def small() -> tuple[nn.Module, Data]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Small().eval(), Data(torch.randn(6, 2, 3, 3), torch.zeros(6).long())


def table(features, model, samples=None, format=None):
    """Name of the tensor to its features ``(words, bits, features)``, and the space."""
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], BitFlip(), format or Float32())
    workload = None if samples is None else Workload(model, samples)
    known = bit_features(space, features, model, workload)
    found = {}
    for place, region in enumerate(space.regions):
        rows = known.of_words(place, np.arange(region.words))
        found[region.site.name] = rows.reshape(region.words, region.variants, -1)
    return found


def test_structural_features_are_sign_bit_layer_and_channels():
    model, _ = small()
    found = table("structural", model)
    layers = list(dict.fromkeys(name.partition(".")[0] for name in found))
    for name, parameter in model.named_parameters():
        for word, index in enumerate(np.ndindex(*parameter.shape)):
            bias = parameter.ndim == 1
            channels = (index[0], -1) if bias else index[:2]
            channels = channels[::-1] if name == "two.weight" else channels
            value = float(parameter.detach()[index])
            for bit in range(32):
                expected = (value < 0, bit, layers.index(name.partition(".")[0]), *channels)
                np.testing.assert_array_equal(found[name][word, bit], expected)


@pytest.mark.parametrize("format", [Float32(), Fixed(1, 6), Int(8)], ids=repr)
def test_other_features_are_values_gradients_and_deviations(format):
    model, samples = small()
    model = stored_as(model, format)
    found = table("all", model, samples, format)
    at = FEATURES["all"].index
    golden = model(samples.inputs).argmax(1)
    loss = nn.functional.cross_entropy(model(samples.inputs), golden)
    names = [name for name, _ in model.named_parameters()]
    slopes = dict(zip(names, torch.autograd.grad(loss, list(model.parameters())), strict=True))
    for name, rows in found.items():
        value = model.get_parameter(name).detach().ravel().double()
        slope = slopes[name].ravel().double()
        assert_ordered(rows[:, 0, at("value")], value.numpy())
        assert_ordered(rows[:, 0, at("gradient")], slope.numpy())
        deviations = np.stack([faulty(value, bit, format) - value.numpy() for bit in range(8)], 1)
        assert_ordered(rows[:, :8, at("displacement")].ravel(), deviations.ravel())
        assert_ordered(
            rows[:, :8, at("loss")].ravel(), (deviations * slope.numpy()[:, None]).ravel()
        )
        assert np.isfinite(rows).all()


def faulty(values, bit, format):
    """The values with one flipped bit, from the definition of the format."""
    if isinstance(format, Float32):
        raw = [struct.unpack("<I", struct.pack("<f", value))[0] for value in values.tolist()]
        flipped = [struct.pack("<I", code ^ (1 << bit)) for code in raw]
        return np.array([struct.unpack("<f", code)[0] for code in flipped])
    scale = 2.0**-6 if isinstance(format, Fixed) else float(values.abs().max()) / 127
    codes = np.round(values.numpy() / scale).astype(np.int8)
    return (codes ^ np.array(1 << bit).astype(np.int8)) * scale


def assert_ordered(features, values):
    """The features keep the order, the sign, and the logarithm of what they stand for."""
    assert (np.sign(features) == np.sign(values)).all()
    nonzero = values != 0
    logs = np.log2(np.abs(values[nonzero]))
    np.testing.assert_allclose(np.abs(features[nonzero]) - 149, logs, rtol=1e-4, atol=1e-3)


def test_infinite_and_nan_deviations_are_the_largest():
    model, samples = small()
    with torch.no_grad():
        model.fc.weight[0, :3] = torch.tensor([1.0, 1.5, -1.0])
    found = table("all", model, samples)["fc.weight"]
    top = found[:, 30, FEATURES["all"].index("displacement")]
    # The exponents of 1.0 and 1.5 are 127: with bit 30 they are infinite and NaN.
    assert top[0] == top[1] == -top[2] == found[..., -2].max()


def test_general_features_do_not_depend_on_width_or_scale():
    model, samples = small()
    doubled, _ = small()
    with torch.no_grad():
        doubled.fc.weight.mul_(2)
    one, two = (table("general", m, samples)["fc.weight"] for m in (model, doubled))
    at = FEATURES["general"].index
    assert one[0, :, at("bit from top")].tolist() == list(range(31, -1, -1))
    assert one[0, 0, at("depth")] == 1
    np.testing.assert_allclose(one[..., at("magnitude")], two[..., at("magnitude")], rtol=1e-6)
    mantissa, column = slice(0, 23), at("relative displacement")
    np.testing.assert_allclose(one[:, mantissa, column], two[:, mantissa, column], rtol=1e-5)
