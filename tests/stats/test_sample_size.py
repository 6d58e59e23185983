"""Do the sample sizes equal those the literature reports for its networks?"""

import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from radhard.errors import InputError
from radhard.stats import critical_value, effective_size, sample_size


class Conv(NamedTuple):
    """One convolution: channels, kernel and groups, and the side of the (square) map it reads."""

    inputs: int
    outputs: int
    kernel: int
    side: int
    groups: int = 1

    @property
    def weights(self) -> int:
        return self.inputs // self.groups * self.outputs * self.kernel**2

    @property
    def activations(self) -> int:
        return self.inputs * self.side**2


def vgg(channels: list[int], sides: list[int]) -> list[Conv]:
    before = [3, *channels[:-1]]
    return [Conv(i, o, 3, s) for i, o, s in zip(before, channels, sides, strict=True)]


def resnet(blocks: list[int], side: int, *, imagenet: bool) -> list[Conv]:
    layers = [Conv(3, 64, 7 if imagenet else 3, side)]
    width, side = 64, side // 4 if imagenet else side
    for stage, count in enumerate(blocks):
        out = 64 * 2**stage
        for block in range(count):
            stride = 2 if stage and not block else 1
            layers += [Conv(width, out, 3, side), Conv(out, out, 3, side // stride)]
            if stride == 2:
                layers.append(Conv(width, out, 1, side))
            width, side = out, side // stride
    return layers


def mobilenet_v2(side: int, classes: int) -> list[Conv]:
    """The CIFAR variant with a 1x1 stem padded by one and a 1x1 convolution as the classifier."""
    layers, width, side_now = [Conv(3, 32, 1, side)], 32, side + 2
    stages = [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
        (6, 96, 3, 1), (6, 160, 3, 1), (6, 320, 1, 1),
    ]  # fmt: skip
    for expand, out, count, first_stride in stages:
        for block in range(count):
            stride = first_stride if block == 0 else 1
            hidden = width * expand
            layers.append(Conv(width, hidden, 1, side_now))
            layers.append(Conv(hidden, hidden, 3, side_now, groups=hidden))
            side_now = -(-side_now // stride)
            layers.append(Conv(hidden, out, 1, side_now))
            width = out
    return [*layers, Conv(width, 1280, 1, side_now), Conv(1280, classes, 1, 1)]


NETWORKS = {
    "vgg11": vgg([64, 128, 256, 256, 512, 512, 512, 512], [32, 32, 16, 16, 8, 8, 4, 4]),
    "vgg16": vgg(
        [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512],
        [32, 32, 16, 16, 8, 8, 8, 4, 4, 4, 2, 2, 2],
    ),
    "resnet18_cifar": resnet([2, 2, 2, 2], 32, imagenet=False),
    "resnet18_imagenet": resnet([2, 2, 2, 2], 224, imagenet=True),
    "resnet34_imagenet": resnet([3, 4, 6, 3], 224, imagenet=True),
    "mobilenet_v2": mobilenet_v2(32, 100),
}

# Of each network: convolutions, weights, trials per layer, trials per (layer, bit), trials with one
# bit position per layer at p = 0.5; then the same for the activations that the layers read. Sums of
# unrounded sizes, truncated, as printed in the literature (Ahmadilivani et al., 2024).
TABLE = {
    "vgg11": (8, 9_217_728, 75_351, 2_141_913, 66_934, 232_448, 74_863, 1_562_657),
    "vgg16": (13, 14_710_464, 123_266, 3_588_834, 112_151, 185_344, 117_992, 1_839_889),
    "resnet18_cifar": (20, 11_159_232, 189_772, 5_253_096, 164_159, 666_624, 188_644, 4_264_406),
    "resnet18_imagenet": (
        *(20, 11_166_912, 190_896, 5_358_315, 167_447),
        *(2_182_656, 191_205, 5_407_659),
    ),
    "resnet34_imagenet": (
        *(36, 21_267_648, 344_285, 10_031_494, 313_484),
        *(3_437_056, 344_042, 9_624_374),
    ),
    "mobilenet_v2": (54, 2_318_016, 475_407, 8_307_671, 259_614, 854_064, 493_871, 8_402_977),
}


def per_layer(words: list[int]) -> float:
    return sum(sample_size(32 * n, margin=0.01) for n in words)


def per_bit(words: list[int]) -> float:
    return sum(32 * sample_size(n, margin=0.01) for n in words)


@pytest.mark.parametrize("name", TABLE)
def test_sample_sizes_equal_the_published_tables(name: str) -> None:
    weights = [layer.weights for layer in NETWORKS[name]]
    activations = [layer.activations for layer in NETWORKS[name]]
    assert TABLE[name] == (
        *(len(weights), sum(weights), int(per_layer(weights)), int(per_bit(weights))),
        int(sum(sample_size(n, margin=0.01) for n in weights)),
        *(sum(activations), int(per_layer(activations)), int(per_bit(activations))),
    )


def test_whole_network_as_one_population_needs_at_most_9604_trials() -> None:
    assert sample_size(10**15, 0.01) == pytest.approx(1.96**2 * 0.25 / 0.01**2)
    assert math.ceil(sample_size(10**15, 0.01)) == 9604


def test_964_faults_are_a_margin_of_3_points_in_10000() -> None:
    # Of the hybrid of value ranges and simulation of a systolic array: 964 faults in a register of
    # 16 bits, 100 images each. Neither margin nor population is published.
    assert round(sample_size(10_000, 0.03)) == 964

    def populations(margin: float) -> list[int]:
        # Those between the sizes of 963 and 964 trials: the formula solved for N.
        c = margin**2 / (1.96**2 * 0.25)
        low, high = (n * (1 - c) / (1 - n * c) for n in (963, 964))
        return list(range(math.floor(low) + 1, math.floor(high) + 1))

    for margin, some in ((0.03, 9_900), (0.01, 1_071)):
        found = [n for n in range(1, 20_000) if math.ceil(sample_size(n, margin)) == 964]
        assert found == populations(margin)
        assert some in found
    # No space is large enough at 5 points.
    assert sample_size(10**12, 0.05) < 964


def test_the_misprinted_variance_would_give_a_negative_size() -> None:
    p, population, margin = 0.5, 294_967_296, 0.01
    misprinted = population / (1 + margin**2 * (population - 1) / (1.96**2 * p * (p - 1)))
    assert misprinted < 0 < sample_size(population, margin, p=p)


@pytest.mark.parametrize(("confidence", "t"), [(0.9, 1.645), (0.95, 1.96), (0.99, 2.576)])
def test_critical_values_are_the_conventional_ones(confidence: float, t: float) -> None:
    assert critical_value(confidence) == t == round(float(norm.ppf((1 + confidence) / 2)), 3)


@given(st.integers(1, 10**12), st.floats(1e-4, 0.5), st.floats(0.5, 0.999), st.floats(0.001, 0.999))
def test_size_reaches_the_margin_and_never_exceeds_the_population(
    population: int, margin: float, confidence: float, p: float
) -> None:
    n = sample_size(population, margin, confidence, p)
    assert 0 < n <= population * (1 + 1e-12)
    left = (population - n) / (population - 1) if population > 1 else 0.0
    reached = critical_value(confidence) * math.sqrt(max(0.0, p * (1 - p) / n * left))
    if population > 1:
        assert reached == pytest.approx(margin, rel=1e-6)


@given(st.data())
def test_effective_size_grows_with_the_share_tried(data: st.DataObject) -> None:
    population = data.draw(st.integers(2, 10**9))
    n = data.draw(st.integers(1, population - 1))
    assert n <= effective_size(n, population) < effective_size(n + 1, population)
    assert effective_size(population, population) == math.inf


@pytest.mark.parametrize(
    ("population", "margin", "confidence", "p"),
    [(0, 0.01, 0.95, 0.5), (9, 0.0, 0.95, 0.5), (9, 0.01, 1.0, 0.5), (9, 0.01, 0.95, 0.0)],
)
def test_impossible_requests_are_refused(
    population: int, margin: float, confidence: float, p: float
) -> None:
    with pytest.raises(InputError):
        sample_size(population, margin, confidence, p)


def test_more_different_trials_than_members_are_refused() -> None:
    with pytest.raises(InputError, match="population=None"):
        effective_size(11, 10)
