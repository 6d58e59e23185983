"""Are quantised words exactly those of integer arithmetic?"""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from radhard.errors import InputError
from radhard.formats import Int

widths = st.integers(2, 32)
NUMPY = {torch.float64: np.float64, torch.float32: np.float32, torch.float16: np.float16}


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Finite tensors of any dtype, in all orders of magnitude."""
    dtype = draw(st.sampled_from(list(NUMPY)))
    width = torch.finfo(dtype).bits
    number = st.floats(allow_nan=False, allow_infinity=False, width=width)
    xs = draw(st.lists(number, min_size=1, max_size=8))
    x = torch.from_numpy(np.array(xs, dtype=NUMPY[dtype]))
    return x / 4 if dtype == torch.float64 else x  # the largest doubles are refused


@given(bits=widths, x=tensors())
def test_the_largest_magnitude_becomes_the_largest_word(bits, x):
    codes = Int(bits).fit(x).encode(x)
    end = 2 ** (bits - 1) - 1
    steps = [code - 2**bits if code > end else code for code in codes.tolist()]
    assert -end <= min(steps)
    largest = x.abs().argmax()
    # Subnormal doubles have too few bits for a scale of their own.
    if x.abs().max() > 1e-300:
        assert abs(steps[largest]) == end
        assert np.sign(steps[largest]) == np.sign(x[largest].item())


@given(bits=widths, x=tensors())
def test_words_are_the_nearest_steps_of_exact_arithmetic(bits, x):
    format = Int(bits).fit(x)
    scale = Fraction(format.scale.item())
    values = format.decode(format.encode(x))
    for exact, value in zip(x.tolist(), values.tolist(), strict=True):
        off = abs(Fraction(value) - Fraction(exact))
        if x.abs().max() > 1e-290:
            assert off <= scale / 2 + abs(Fraction(exact)) * Fraction(1, 2**51)


@given(bits=widths, per=st.sampled_from(["tensor", "channel"]), x=tensors(), rows=st.integers(1, 3))
def test_fitting_what_is_rounded_already_changes_no_bit(bits, per, x, rows):
    x = torch.stack([x / (row + 1) for row in range(rows)])
    first = Int(bits, per=per).fit(x)
    once = first.decode(first.encode(x)).to(x.dtype)
    if once.isinf().any():  # beyond half of float16's last step, the largest word rounds up
        return
    second = Int(bits, per=per).fit(once)
    assert torch.equal(second.decode(second.encode(once)).to(x.dtype), once)


@pytest.mark.parametrize("bits", range(2, 33))
def test_a_scale_is_found_again_from_the_largest_word(bits):
    chance = torch.Generator().manual_seed(bits)
    largest = 1 + torch.rand(2000, 1, dtype=torch.float64, generator=chance) * 3
    first = Int(bits, per="channel").fit(largest)
    second = first.fit(first.decode(first.encode(largest)))
    assert torch.equal(first.scale, second.scale)


def test_int8_words_are_twos_complement():
    x = torch.tensor([1.27, -1.27, 0.0, 0.64, -0.01], dtype=torch.float64)
    assert Int(8).fit(x).encode(x).tolist() == [127, 129, 0, 64, 255]


def test_a_flip_may_reach_the_word_below_the_fitted_range_and_it_is_read_back():
    x = torch.tensor([127.0, -127.0])
    format = Int(8).fit(x)
    low = format.decode(torch.tensor([128]))
    assert low.item() == -128.0
    assert format.encode(low.float()).tolist() == [128]
    assert format.encode(torch.tensor([-1e9, 1e9])).tolist() == [128, 127]


def test_ties_go_to_even():
    x = torch.tensor([127.0, 0.5, 1.5, 2.5, -0.5])
    assert Int(8).fit(x).encode(x).tolist() == [127, 0, 2, 2, 0]


@given(shape=st.lists(st.integers(1, 3), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_each_channel_is_stored_as_if_it_were_alone(shape, seed):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    together = Int(8, per="channel").fit(x)
    alone = [Int(8).fit(row) for row in x]
    codes = torch.stack([format.encode(row) for format, row in zip(alone, x, strict=True)])
    assert torch.equal(together.encode(x), codes)
    values = [format.decode(row) for format, row in zip(alone, codes, strict=True)]
    assert torch.equal(together.decode(codes), torch.stack(values))


@pytest.mark.parametrize("per", ["tensor", "channel"])
def test_zeros_get_the_scale_of_quantisation_observers(per):
    x = torch.zeros(2, 3)
    format = Int(8, per=per).fit(x)
    assert set(format.scale.flatten().tolist()) == {torch.finfo(torch.float32).eps}
    assert torch.equal(format.decode(format.encode(x)), x.double())


def test_a_zero_channel_does_not_touch_its_neighbour():
    x = torch.tensor([[0.0, 0.0], [254.0, 2.0]])
    assert Int(8, per="channel").fit(x).encode(x).tolist() == [[0, 0], [127, 1]]


def test_unfitted_it_neither_encodes_nor_decodes():
    for use in (lambda: Int(8).encode(torch.ones(1)), lambda: Int(8).decode(torch.ones(1).long())):
        with pytest.raises(InputError, match=r"Int\(8\) has no scale yet"):
            use()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_refused(bad):
    fitted = Int(8).fit(torch.ones(1))
    for use in (Int(8).fit, fitted.encode):
        with pytest.raises(InputError, match="only finite values"):
            use(torch.tensor([1.0, bad]))


def test_magnitudes_that_would_overflow_the_scale_are_refused():
    with pytest.raises(InputError, match="2\\*\\*1023"):
        Int(8).fit(torch.tensor([1.7e308], dtype=torch.float64))


def test_the_scale_is_neither_an_argument_nor_printed_nor_compared():
    fitted = Int(8).fit(torch.tensor([3.0]))
    assert repr(fitted) == "Int(8)"
    assert fitted == Int(8)
    assert hash(fitted) == hash(Int(8))
    with pytest.raises(InputError, match="no argument 'scale'"):
        Int(8, scale=torch.ones(()))


def test_fit_leaves_the_format_as_it_was():
    format = Int(8)
    assert format.fit(torch.tensor([3.0])) is not format
    assert format.scale is None


@pytest.mark.parametrize("bits", [-8, 0, 1, 33, 10**30])
def test_impossible_widths_are_refused(bits):
    with pytest.raises(InputError, match="2 to 32"):
        Int(bits)
