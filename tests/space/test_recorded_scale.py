"""Is a scale read from a run file as it was written?"""

import copy
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import MXFP8, GroupInt, Int, stored_as
from radhard.manifest import difference
from radhard.space import FaultSpace
from radhard.space.recorded_scale import recorded_scale, scale_from
from radhard.targets import Weights


@given(
    some=st.lists(st.floats(allow_nan=False), min_size=1, max_size=4),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    data=st.data(),
)
def test_every_scale_comes_back_to_the_last_bit(some, shape, data):
    place = st.integers(0, len(some) - 1)
    scale = np.array([[some[data.draw(place)] for _ in range(shape[1])] for _ in range(shape[0])])
    written = json.loads(json.dumps(recorded_scale(scale.tolist())))
    found = np.asarray(scale_from(written), dtype=np.float64)
    assert found.tobytes() == scale.tobytes()
    assert found.shape == scale.shape
    assert recorded_scale(written) == written


@pytest.mark.parametrize("scale", [None, 0.5, [0.1, 0.2, 0.3], [[1.0], [2.0, 3.0]], "x"])
def test_other_scales_are_written_as_they_are(scale):
    assert recorded_scale(scale) is scale
    assert scale_from(scale) is scale


@pytest.mark.parametrize(
    ("number", "type_"), [(2.0**-13, "<f2"), (2.0**-30, "<f4"), (0.1, "<f8"), (1e300, "<f8")]
)
def test_numbers_are_written_in_the_narrowest_type_that_holds_them(number, type_):
    assert recorded_scale([1.0] * 40 + [number])["type"] == type_


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("shape", other) for other in ([21], [-4, -5], "x", None, [10**40])],
        *[("type", other) for other in ("<f4", "O", None, ["<f2"])],
        *[("numbers", other) for other in ("", "?", None, "AAAA", 5)],
    ],
)
def test_a_damaged_scale_is_refused(key, value):
    written = recorded_scale([[0.5] * 5, [0.25] * 5] * 2)
    with pytest.raises(InputError, match="scale of a tensor is damaged"):
        scale_from({**written, key: value})


@pytest.mark.parametrize("format", [MXFP8("E4M3"), GroupInt(4), Int(8), Int(8, per="channel")])
def test_a_space_with_scales_of_blocks_is_small_and_the_same_when_read(format):
    torch.manual_seed(0)
    model = stored_as(nn.Linear(256, 40), format)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), format, planes=("codes", "scale"))
    plain = json.loads(json.dumps(space.to_dict()))
    again = FaultSpace.from_dict(plain, foreign=False)
    for one, other in zip(space.regions, again.regions, strict=True):
        assert torch.equal(one.format.scale, other.format.scale)
    if format == MXFP8("E4M3"):
        assert len(json.dumps(plain["terms"][0]["scales"])) < 1000  # of 320 blocks


def test_a_run_with_scales_as_lists_is_the_same_run():
    format = MXFP8("E4M3")
    model = stored_as(nn.Linear(256, 8), format)
    asked = FaultSpace.of(model, Weights("*"), BitFlip(), format).to_dict()
    asked = json.loads(json.dumps(asked))
    earlier = copy.deepcopy(asked)
    earlier["terms"][0]["scales"] = [format.fit(model.weight).scales()]
    assert earlier != asked
    assert difference({"space": earlier}, {"space": asked}) == ""
    earlier["terms"][0]["scales"][0][0][0] *= 2
    assert "not the same" in difference({"space": earlier}, {"space": asked})
