"""Is a model asked in the way that its batch says, and left in the mode that it was in?"""

import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import plain
from tests.traces import traces
from tests.zoo import NETWORKS, named


def test_tuples_are_arguments_and_dicts_are_names():
    model, (x, y) = named("two_inputs").build(), named("two_inputs").inputs()
    expected = model(x, y)
    for batch in ((x, y), [x, y], {"y": y, "x": x}):
        assert torch.equal(plain(model, batch), expected)


@pytest.mark.parametrize(
    ("name", "parts"), [("dict_output", "logits, hidden"), ("dataclass_output", "logits, hidden")]
)
def test_outputs_that_are_no_tensor_are_refused_with_their_parts(name, parts):
    network = named(name)
    with pytest.raises(InputError, match=f"with {parts}; say where the logits are: call="):
        plain(network.build(), network.inputs())


@pytest.mark.parametrize("fails", [False, True])
def test_modes_are_put_back_module_by_module(fails):
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2)))
    model[1].eval()
    before = traces(model)
    try:
        with evaluating(model) as was_training:
            assert was_training
            assert not any(module.training for module in model.modules())
            assert not torch.backends.mha.get_fastpath_enabled()
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert traces(model) == before


@pytest.mark.parametrize("network", NETWORKS, ids=repr)
def test_the_zoo_is_the_same_each_time_and_sees_its_inputs(network):
    outputs = []
    for _ in range(2):
        model = network.build()
        with torch.no_grad(), evaluating(model) as was_training:
            outputs.append(network.call(model, network.inputs()))
        assert was_training == network.training
    assert torch.equal(*outputs)
    assert outputs[0].isfinite().all()
    assert len(outputs[0]) == 3
    assert not torch.equal(outputs[0][0], outputs[0][1])
