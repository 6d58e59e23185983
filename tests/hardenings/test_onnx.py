"""Does onnxruntime say what the hardened model says?"""

import warnings

import onnxruntime
import pytest
import torch

from radhard.analyses import MaxValue
from radhard.hardenings import Hardening, WeightBitClip, WeightRangeCheck
from tests.conformance.hardening_examples import EXAMPLES
from tests.conformance.hardening_subject import network, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

HARDENINGS = [h for h in EXAMPLES if not isinstance(h, WeightBitClip | WeightRangeCheck)]
"""All but the scrubbers, which change weights as they go: `test_scrubbed_models` has these."""


@pytest.mark.parametrize("hardening", HARDENINGS, ids=repr)
def test_logits_of_onnxruntime_are_those_of_the_model(hardening: Hardening, tmp_path) -> None:
    model, data = network(), samples()
    hard = hardening(model, data, MaxValue()(model, data))
    path = tmp_path / "hard.onnx"
    with warnings.catch_warnings():
        # Of the exporter's own parts, which are deprecated among themselves.
        warnings.simplefilter("ignore")
        torch.onnx.export(hard, (data.inputs,), path, dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (name,) = (given.name for given in session.get_inputs())
    # Far outside the profiled range too, where the draft acts.
    for scale in (1.0, 1e3):
        inputs = data.inputs * scale
        (found,) = session.run(None, {name: inputs.numpy()})
        with torch.no_grad():
            expected = hard(inputs)
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-4)
