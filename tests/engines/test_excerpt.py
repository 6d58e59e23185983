"""Is a run continued only where the fault-free outputs are those that it began with?"""

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.engines.excerpt import excerpt, like_excerpt
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Weights
from radhard.verification import verify
from tests.small import data, network


class Scaled(nn.Module):
    """Holds a number that is neither parameter nor buffer."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale, self.inner = scale, network()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) * self.scale


def twice(model, batch):
    return model(batch) * 2


def rolled(model, batch):
    return model(batch).roll(1, dims=1)


def begun(path, model, **more):
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    return run(model, data(), space, Uniform(20), store=path, progress=False, **more)


@pytest.mark.parametrize("call", [twice, rolled])
def test_run_is_not_continued_with_another_call(tmp_path, call):
    first = begun(tmp_path / "a.db", network())
    with pytest.raises(InputError, match="call"):
        begun(tmp_path / "a.db", network(), call=call)
    again = begun(tmp_path / "a.db", network())
    assert again.values().tolist() == first.values().tolist()


def test_run_is_not_continued_on_a_model_that_differs_in_an_attribute(tmp_path):
    begun(tmp_path / "a.db", Scaled(1.0))
    with pytest.raises(InputError, match="outputs"):
        begun(tmp_path / "a.db", Scaled(-1.0))


def test_outputs_may_differ_by_what_another_machine_rounds():
    outputs = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
    known = excerpt(outputs)
    assert like_excerpt(outputs.bfloat16(), known)
    assert not like_excerpt(outputs + 0.1 * outputs.abs().max(), known)
    assert not like_excerpt(outputs[:, :4], known)
    outputs[0, 0] = torch.inf
    assert not like_excerpt(outputs, known)
    assert like_excerpt(outputs, excerpt(outputs))


def test_what_a_file_says_instead_of_an_excerpt_breaks_nothing():
    outputs = torch.ones(3, 2)
    for known in (None, 3, {}, {"values": 1}):
        assert like_excerpt(outputs, known)
    for values in ([1], ["x"], [["x", True]], [[1e400, 1, 1, 1, 1, 1]], [[float("nan")] * 6]):
        assert not like_excerpt(outputs, {"shape": [2], "values": values})


def test_verification_needs_the_call_of_its_campaign():
    before = begun(None, network(), call=rolled)
    with pytest.raises(InputError, match="call"):
        verify(before, network(), data(), base=network(), timed=False, progress=False)


def test_verification_says_that_its_cost_is_beside_another_model():
    before, other = begun(None, network()), network()
    with torch.no_grad():
        next(other.parameters()).mul_(0.5)
    found = verify(before, network(), data(), base=other, timed=False, progress=False)
    assert any("not the model of the campaign" in note for note in found.notes)
