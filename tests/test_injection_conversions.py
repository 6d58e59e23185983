"""Does a model come back without the fault where its parameters were replaced meanwhile?"""

import copy

import pytest
import torch
from torch import nn

from radhard.errors import RadhardWarning
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import inject
from radhard.space import Fault, FaultSpace
from radhard.targets import Weights


def built() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)).eval()


def replace_memory(model):
    model[0].weight.data = model[0].weight.data.clone()


def replace_parameter(model):
    model[0].weight = nn.Parameter(model[0].weight.detach().clone())


def replace_module(model):
    model[0] = copy.deepcopy(model[0])


def assign(model):
    model.load_state_dict(copy.deepcopy(model.state_dict()), assign=True)


def swap(model):
    torch.utils.swap_tensors(model[0].weight, nn.Parameter(torch.zeros(6, 4)))


@pytest.mark.parametrize(
    "change",
    [
        nn.Module.half,
        nn.Module.double,
        replace_memory,
        replace_parameter,
        replace_module,
        assign,
        swap,
    ],
)
def test_replaced_parameters_are_as_before_and_that_is_a_warning(change):
    model, fresh = built(), built()
    held = dict(model.named_parameters())
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    with (
        pytest.warns(RadhardWarning, match=r"0\.weight"),
        inject(model, space, Fault("0.weight", 3, 30)),
    ):
        change(model)
    assert dict(model.named_parameters()).keys() == held.keys()
    assert all(parameter is held[name] for name, parameter in model.named_parameters())
    for (name, found), expected in zip(
        model.state_dict().items(), fresh.state_dict().values(), strict=True
    ):
        assert found.dtype == expected.dtype, name
        assert torch.equal(found, expected), name


def test_what_replaces_no_memory_is_no_warning():
    model = built()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    with inject(model, space, 30):
        model.requires_grad_(False).float().to("cpu").share_memory()
        model(torch.zeros(2, 4))
    assert not model[0].weight.requires_grad
    assert torch.equal(model[0].weight, built()[0].weight)
