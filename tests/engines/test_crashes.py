"""Does a fault that crashes the forward pass count the same with every engine?"""

import torch
from torch import Tensor, nn

from radhard.campaign import run
from radhard.engines import Replay, Serial
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Weights


class Looking(nn.Module):
    """A table looked up at what a layer says: a large value is beyond its end."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.table = nn.Linear(4, 4), nn.Embedding(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.table((self.layer(x).abs().sum(1) * 2).long())


def test_crashes_are_detected_errors_with_replay_too():
    model = Looking().eval()
    data = torch.linspace(0.1, 1, 32).reshape(8, 4), torch.zeros(8, dtype=torch.int64)
    space = FaultSpace.of(model, Weights("layer*"), BitFlip(30), Float32())
    found = [
        run(model, data, space, Exhaustive(), engine=engine, audit=0, progress=False)
        for engine in (Serial(), Replay())
    ]
    assert found[0].values("due").max() == 1
    assert found[1].values("due").tolist() == found[0].values("due").tolist()
    assert any("crashed" in note for note in found[1].manifest["notes"])
