"""Is what was seen within bounds, however the processor rounds?"""

import pytest
import torch
from torch import nn

from radhard.hardenings import FitAct, Hardening, ProAct, Ranger
from radhard.hardenings.bounds.roundoff import widened
from tests.conformance.hardening_subject import network, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_bounds_are_wider_by_more_than_one_rounding_and_by_little(dtype: torch.dtype) -> None:
    seen = torch.tensor([-3.0, 0.0, 3.0], dtype=dtype)
    most, least = widened(seen), widened(seen, down=True)
    assert (most > seen + torch.finfo(dtype).eps).all()
    assert (least < seen - torch.finfo(dtype).eps).all()
    torch.testing.assert_close(most, seen, rtol=0, atol=max(1e-4, 12.1 * torch.finfo(dtype).eps))


@pytest.mark.parametrize(
    "hardening",
    [Ranger(), Ranger(granularity="neuron"), FitAct(epochs=0), ProAct(epochs=0, last_epochs=0)],
    ids=repr,
)
def test_weights_a_rounding_larger_lose_no_activation(hardening: Hardening) -> None:
    model, data = network(), samples()
    hard = hardening(model, data)
    with torch.no_grad():
        for layer in (model, hard):
            for part in layer.modules():
                if isinstance(part, nn.Conv2d | nn.Linear):
                    part.weight.mul_(1 + 3e-7)
        torch.testing.assert_close(hard(data.inputs), model(data.inputs), rtol=1e-6, atol=1e-6)
