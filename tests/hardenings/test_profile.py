"""Is every value in the profile of the fold to which its sample belongs?"""

import pytest
import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.hardenings.draft import Draft
from radhard.hardenings.profile import FOLDS, folds, profile
from radhard.hardenings.spot import Spot
from radhard.workload import Workload

STEPS, SAMPLES = 4, 20


class Steps(nn.Module):
    """A layer that receives one row per time step and sample."""

    def __init__(self, layout: str) -> None:
        super().__init__()
        self.layout, self.layer = layout, nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        # (samples, steps, features)
        if self.layout == "by sample":
            return (
                self.layer(values.flatten(0, 1)).view(values.shape).mean((1, 2), keepdim=True)[:, 0]
            )
        steps = values.transpose(0, 1)
        rows = self.layer(steps.flatten(0, 1) if self.layout == "by step" else steps)
        return rows.reshape(steps.shape).mean((0, 2))[:, None]


def draft(layout: str, inputs: Tensor, batch: int) -> Draft:
    return Draft(Workload.of(Steps(layout).eval(), Data(inputs), batch=batch), None, "test")


@pytest.mark.parametrize("batch", [20, 8, 4])
@pytest.mark.parametrize("layout", ["by sample", "by step"])
def test_each_fold_has_the_range_of_its_samples(layout, batch) -> None:
    inputs = torch.randn(SAMPLES, STEPS, 3, generator=torch.Generator().manual_seed(0))
    work = draft(layout, inputs, batch)
    spot = Spot("layer")
    seen = profile(work, [spot], per="layer")
    assert seen.divided
    fold_of = folds(work)
    for fold in range(FOLDS):
        own = inputs[fold_of == fold]
        assert seen.low[spot][fold] == own.min()
        assert seen.high[spot][fold] == own.max()


@pytest.mark.parametrize("batch", [4, 2, 20])
def test_time_steps_in_front_are_not_taken_for_samples(batch) -> None:
    inputs = torch.randn(SAMPLES, STEPS, 3, generator=torch.Generator().manual_seed(0))
    seen = profile(draft("steps in front", inputs, batch), [Spot("layer")], per="layer")
    assert not seen.divided
    assert seen.of(Spot("layer"), without=0) == (inputs.min(), inputs.max())
