"""Does a model whose parametrisations change while a fault is in it come back as it was?"""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, remove_weight_norm, weight_norm

from radhard.errors import RadhardWarning
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import inject
from radhard.space import FaultSpace
from radhard.targets import Weights


def removed(module):
    parametrize.remove_parametrizations(module, "weight")


def renewed(module):
    removed(module)
    parametrizations.weight_norm(module)


def outputs_under(model, space, change, inputs):
    with inject(model, space, 5):
        change(model[0])
        model(inputs)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*is deprecated:FutureWarning")
@pytest.mark.parametrize(
    ("first", "change"),
    [
        (weight_norm, remove_weight_norm),
        (lambda module: module, weight_norm),
        (parametrizations.weight_norm, removed),
        (parametrizations.spectral_norm, removed),
        (lambda module: module, parametrizations.weight_norm),
        (parametrizations.weight_norm, renewed),
    ],
)
def test_class_hooks_and_outputs_are_as_before(first, change):
    torch.manual_seed(0)
    model, inputs = nn.Sequential(first(nn.Linear(3, 2))).eval(), torch.randn(2, 3)
    layer, before = model[0], model(inputs)
    kind, hooks = type(layer), dict(layer._forward_pre_hooks)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    with pytest.warns(RadhardWarning, match="replaced"):
        outputs_under(model, space, change, inputs)
    assert type(layer) is kind
    assert dict(layer._forward_pre_hooks) == hooks
    assert torch.equal(model(inputs), before)
