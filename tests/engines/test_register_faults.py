"""Does Replay execute faults in registers as the reference does?"""

import numpy as np
import pytest

from radhard.accelerators import Systolic
from radhard.campaign import run
from radhard.engines import Replay, Serial
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Int
from radhard.samplers import PerTensor
from radhard.space import FaultSpace
from radhard.targets import Registers
from tests.accelerators.arrays import DATAFLOWS, network


@pytest.mark.parametrize(
    ("duration", "sample"), [("transient", "one"), ("transient", "every"), ("permanent", "every")]
)
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_verdicts_are_those_of_the_reference(dataflow, duration, sample):
    model, inputs = network()
    array = Systolic(2, 3, dataflow, Int(4), Int(12), overflow="saturate")
    target = Registers(array, duration=duration, sample=sample)
    fault = BitFlip() if duration == "transient" else StuckAt(1)
    space = FaultSpace.of(model, target, fault, array.formats, data=inputs)

    def figures(engine):
        results = run(
            model,
            inputs,
            space,
            PerTensor(12),
            engine=engine,
            metrics=["Outcome()", "Distance()"],
            progress=False,
        )
        assert not any(note.kind in ("serial", "shared crash") for note in results.notes)
        frame = results.to_frame().select_dtypes("number")
        return frame.to_numpy()

    expected = figures(Serial())
    assert np.unique(expected[:, -4:], axis=0).shape[0] > 1
    np.testing.assert_allclose(figures(Replay()), expected, atol=1e-12)
