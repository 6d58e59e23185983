"""Do joined tensors give the words of each tensor, whatever their dtypes?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.formats import BFloat16, Float16, Float32, Parity, SecDed, stored_as
from radhard.hardenings import Ecc
from radhard.manifest import fingerprint

WIDER = {
    Float16(): (torch.float16, torch.float32, torch.float64),
    BFloat16(): (torch.bfloat16, torch.float32, torch.float64),
    Float32(): (torch.float32, torch.float64),
}


def mixed(format, dtypes, sizes, seed: int) -> nn.Module:
    """A model with tensors of several dtypes, all of which hold words of the format."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.ParameterList(
        nn.Parameter(torch.randn(size, generator=generator).to(dtype))
        for dtype, size in zip(dtypes, sizes, strict=True)
    )
    return stored_as(model, format)


@given(st.data())
def test_a_scrub_without_faults_leaves_every_tensor_bit_by_bit(data) -> None:
    format = data.draw(st.sampled_from(list(WIDER)))
    dtypes = data.draw(st.lists(st.sampled_from(WIDER[format]), min_size=1, max_size=4))
    sizes = [data.draw(st.integers(1, 9)) for _ in dtypes]
    code = data.draw(st.sampled_from([SecDed(format), SecDed(format, block=4), Parity(format)]))
    model = mixed(format, dtypes, sizes, data.draw(st.integers(0, 99)))
    before = fingerprint(model)
    scrubber = Ecc(code).scrubber(model)
    scrubber.scrub(model)
    assert (scrubber.corrected, scrubber.detected) == (0, 0)
    assert fingerprint(model) == before


@pytest.mark.parametrize("place", [0, 1])
def test_a_flip_in_a_tensor_of_either_dtype_is_corrected(place) -> None:
    model = mixed(Float16(), [torch.float16, torch.float32], [6, 6], 0)
    before = fingerprint(model)
    scrubber = Ecc(SecDed(Float16())).scrubber(model)
    with torch.no_grad():
        # The sign, which is one bit in the words of either.
        model[place][3] *= -1
    scrubber.scrub(model)
    assert scrubber.corrected == 1
    assert fingerprint(model) == before
