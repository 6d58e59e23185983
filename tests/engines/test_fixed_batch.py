"""Are faults injected into models that take batches of one size only?"""

import copy

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.engines import Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import BoundedReLU
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Weights

SAMPLES = 12


class Viewed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.last = nn.Linear(10, 16), nn.Linear(16, 4)
        self.register_buffer("shift", torch.randn(SAMPLES, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.hidden(x)).view(SAMPLES, 16))


class Asserted(Viewed):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert len(x) == SAMPLES
        return self.last(torch.relu(self.hidden(x)))


class Shifted(Viewed):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.hidden(x) + self.shift))


def inputs() -> torch.Tensor:
    return torch.randn(SAMPLES, 10, generator=torch.Generator().manual_seed(1))


def exported() -> nn.Module:
    model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4)).eval()
    return torch.export.export(model, (inputs(),)).module()


def share_by_hand(model, name: str, word: int, bit: int) -> float:
    twin = copy.deepcopy(model)
    words = twin.get_parameter(name).data.view(-1).view(torch.int32)
    words[word] ^= (1 << bit) - (bit == 31) * (1 << 32)
    with torch.no_grad():
        golden, outputs = model(inputs()), twin(inputs())
    wrong = (golden.argmax(1) != outputs.argmax(1)) & ~outputs.isnan().any(1)
    return float(wrong.double().mean())


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # of torch.export
@pytest.mark.parametrize("engine", [Serial(), Replay(), "auto"], ids=repr)
@pytest.mark.parametrize("build", [Viewed, Asserted, Shifted, exported])
def test_verdicts_are_those_of_a_loop(build, engine):
    model = build()
    space = FaultSpace.of(model, Weights("*"), BitFlip(bits=(24, 30, 31)), Float32())
    results = run(model, inputs(), space, Uniform(40), engine=engine, progress=False)
    faults = [space[int(number)] for number in results.to_frame()["fault"]]
    bits = (24, 30, 31)
    expected = [share_by_hand(model, f.tensor, f.word, bits[f.variant]) for f in faults]
    assert results.values("critical").tolist() == expected
    assert sum(expected) > 0


def test_values_that_flow_need_batches_of_several_sizes():
    with pytest.raises(InputError, match="any size"):
        FaultSpace.of(Viewed(), Activations("*"), BitFlip(), Float32(), data=inputs())


@pytest.mark.filterwarnings("ignore:.*too few samples")
def test_such_a_model_is_hardened():
    model = nn.Sequential(Viewed(), nn.ReLU()).eval()
    hard = BoundedReLU()(model, inputs())
    with torch.no_grad():
        assert torch.equal(hard(inputs()), model(inputs()))
        assert hard(1e6 * inputs()).max() <= model(inputs()).max()
