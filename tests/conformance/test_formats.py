"""Does every format keep the contract?"""

import itertools
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from radhard.errors import InputError
from radhard.formats import E8M0, Format, Posit
from radhard.formats import FORMATS as FAMILY
from tests.conformance.examples import DEVICES, FORMATS, PROTECTED, WORDS

every_format = pytest.mark.parametrize("format", [*FORMATS, *PROTECTED], ids=repr)
every_word = pytest.mark.parametrize("format", [*FORMATS, *PROTECTED, *WORDS], ids=repr)
# A protected format corrects words, and may read several words as the same value.
plain_format = pytest.mark.parametrize("format", FORMATS, ids=repr)
# Each of the dozens of formats is tried on half as many examples as a function of its own.
few = settings(max_examples=settings.default.max_examples // 2)
values = st.lists(st.floats(-1, 1), min_size=1, max_size=12).map(
    lambda xs: torch.tensor(xs, dtype=torch.float64)
)


UNSIGNED = [E8M0()]

# The last bit of a posit is rounded, whatever it stands for; next to zero, that is not nearest.
ROUNDED_OTHERWISE = Posit


def suited(format: Format, x: Tensor) -> Tensor:
    """Values that a format can represent: magnitudes if it has no sign."""
    return x.abs() if format in UNSIGNED else x


def the_same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one dtype hold the same values; torch cannot compare all dtypes."""
    return one.dtype == other.dtype and torch.equal(one.double(), other.double())


def some_codes(format: Format) -> st.SearchStrategy[Tensor]:
    """Words of the format, the edges included, as int64."""
    signed = st.integers(0, 2**format.bits - 1).map(
        lambda word: word - 2**64 if word >= 2**63 else word
    )
    return st.lists(signed, min_size=1, max_size=12).map(torch.tensor)


def test_every_format_has_an_example():
    assert {type(format).__name__ for format in [*FORMATS, *PROTECTED, *WORDS]} == {
        name for name, _ in FAMILY.listed()
    }


@every_word
def test_repr_is_the_spec(format):
    assert FAMILY.parse(repr(format)) == format


@every_word
def test_each_bit_lies_in_one_named_field_and_fields_do_not_interleave(format):
    names = [format.field(bit) for bit in reversed(range(format.bits))]
    assert tuple(name for name, _ in itertools.groupby(names)) == format.fields


@plain_format
def test_the_top_bit_is_the_sign(format):
    assert format.field(format.bits - 1) == ("exponent" if format in UNSIGNED else "sign")


@every_word
@pytest.mark.parametrize("beside", [-1, 0])
def test_a_bit_outside_the_word_has_no_field(format, beside):
    bit = beside if beside < 0 else format.bits
    with pytest.raises(InputError, match=f"0 to {format.bits - 1}"):
        format.field(bit)


@plain_format
@few
@given(data=st.data())
def test_every_word_survives_decode_and_encode(format, data):
    fitted = format.fit(torch.tensor([0.75, -0.3], dtype=torch.float64))
    codes = data.draw(some_codes(format))
    # One channel, so that a scale per channel applies to all words.
    fitted = fitted.take(torch.zeros(len(codes), dtype=torch.int64), (2,))
    assert torch.equal(fitted.encode(fitted.decode(codes)), codes)


@plain_format
@few
@given(x=values)
def test_codes_are_zero_extended_words(format, x):
    x = suited(format, x)
    codes = format.fit(x).encode(x)
    assert codes.dtype == torch.int64
    assert codes.shape == x.shape
    if format.bits < 64:
        assert ((codes >= 0) & (codes < 2**format.bits)).all()


@plain_format
@few
@given(x=values, data=st.data())
def test_no_word_is_nearer_than_the_one_chosen(format, x, data):
    if isinstance(format, ROUNDED_OTHERWISE):
        return
    x = suited(format, x)
    fitted = format.fit(x).take(torch.zeros(1, dtype=torch.int64), tuple(x.shape))
    first, other = x[:1], data.draw(some_codes(format))[:1]
    chosen, rival = fitted.decode(fitted.encode(first)).item(), fitted.decode(other).item()
    if torch.isfinite(torch.tensor(rival)):
        exact = Fraction(first.item())
        # A quotient by the scale is rounded in float64, hence the last place.
        slack = abs(exact) * Fraction(1, 2**51)
        assert abs(Fraction(chosen) - exact) <= abs(Fraction(rival) - exact) + slack


@every_format
@few
@given(x=values)
def test_storing_twice_changes_nothing_more(format, x):
    x = suited(format, x)
    once = format.fit(x).decode(format.fit(x).encode(x))
    twice = format.fit(once).decode(format.fit(once).encode(once))
    assert the_same(once, twice)


@plain_format
@few
@given(rows=st.integers(1, 4), columns=st.integers(1, 4), data=st.data())
def test_taken_words_are_stored_as_within_their_tensor(format, rows, columns, data):
    x = torch.arange(1.0, rows * columns + 1).reshape(rows, columns) ** 2
    at = data.draw(st.lists(st.integers(0, rows * columns - 1), max_size=6))
    words = torch.tensor(at, dtype=torch.int64)
    whole, part = format.fit(x), format.fit(x).take(words, tuple(x.shape))
    codes = whole.encode(x)
    assert torch.equal(part.encode(x.flatten()[words]), codes.flatten()[words])
    assert the_same(part.decode(codes.flatten()[words]), whole.decode(codes).flatten()[words])


@every_format
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_floating_dtype_is_stored_and_left_alone(format, dtype):
    x = suited(format, torch.tensor([[0.5, -0.25, 0.0], [1.0, 0.75, -0.5]], dtype=dtype))
    before = x.clone()
    fitted = format.fit(x)
    codes = fitted.encode(x)
    kept = codes.clone()
    fitted.decode(codes).zero_()
    assert torch.equal(codes, kept)
    codes.zero_()
    assert torch.equal(x, before)


@every_format
def test_views_gradients_scalars_and_empty_tensors_are_stored_like_others(format):
    x = suited(format, torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(3, 4))
    codes = format.fit(x.T.contiguous()).encode(x.T.contiguous())
    assert torch.equal(format.fit(x.T).encode(x.T), codes)
    assert torch.equal(format.fit(x.T).encode(x.clone().requires_grad_().T), codes)
    for edge in (x[1, 1], x[:0], x[:, :0]):
        fitted = format.fit(edge)
        assert fitted.decode(fitted.encode(edge)).shape == edge.shape


@every_format
@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.complex64])
def test_what_is_not_floating_point_is_refused(format, dtype):
    with pytest.raises(InputError, match=f"{dtype} cannot be stored"):
        format.fit(torch.ones(2)).encode(torch.ones(2, dtype=dtype))


@every_format
@pytest.mark.parametrize("device", DEVICES)
def test_words_are_the_same_on_every_device(format, device):
    x = suited(format, torch.linspace(-1, 1, 60).reshape(3, 20))
    here, there = format.fit(x), format.fit(x.to(device))
    codes = here.encode(x)
    assert torch.equal(there.encode(x.to(device)).cpu(), codes)
    # A scale that was read back from a run file starts on the CPU.
    assert the_same(here.decode(codes.to(device)).cpu(), here.decode(codes))


@every_format
@few
@given(x=values)
def test_scale_survives_as_plain_numbers(format, x):
    x = suited(format, x)
    fitted = format.fit(x)
    again = format.scaled(fitted.scales())
    assert (fitted.scales() is not None) == format.has_scale
    assert torch.equal(again.encode(x), fitted.encode(x))


@every_format
@pytest.mark.parametrize("shape", [(), (3,), (70,), (2, 3), (3, 2, 70)], ids=str)
def test_a_value_depends_on_the_word_of_the_scale_at_its_index_and_on_no_other(format, shape):
    if not format.has_scale:
        with pytest.raises(InputError, match="no scale"):
            format.scale_index(torch.zeros(1, dtype=torch.int64), shape)
        with pytest.raises(InputError, match="no scale"):
            format.scale_words()
        return
    # No value becomes zero, which every scale represents.
    x = 1 - torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) / 2
    fitted = format.fit(x)
    codes, before = fitted.encode(x), fitted.decode(fitted.encode(x)).double()
    index = fitted.scale_index(torch.arange(x.numel()), tuple(x.shape)).reshape(x.shape)
    count = torch.tensor(fitted.scales()).numel()
    assert index.unique().tolist() == list(range(count))
    for word in range(count):
        scale = torch.tensor(fitted.scales(), dtype=torch.float64)
        scale.view(-1)[word] *= 2
        after = format.scaled(scale.tolist()).decode(codes).double()
        assert torch.equal(after != before, index == word)
