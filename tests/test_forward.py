"""Is a model asked in the way that its batch says, and left in the mode that it was in?"""

import dataclasses
import re

import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import faultless, plain
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


def linear():
    return nn.Linear(2, 3)


class Wrapped(nn.Module):
    """A model that returns what ``pack`` makes of its logits."""

    def __init__(self, pack):
        super().__init__()
        self.inner, self.pack = linear(), pack

    def forward(self, x):
        return self.pack(self.inner(x))


@dataclasses.dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor


@pytest.mark.parametrize(
    "pack",
    [
        lambda logits: {"hidden": logits + 1, "logits": logits},
        lambda logits: Output(logits.sum(), logits),
        lambda logits: (logits, logits + 1),
        lambda logits: [{"out": logits}],
        lambda logits: {0: logits},
    ],
)
def test_the_call_that_a_message_suggests_gives_the_logits(pack):
    model, batch = Wrapped(pack), torch.ones(4, 2)
    with pytest.raises(InputError) as refused:
        plain(model, batch)
    (text,) = re.findall(r"call=(lambda .*) \(on the command", str(refused.value))
    assert torch.equal(eval(text)(model, batch), model.inner(batch))


@pytest.mark.parametrize(
    ("batch", "hint"),
    [
        (torch.ones(4, 2, dtype=torch.float64), r"inputs\.to\(torch\.float32\)"),
        ([torch.ones(4, 2)] * 3, "3 arguments.*DataLoader"),
    ],
)
def test_a_pass_that_fails_has_a_hint_where_the_batch_tells_why(batch, hint):
    with pytest.raises(InputError, match=f"suit each other.*{hint}"):
        faultless(plain)(linear(), batch)


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
