"""Are integers in groups stored with the scales that float16 has?"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.formats import GroupInt, is_stored_as, stored_as


@given(
    bits=st.integers(2, 8),
    group=st.integers(1, 40),
    row=st.integers(1, 80),
    power=st.integers(-9, 3),
    seed=st.integers(0, 10**6),
)
def test_words_are_those_of_numpy_with_scales_of_half_precision(bits, group, row, power, seed):
    chance = np.random.default_rng(seed)
    x = chance.normal(size=(2, row)) * 10.0**power
    end = 2 ** (bits - 1) - 1
    fitted = GroupInt(bits, group).fit(torch.from_numpy(x))
    codes = fitted.encode(torch.from_numpy(x))
    index = fitted.scale_index(torch.arange(2 * row), (2, row)).numpy()
    scales = fitted.scale.flatten().numpy()
    assert np.array_equal(scales, scales.astype(np.float16).astype(np.float64))
    for word in range(len(scales)):
        values = x.reshape(-1)[index == word]
        r, at = divmod(word, -(-row // group))
        assert np.array_equal(values, x[r, at * group : (at + 1) * group])
        largest = np.abs(values).max()
        # Normal numbers are near enough for the largest integer to be used.
        if largest / end >= 2.0**-14:
            assert scales[word] == np.float64(np.float16(largest / end))
        steps = np.clip(np.rint(values / scales[word]), -end - 1, end)
        assert np.array_equal(codes.flatten().numpy()[index == word], steps % 2**bits)


@given(
    bits=st.integers(2, 8),
    group=st.integers(1, 4),
    xs=st.lists(st.floats(-1e-6, 1e-6) | st.floats(-1e4, 1e4), min_size=1, max_size=9),
)
def test_storing_twice_changes_nothing_also_among_subnormal_scales(bits, group, xs):
    x, format = torch.tensor(xs, dtype=torch.float64), GroupInt(bits, group)
    once = format.fit(x).decode(format.fit(x).encode(x))
    twice = format.fit(once).decode(format.fit(once).encode(once))
    assert torch.equal(once, twice)
    assert torch.equal(once.float().double(), once)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_every_word_is_read_back(bits):
    codes = torch.arange(2**bits)
    fitted = GroupInt(bits, 2**bits).fit(torch.linspace(-0.3, 0.7, 2**bits))
    assert torch.equal(fitted.encode(fitted.decode(codes)), codes)
    assert fitted.decode(codes).min() == -(2 ** (bits - 1)) * fitted.scale.item()


def test_groups_of_a_row_do_not_reach_into_the_next():
    x = torch.tensor([[7.0, 1.0, 70.0], [700.0, 0.0, 0.0]])
    fitted = GroupInt(4, group=2).fit(x)
    assert fitted.scale.flatten().tolist() == [1, 10, 100, torch.finfo(torch.float32).eps]
    assert fitted.encode(x).tolist() == [[7, 1, 7], [7, 0, 0]]


def test_a_model_is_rounded_once_and_for_all_and_half_precision_cannot_hold_it():
    torch.manual_seed(0)
    model = torch.nn.Linear(70, 5)
    for format in (GroupInt(), GroupInt(8, group=16)):
        stored = stored_as(model, format)
        assert is_stored_as(stored.weight, format)
        assert torch.equal(stored_as(stored, format).weight, stored.weight)
        with pytest.raises(InputError, match=r"float16 cannot hold the values of GroupInt"):
            stored_as(model.half(), format)
        model = model.float()


def test_what_cannot_be_stored_is_refused():
    with pytest.raises(InputError, match="the limit is 458528"):
        GroupInt(4).fit(torch.tensor([1e6]))
    with pytest.raises(InputError, match="only finite values"):
        GroupInt(4).fit(torch.tensor([torch.nan]))
    for bits, group in ((1, 32), (9, 32), (4, 0)):
        with pytest.raises(InputError, match="2 to 8"):
            GroupInt(bits, group)
    with pytest.raises(InputError, match="no scale yet"):
        GroupInt().decode(torch.tensor([1]))
