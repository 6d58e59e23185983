"""Do hooks of a module act on faults in its output, whichever engine executes them?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.faults import BitFlip
from radhard.formats import Float32, Int
from radhard.hardenings import Ranger, Triplication
from radhard.manifest import fingerprint
from radhard.metrics import Critical
from radhard.quantization import quantized
from radhard.samplers import Exhaustive, Uniform
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.targets import Activations

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


def network() -> nn.Sequential:
    """Nothing but a linear layer is behind the ReLU."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).eval()


def data() -> Data:
    inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(4))
    return Data(inputs, (inputs.sum(1) > 0).long())


def test_copies_vote_on_a_fault_in_one_of_them() -> None:
    model = quantized(network(), data(), Int(8))
    scores = Scores("Mine()", "element", {"1": np.ones(6)}, "share", model=fingerprint(model))
    hard = Triplication(threshold=0.5)(model, data(), scores)
    space = FaultSpace.of(model, Activations("1"), BitFlip(), Int(8), data=data())
    unhardened, replayed, serial = (
        run(m, data(), space, Exhaustive(), engine=engine, metrics=[Critical()], audit=0)
        for m, engine in ((model, Replay()), (hard, Replay()), (hard, Serial()))
    )
    assert unhardened.rate().value > 0.05
    assert serial.rate().value == 0
    assert replayed.rate().value == 0


def test_a_bound_removes_a_fault_before_it_is_propagated() -> None:
    hard = Ranger()(network(), data())
    space = FaultSpace.of(network(), Activations("1"), BitFlip(), Float32(), data=data())
    replayed, serial = (
        run(hard, data(), space, Uniform(400), engine=e, metrics=[Critical()], audit=0)
        for e in (Replay(), Serial())
    )
    columns = ["Critical().critical", "Critical().due"]
    assert replayed.to_frame()[columns].equals(serial.to_frame()[columns])
