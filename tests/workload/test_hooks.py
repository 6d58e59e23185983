"""Are hooks called in the right order, and are they all gone afterwards?"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from radhard.workload.hooks import module_hooks, temporary_hooks
from tests.traces import traces


def chain() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(2, 3), nn.ReLU())


@pytest.mark.parametrize("first", [False, True])
def test_functions_see_what_the_hooks_of_a_module_make_of_its_values_or_what_was_before(first):
    model, seen = chain(), []
    model[0].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    model[0].register_forward_hook(lambda module, args, output: output * 0)
    x = torch.ones(1, 2)
    with module_hooks(
        {"layer": model[0]},
        before=lambda name, args, kwargs: seen.append((name, args[0])),
        after=lambda name, args, kwargs, output: seen.append((name, output)),
        first=first,
    ):
        model(x)
    (entered, given), (left, made) = seen
    assert entered == left == "layer"
    assert torch.equal(given, x if first else x + 1)
    with torch.no_grad():
        unchanged = nn.functional.linear(x + 1, model[0].weight, model[0].bias)
    assert torch.equal(made, unchanged if first else unchanged * 0)


def test_an_output_that_is_returned_takes_the_place_of_that_of_the_module():
    model = chain()
    with module_hooks({"": model}, after=lambda name, args, kwargs, output: output - 5):
        assert bool((model(torch.ones(1, 2)) < 0).any())
    assert not bool((model(torch.ones(1, 2)) < 0).any())


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind_by_an_exception(error):
    model = chain()
    before = traces(model)

    def refuse(*_: Any) -> None:
        raise error

    with pytest.raises(error), module_hooks(dict(model.named_modules()), before=refuse):
        model(torch.ones(1, 2))
    assert traces(model) == before


def test_a_hook_whose_handle_was_lost_changes_nothing():
    layer = nn.Identity()

    def register(hook: Callable[..., Any]) -> RemovableHandle:
        layer.register_forward_hook(hook)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        temporary_hooks([(register, lambda module, args, output: -output)]).__enter__()
    assert layer(torch.ones(1)) == 1
