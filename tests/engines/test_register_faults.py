"""Does Replay execute faults in registers as the reference does?"""

import numpy as np
import pytest
import torch

from radhard.accelerators import Systolic
from radhard.campaign import run
from radhard.engines import Bracket, FirstOrder, Folded, Replay, Serial
from radhard.engines.base import UnsuitableError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Int
from radhard.injection import inject
from radhard.report.main_figure import main_figure
from radhard.report.sections.failures_in_time import failures
from radhard.samplers import PerTensor, Uniform
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


def test_trials_of_single_samples_are_executed_piece_by_piece_if_memory_is_short():
    model, inputs = network()
    array = Systolic(2, 3, "input_stationary", Int(4), Int(12))
    space = FaultSpace.of(model, Registers(array), BitFlip(), array.formats, data=inputs)
    options = {"metrics": "Distance()", "progress": False}
    found = [
        run(model, inputs, space, PerTensor(20), engine=engine, **options).values()
        for engine in (Serial(), Replay(), Replay(memory=1))
    ]
    assert (found[0] > 0).sum() > 10
    for each in found[1:]:
        np.testing.assert_allclose(each, found[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", [Folded(), FirstOrder(), Bracket()], ids=repr)
def test_other_engines_leave_registers_to_the_reference(engine):
    model, inputs = network()
    array = Systolic(2, 3, word=Int(4), accumulator=Int(12))
    space = FaultSpace.of(model, Registers(array), BitFlip(), array.formats, data=inputs)

    def figures(engine):
        results = run(model, inputs, space, PerTensor(4), engine=engine, progress=False)
        return results.to_frame().select_dtypes("number").to_numpy()

    try:
        found = figures(engine)
    except UnsuitableError:
        return
    np.testing.assert_allclose(found, figures(Serial()), atol=1e-12)


def test_an_intermittent_fault_is_absent_where_it_is_for_the_reference():
    model, inputs = network()
    array = Systolic(2, 3, "weight_stationary", Int(4), Int(12))
    space = FaultSpace.of(
        model,
        Registers(array, "conv", "sum", sample="every"),
        BitFlip(bits=(9, 10)),
        array.formats,
        data=inputs,
        exposure="Intermittent(0.5)",
    )
    options = {"metrics": "Distance()", "progress": False}
    expected = run(model, inputs, space, Uniform(40), engine=Serial(), **options)
    found = run(model, inputs, space, Uniform(40), engine=Replay(), **options)
    columns = [
        each.to_frame().select_dtypes("number").iloc[:, -1].to_numpy() for each in (expected, found)
    ]
    assert (columns[0] > 0).any()
    np.testing.assert_allclose(columns[1], columns[0], rtol=1e-5, atol=1e-6)


def test_transient_and_permanent_registers_of_one_name_are_told_apart():
    model, inputs = network()
    array = Systolic(2, 3, word=Int(4), accumulator=Int(12))
    spaces = [
        FaultSpace.of(
            model, Registers(array, "fc", "sum", duration=d), f, array.formats, data=inputs
        )
        for d, f in (("transient", BitFlip()), ("permanent", StuckAt(1)))
    ]
    both, last = spaces[0] | spaces[1], spaces[1]
    for number in range(0, len(last), 7):
        with torch.no_grad():
            with inject(model, last, number):
                expected = model(inputs)
            with inject(model, both, len(spaces[0]) + number):
                assert torch.equal(model(inputs), expected)


def test_an_element_holds_one_word_at_a_time_however_many_cycles_there_are():
    model, inputs = network()
    array = Systolic(2, 3, word=Int(4), accumulator=Int(12))
    space = FaultSpace.of(
        model, Registers(array, "*", "sum"), BitFlip(), array.formats, data=inputs
    )
    results = run(model, inputs, space, PerTensor(4), engine=Serial(), progress=False)
    section = failures(results, main_figure(results), None)
    assert f"of {2 * 3 * 12:,} bits" in repr(section)
