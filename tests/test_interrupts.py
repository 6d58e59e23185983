"""Does Ctrl-C leave anything behind, whenever it comes?"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch

import radhard
from radhard.campaign import run
from radhard.engines import Engine, Replay, Serial
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.injection import inject, injecting
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Buffers, Inputs, Weights
from tests.traces import hooks, traces
from tests.zoo import named

WATCHED = {
    str(path)
    for folder in [Path(radhard.__file__).parent]
    for path in (*(folder / "injection").glob("*.py"), *(folder / "targets").glob("*.py"))
}

EVERYTHING = {str(path) for path in Path(radhard.__file__).parent.rglob("*.py")}

STEP = 997
"""Lines from one interrupt of a run to the next: a prime, so that loops are met at any place."""


def interruption(
    action: Callable[[], None], *, at: int, watched: set[str] | None = None
) -> KeyboardInterrupt | None:
    """What comes of an interrupt before the ``at``-th line of ours that runs; None: fewer ran."""
    lines, files = 0, watched or WATCHED

    def line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        if event == "line" and lines == at:
            raise KeyboardInterrupt
        return line

    def call(frame: FrameType, event: str, argument: object) -> Any:
        return line if frame.f_code.co_filename in files else None

    tracing = sys.gettrace()
    sys.settrace(call)
    try:
        action()
    except KeyboardInterrupt as error:
        return error
    finally:
        sys.settrace(tracing)
    assert lines < at, "the interrupt was swallowed"
    return None


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_ctrl_c_at_any_line_leaves_nothing_behind(step: int):
    model, inputs = named("dropout").build().eval(), named("dropout").inputs()
    flowing = [Activations("0"), Inputs("*")]
    space = FaultSpace.of(
        model,
        [Weights("0"), Biases("3"), Buffers("*mean"), *flowing],
        BitFlip(),
        Float32(),
        data=inputs,
    )
    firsts = space.starts[:-1].tolist()
    before = traces(model), circumstances()

    def action() -> None:
        with inject(model, space, firsts), inject(model, space, [firsts[0], firsts[3]]):
            plain = model(inputs)
            assert plain.shape == (3, 3)

    at = 1
    while error := interruption(action, at=at):
        # Seen while the error keeps all frames alive, so that no garbage collector had its turn.
        assert (traces(model), circumstances()) == before, at
        assert error.__traceback__ is not None
        at += step
    assert at > 300
    assert (traces(model), circumstances()) == before
    assert hooks(model) == 0


@pytest.mark.parametrize(
    "engine", [pytest.param(Serial(), marks=pytest.mark.slow), Replay()], ids=repr
)
def test_ctrl_c_anywhere_in_a_run_leaves_nothing_behind(engine: Engine):
    model, inputs = named("dropout").build(), named("dropout").inputs()
    space = FaultSpace.of(model, Weights("0"), BitFlip(), Float32())
    before = traces(model), circumstances()

    def action() -> None:
        run(model, inputs, space, Uniform(2), engine=engine, audit=0, progress=False)

    action()
    at, found = 1, 0
    while error := interruption(action, at=at, watched=EVERYTHING):
        # Seen while the error keeps all frames alive, so that no garbage collector had its turn.
        assert (traces(model), circumstances()) == before, at
        assert error.__traceback__ is not None
        at, found = at + STEP, found + 1
    assert found > 10
    assert (traces(model), circumstances()) == before


def circumstances() -> object:
    """What torch and the injection hold for a whole process."""
    return (
        injecting(),
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.is_autocast_cache_enabled(),
        torch.get_num_threads(),
    )
