"""Is noise Gaussian, in the value, and a number?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from radhard.errors import InputError
from radhard.faults import Noise
from radhard.formats import (
    E8M0,
    CheckWord,
    Fixed,
    Float16,
    Float32,
    Float64,
    Hamming,
    Int,
    SecDed,
)

EVERY = torch.arange(256)


def scores() -> np.ndarray:
    """The middle quantiles of 256 equal parts of the normal distribution, from scipy."""
    quantiles = norm.ppf((np.arange(256) + 0.5) / 256)
    found: np.ndarray = quantiles / np.sqrt((quantiles**2).mean())
    return found


@given(value=st.floats(-1e6, 1e6), std=st.floats(1e-3, 1e3), relative=st.booleans())
def test_the_variants_of_a_word_are_the_normal_distribution(value, std, relative):
    format = Float64()
    codes = format.encode(torch.full((256,), value, dtype=torch.float64))
    faulty = format.decode(Noise(std, relative=relative).corrupt(codes, EVERY, format))
    unit = std * abs(value) if relative else std
    moved = (faulty.numpy() - value) / unit if unit else np.zeros(256)
    if unit > 1e-6 * abs(value):
        assert moved == pytest.approx(scores(), abs=1e-6)
        assert moved.std() == pytest.approx(1, abs=1e-6)
    assert (np.diff(faulty.numpy()) >= 0).all()


@given(values=st.lists(st.floats(-7, 7, width=32), min_size=1, max_size=8), data=st.data())
def test_a_noisy_value_is_rounded_once_to_its_format(values, data):
    variants = data.draw(st.lists(st.integers(0, 255), min_size=len(values), max_size=len(values)))
    format, std = Fixed(4, 3), data.draw(st.sampled_from([0.01, 0.3, 2.0]))
    codes = format.encode(torch.tensor(values))
    faulty = format.decode(Noise(std).corrupt(codes, torch.tensor(variants), format))
    stored = format.decode(codes).double().numpy()
    expected = np.round((stored + std * scores()[variants]) * 8).clip(-128, 127) / 8
    assert faulty.tolist() == expected.tolist()


def test_noise_below_the_resolution_changes_nothing():
    format = Int(8).fit(torch.tensor([1.0]))
    codes = torch.arange(-127, 128) & 255
    for relative in (False, True):
        fault = Noise(1e-3, relative=relative)
        assert torch.equal(fault.corrupt(codes, torch.full_like(codes, 255), format), codes)


def test_infinities_and_nan_keep_their_bits():
    codes = torch.tensor([0x7C00, 0xFC00, 0x7E01, 0xFE07])
    for variant in (0, 255):
        at = torch.full((4,), variant)
        assert torch.equal(Noise(9.0).corrupt(codes, at, Float16()), codes)


def test_noise_beyond_the_range_overflows_as_the_format_does():
    codes = Float16().encode(torch.tensor([60000.0]))
    assert Float16().decode(Noise(1e4).corrupt(codes, EVERY[-1:], Float16())).isinf().all()
    codes = Fixed(3, 4).encode(torch.tensor([7.0]))
    assert Fixed(3, 4).decode(Noise(9.0).corrupt(codes, EVERY[-1:], Fixed(3, 4))).item() == 7.9375


def test_relative_noise_leaves_zero_alone_and_keeps_signs_of_zero():
    codes = Float32().encode(torch.tensor([0.0, -0.0]))
    fault = Noise(0.5, relative=True)
    assert torch.equal(fault.corrupt(codes, torch.tensor([255, 0]), Float32()), codes)


@pytest.mark.parametrize("std", [0, -1.0])
def test_a_standard_deviation_is_above_zero(std):
    with pytest.raises(InputError, match="above 0"):
        Noise(std)


@pytest.mark.parametrize("format", [Hamming(Float32()), SecDed(Int(8), block=8), CheckWord(6)])
def test_words_with_check_bits_are_refused(format):
    with pytest.raises(InputError, match="take noise with the inner format, or bit flips"):
        Noise(0.1).variants(format)


def test_words_without_a_sign_are_refused():
    with pytest.raises(InputError, match="has no sign"):
        Noise(0.1).variants(E8M0())
