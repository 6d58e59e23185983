"""Do messages about planes name the plane, and a choice that works?"""

import pytest
from torch import nn

from radhard import stored_as
from radhard.errors import InputError
from radhard.faults import BitFlip, FaultModel
from radhard.formats import MXFP4, Float32, Format, Int, SecDed
from radhard.space import FaultSpace
from radhard.targets import Weights

CODE = SecDed(Int(8), block=8)
PAIRS = SecDed(Float32(), block=2)


def faults_in(format: Format, fault: FaultModel, planes: str | tuple[str, ...] | None = None):
    model = stored_as(nn.Linear(5, 3), format)
    return FaultSpace.of(model, Weights("*"), fault, format, planes=planes)


@pytest.mark.parametrize(
    ("planes", "choice"), [("check", "SecDed(Int(8), block=8)"), ("scale", "Int(8)")]
)
def test_a_plane_that_no_tensor_has_is_refused_with_a_format_that_has_it(planes, choice):
    with pytest.raises(InputError, match=f"'{planes}'") as refused:
        faults_in(Float32(), BitFlip(), planes)
    assert str(refused.value).endswith(f"such as {choice}")


@pytest.mark.parametrize(
    ("format", "fault", "planes"),
    [
        (CODE, BitFlip(field="sign"), None),
        (PAIRS, BitFlip(bits=30), None),
        (MXFP4(), BitFlip(field="sign"), ("codes", "scale")),
    ],
)
def test_a_selection_that_another_plane_lacks_names_the_tensor_and_the_plane_that_has_it(
    format, fault, planes
):
    with pytest.raises(InputError, match="'weight': take planes='codes'"):
        faults_in(format, fault, planes)
    assert len(faults_in(format, fault, "codes")) == 15


def test_the_check_bits_of_blocks_are_found_by_their_plane():
    with pytest.raises(InputError, match="planes='check'"):
        faults_in(CODE, BitFlip(field="check"))
    assert len(faults_in(CODE, BitFlip(field="check"), "check")) == 2 * CODE.check_bits


def test_planes_that_are_not_names_are_refused():
    with pytest.raises(InputError, match=r"planes=3 .*'check'"):
        faults_in(CODE, BitFlip(), 3)
