"""Is a module's output rounded exactly as words are encoded?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import BFloat16, Fixed, Float16, Float32, Format, Int
from radhard.rounding import Rounding, check_traceable, format_of, hang

SCALED = [Int(bits) for bits in (2, 3, 8, 16, 24)]
WITHOUT = [Fixed(3, 4), Fixed(0, 7), Fixed(7, 8), Fixed(15, 8), Float16(), BFloat16()]


def rounding(format: Format, scale: float) -> tuple[nn.Module, Format]:
    """A module that rounds, and the format as it holds what is rounded."""
    module = nn.Identity()
    hang(module, Rounding(format, ((),)), [torch.tensor(scale)])
    found = format_of(module, "")
    assert found is not None
    return module, found


def through(format: Format, x: Tensor) -> Tensor:
    return format.decode(format.encode(x)).to(x.dtype)


scales = st.floats(2**-20, 2**13, width=32)


@pytest.mark.parametrize("format", [*SCALED, *WITHOUT], ids=repr)
@given(scale=scales, seed=st.integers(0, 10**6))
def test_values_become_those_of_their_words_to_the_last_bit(format, scale, seed):
    module, held = rounding(format, scale)
    chance = torch.Generator().manual_seed(seed)
    spread = 2.0 ** torch.randint(-6, 3, (200,), generator=chance)
    x = torch.randn(200, generator=chance) * spread * (2 ** (min(format.bits, 24) - 2) * scale)
    ties = (torch.arange(-40, 40) + 0.5) * scale  # half-way, or just beside it
    x = torch.cat([x, ties, torch.nextafter(ties, torch.tensor(0.0))])
    if isinstance(format, Float16):
        x = x.clamp(-6e4, 6e4)
    assert torch.equal(module(x), through(held, x))


@pytest.mark.parametrize("format", [Int(2), Int(3), Int(8), Int(16), *WITHOUT], ids=repr)
@given(scale=scales)
def test_every_word_stays_as_it_is_so_that_a_flipped_one_is_decoded(format, scale):
    if format.bits > 16:
        codes = torch.arange(0, 2**format.bits, 997)
    else:
        codes = torch.arange(2**format.bits)
    module, held = rounding(format, scale)
    values = held.decode(codes).to(torch.float32)
    finite = values.isfinite()
    again = module(values[finite])
    assert torch.equal(again, values[finite])
    # Zero with a sign is a word of its own in the formats that have one.
    assert torch.equal(held.encode(again), codes[finite])


def test_infinities_end_at_the_last_word_and_nan_stays():
    module, _ = rounding(Int(4), 0.5)
    inf, nan = torch.inf, torch.nan
    assert module(torch.tensor([inf, -inf])).tolist() == [3.5, -4.0]
    assert module(torch.tensor([nan])).isnan().all()


def test_parts_of_a_nested_output_have_scales_of_their_own():
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"small": x, "large": 10 * x, "other": x}

    module = Pair()
    scales = [torch.tensor(0.5), torch.tensor(4.0)]
    hang(module, Rounding(Int(8), (("small",), ("large",))), scales)
    found = module(torch.tensor([1.1]))
    assert [found[key].item() for key in found] == pytest.approx([1.0, 12.0, 1.1])
    assert module.activation_scale.tolist() == [0.5, 4.0]
    assert format_of(module, "", ("large",)).scales() == 4.0
    assert format_of(module, "", ("other",)) is None


@pytest.mark.parametrize("format", [Int(8, per="channel"), Float32()], ids=repr)
def test_formats_that_cannot_round_what_flows_are_refused(format):
    with pytest.raises(InputError, match="one scale a tensor, Fixed"):
        check_traceable(format)


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(InputError, match="Linear has no module 'fc'"):
        format_of(nn.Linear(1, 1), "fc")
