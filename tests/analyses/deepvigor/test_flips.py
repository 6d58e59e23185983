"""Is a flip of an activation measured in words that have one scale?"""

import pytest
import torch
from torch import nn

from radhard.analyses import DeepVigor, DeepVigorPlus
from radhard.analyses.deepvigor.flips import deviations, fitted_as_one
from radhard.errors import InputError
from radhard.formats import MXFP4, Fixed, GroupInt, Int, Posit, stored_as


def test_values_with_one_scale_are_fitted_together():
    values = torch.tensor([[127.0, 1.0], [-3.0, 0.0]])
    assert fitted_as_one(Int(8), values).scales() == 1
    assert fitted_as_one(Posit(8), values) == Posit(8)


@pytest.mark.parametrize("format", [MXFP4(), GroupInt(), Int(8, per="channel")], ids=repr)
def test_several_scales_for_one_activation_are_refused(format):
    with pytest.raises(InputError, match="several scales"):
        fitted_as_one(format, torch.ones(2, 3))


@pytest.mark.parametrize("analysis", [DeepVigor, DeepVigorPlus])
def test_analyses_of_activations_refuse_a_scale_for_each_block(analysis):
    torch.manual_seed(0)
    data = (torch.randn(6, 40), torch.tensor([0, 1, 2] * 2))
    model = nn.Sequential(nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 3))
    with pytest.raises(InputError, match=r"MXFP4\(\) has several scales"):
        analysis(format=MXFP4())(stored_as(model, MXFP4()).eval(), data)


def test_a_flip_of_the_sign_in_sign_magnitude_negates():
    values = torch.tensor([0.75, -0.5])
    found = list(deviations(values, Fixed(0, 7, code="sign_magnitude")))
    assert found[-1].tolist() == [-1.5, 1.0]
