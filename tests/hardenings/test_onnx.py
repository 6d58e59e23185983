"""Does onnxruntime say what hardened models say?"""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from radhard.analyses import MaxValue
from radhard.hardenings import (
    ActivationClip,
    Ecc,
    HammingInPlace,
    Hardening,
    Ranger,
    SelectiveEcc,
    WeightBitClip,
    WeightRangeCheck,
)
from radhard.models.series_classifier import LastStep
from tests.conformance.hardening_examples import EXAMPLES
from tests.conformance.hardening_subject import network, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

SCRUBBERS = (Ecc, HammingInPlace, SelectiveEcc, WeightBitClip, WeightRangeCheck)

HARDENINGS = [h for h in EXAMPLES if not isinstance(h, SCRUBBERS)]
"""All but the scrubbers, which change weights as they go: `test_scrubbed_models` has these."""


class Together(nn.Module):
    """Every hardened model in one: most of the time of an export does not depend on its size."""

    def __init__(self, models: Iterable[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(model(inputs) for model in self.models)


FIRST = list({type(hardening): hardening for hardening in reversed(HARDENINGS)}.values())
"""The first example of every component."""


@pytest.mark.parametrize(
    "hardenings",
    [FIRST, pytest.param(HARDENINGS, marks=pytest.mark.slow)],
    ids=["one of each component", "all"],
)
def test_logits_of_onnxruntime_are_those_of_the_models(
    hardenings: list[Hardening], tmp_path: Path
) -> None:
    model, data = network(), samples()
    scores = MaxValue()(model, data)
    hard = Together(hardening(model, data, scores) for hardening in hardenings).eval()
    check(hard, data.inputs, tmp_path / "hard.onnx", [repr(hardening) for hardening in hardenings])


def test_bounds_at_the_gates_of_recurrent_layers_are_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(8, 3, 2)
    models = [
        nn.Sequential(nn.LSTM(2, 3, batch_first=True), LastStep(), nn.Linear(3, 2)).eval(),
        nn.Sequential(
            nn.GRU(2, 3, batch_first=True, bidirectional=True), LastStep(), nn.Linear(6, 2)
        ).eval(),
    ]
    hard = Together([ActivationClip()(models[0], inputs), Ranger("neuron")(models[1], inputs)])
    check(hard.eval(), inputs, tmp_path / "hard.onnx", ["LSTM", "GRU"])


def check(hard: nn.Module, profiled: Tensor, path: Path, names: list[str]) -> None:
    with warnings.catch_warnings():
        # Of the exporter's own parts, which are deprecated among themselves.
        warnings.simplefilter("ignore")
        torch.onnx.export(hard, (profiled,), path, dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (name,) = (given.name for given in session.get_inputs())
    # Far outside the profiled range too, where the draft acts.
    for scale in (1.0, 1e3):
        inputs = profiled * scale
        found = session.run(None, {name: inputs.numpy()})
        with torch.no_grad():
            expected = hard(inputs)
        for hardening, own, other in zip(names, found, expected, strict=True):
            np.testing.assert_allclose(own, other, 1e-4, 1e-4, err_msg=f"{hardening}, {scale}")
