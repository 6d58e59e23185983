"""Is StageNet the network of the study, and does it predict risk?"""

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from radhard.datasets import cohort
from radhard.errors import InputError
from radhard.models import stagenet
from radhard.models.shipped import path_of, recorded


def weights(*modules: nn.Module) -> int:
    return sum(module.weight.numel() for module in modules)


# Weights of the cell and of the convolution, without biases, as the study gives them.
@pytest.mark.parametrize(
    ("cells", "cell", "convolution"), [(72, 48_764, 51_840), (384, 738_618, 442_368)]
)
def test_numbers_of_weights_are_those_of_the_study(cells, cell, convolution):
    model, bare = (stagenet(cells=cells, convolution=c, pretrained=False) for c in (True, False))
    for one in (model, bare):
        assert weights(one.cell.input, one.cell.recurrent) == cell
    assert weights(model.convolution.conv) == convolution
    assert bare.convolution is None
    assert weights(bare.fc) == cells
    squeeze = weights(model.convolution.squeeze), weights(model.convolution.expand)
    # The study counts both linear layers with 72 cells, and one of them with 384.
    assert cells + sum(squeeze) == 1800 if cells == 72 else cells + squeeze[0] == 24_960


def test_a_step_is_that_of_the_equations():
    model = stagenet(pretrained=False, convolution=False, inputs=5).double()
    visits = torch.randn(3, 2, 6, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    cell, h, c = model.cell, torch.zeros(3, 72).double(), torch.zeros(3, 72).double()
    for step in range(2):
        x = visits[:, step]
        sums = cell.input(x) + cell.recurrent(torch.cat((h, x[:, -1:]), 1))
        new_h, new_c = torch.zeros_like(h), torch.zeros_like(c)
        for sample in range(3):
            s = sums[sample]
            keep, write = s[:2].softmax(0), s[2:4].softmax(0)
            master_f = [keep[0], keep[0] + keep[1]]
            master_i = [write[0] + write[1], write[1]]
            for unit in range(72):
                f, i = master_f[unit // 36], master_i[unit // 36]
                forget, store, show = (s[4 + 72 * k + unit].sigmoid() for k in range(3))
                new = s[4 + 72 * 3 + unit].tanh()
                w = f * i
                value = w * (forget * c[sample, unit] + store * new)
                value = value + (f - w) * c[sample, unit] + (i - w) * new
                new_c[sample, unit] = value
                new_h[sample, unit] = show * value.tanh()
        h, c = new_h, new_c
    torch.testing.assert_close(model(visits), model.fc(h))


def test_the_convolution_sees_the_last_states_and_none_before_the_first():
    model = stagenet(pretrained=False, inputs=3)
    visits = torch.randn(2, 15, 4, generator=torch.Generator().manual_seed(2))
    seen = []
    model.convolution.register_forward_pre_hook(lambda _, args: seen.append(args))
    outputs = []
    model.cell.register_forward_hook(lambda _, args, output: outputs.append(output))
    model(visits)
    states, changes = seen[0]
    assert torch.equal(states, torch.stack([h for h, _, _ in outputs[5:]], 1))
    assert torch.equal(changes, torch.stack([d for _, _, d in outputs[5:]], 1))
    model(visits[:, :4])
    assert not seen[1][0][:, :6].any()
    assert seen[1][0][:, 6:].any()
    # The stage changes by a share.
    assert all(((d >= 0) & (d <= 1)).all() for _, _, d in outputs)


@pytest.mark.parametrize("convolution", [True, False])
def test_trained_weights_reach_the_accuracy_recorded_with_them(convolution):
    model, data = stagenet(convolution=convolution), cohort()
    name = "stagenet_conv_72" if convolution else "stagenet_72"
    with torch.no_grad():
        logits = model(data.inputs)[:, 0]
    right = ((logits > 0).long() == data.labels).double().mean().item()
    assert f"{right:.4f}" == recorded(name)["accuracy"]
    assert roc_auc_score(data.labels, logits) > 0.75
    assert path_of(name).stat().st_size < 500_000
    parameters = sum(p.numel() for p in model.parameters())
    if convolution:
        assert f"{parameters:,} parameters" in stagenet.__doc__


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cells": 73}, "72 or 384"),
        ({"convolution": 1}, "convolution=1"),
        ({"inputs": 0}, "inputs=0"),
        ({"cells": 384, "pretrained": True}, "72 cells"),
    ],
)
def test_a_network_that_cannot_be_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        stagenet(**options)
