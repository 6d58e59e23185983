"""Which exceptions in a faulty pass count as DUE?"""

import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.engines import Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.results import Results
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Weights
from tests.small import tally

BITS = BitFlip(bits=30)


class Looking(nn.Module):
    """Looks rows up by what it computes: out of range where a fault is large."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.rows, self.o = nn.Linear(4, 4), nn.Embedding(16, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.o(self.rows((self.a(x).sigmoid() * 8 + self.a(x).abs() / 1e3).long()[:, 0]))


def crashing(model, inputs, space):
    """The faults under which a pass raises, by hand."""
    found = []
    for number in range(len(space)):
        fault = space[number]
        words = model.get_parameter(fault.tensor).data.view(-1).view(torch.int32)
        words[fault.word] ^= 1 << 30
        try:
            with torch.no_grad():
                model(inputs)
        except IndexError:
            found.append(number)
        finally:
            words[fault.word] ^= 1 << 30
    return found


@pytest.mark.parametrize("engine", [Serial(), Replay()])
@pytest.mark.parametrize("workers", [1, 2])
def test_crashes_are_due_and_their_kinds_are_in_the_notes(engine, workers, tmp_path):
    model, inputs = Looking().eval(), torch.randn(6, 4)
    space = FaultSpace.of(model, Weights("a|o"), BITS, Float32())
    expected = crashing(model, inputs, space)
    assert expected
    path = tmp_path / "run.db"
    results = run(
        model, inputs, space, Exhaustive(), engine=engine, workers=workers, store=path,
        audit=0, progress=False,
    )  # fmt: skip
    frame = results.to_frame()
    due = frame.loc[results.values("due") == 1, "fault"].tolist()
    assert set(expected) <= set(due)
    (note,) = [note for note in results.notes if note.kind == "exceptions"]
    assert note.facts == {"kinds": {"IndexError": len(expected)}}
    assert "DUE" in str(note)
    assert f"IndexError ({len(expected)})" in str(note)
    assert sorted(Results.open(path).manifest["crashes"]) == sorted(map(str, expected))


@pytest.mark.parametrize("error", [TimeoutError, ConnectionError, RuntimeError, ValueError])
def test_what_does_not_come_again_is_raised(error):
    model, inputs = nn.Linear(4, 3).eval(), torch.randn(6, 4)
    space = FaultSpace.of(model, Weights("*"), BITS, Float32())
    count = tally()

    def call(net, batch):
        if count(1) == 14:
            raise error("the server does not answer")
        return net(batch)

    with pytest.raises(error, match="does not answer"):
        run(model, inputs, space, Exhaustive(), call=call, engine=Serial(), progress=False)


def test_what_comes_without_a_fault_too_is_raised():
    model, inputs = nn.Linear(4, 3).eval(), torch.randn(6, 4)
    space = FaultSpace.of(model, Weights("*"), BITS, Float32())
    count = tally()

    def call(net, batch):
        if count(1) >= 14:
            raise RuntimeError("the licence has expired")
        return net(batch)

    with pytest.raises(RuntimeError, match="licence"):
        run(model, inputs, space, Exhaustive(), call=call, engine=Serial(), progress=False)


class Outside(nn.Module):
    """Keeps the largest value that it met where no module is."""

    def __init__(self, peak):
        super().__init__()
        self.a, self.peak = nn.Linear(4, 3), peak

    def forward(self, x):
        out = self.a(x)
        return out / self.peak(out.detach().abs().max())


def largest():
    most = torch.tensor(1e-3)

    def more(value):
        nonlocal most
        most = torch.maximum(most, value)
        return most

    return more


@pytest.mark.parametrize("engine", [Serial(), Replay(), "auto"])
def test_state_outside_the_modules_is_refused_and_no_run_file_begun(engine, tmp_path):
    torch.manual_seed(0)
    model, inputs = Outside(largest()).eval(), torch.randn(6, 4)
    with torch.no_grad():
        model(inputs)
    space = FaultSpace.of(model, Weights("*"), BITS, Float32())
    path = tmp_path / "run.db"
    with pytest.raises(InputError, match=r"outside the model's modules.*build it again"):
        run(model, inputs, space, Exhaustive(), engine=engine, store=path, progress=False)
    assert not path.exists()


@pytest.mark.parametrize("batch", [1, 2, 3, 6])
def test_dependence_on_the_pass_before_is_not_taken_for_chance(batch):
    """What is kept outside holds other samples when the first comparison is made."""
    torch.manual_seed(0)
    model, inputs = nn.Linear(4, 3).eval(), torch.randn(6, 4)
    space = FaultSpace.of(model, Weights("*"), BITS, Float32())
    last = [torch.zeros(3)]

    def call(net, batch):
        out, before = net(batch), last[0]
        last[0] = out.detach().mean(0)
        return out + before

    with pytest.raises(InputError, match="outside the model's modules"):
        run(
            model, inputs, space, Exhaustive(), call=call, engine=Serial(), batch=batch,
            progress=False,
        )  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
def test_state_outside_that_only_a_fault_reaches_is_found_at_the_end(workers, tmp_path):
    """A value that no inputs reach, but a weight does."""
    torch.manual_seed(0)
    model, inputs = nn.Linear(4, 3).eval(), torch.randn(6, 4)
    space = FaultSpace.of(model, Weights("*"), BITS, Float32())
    met = []

    def call(net, batch):
        if float(net.weight.abs().max()) > 1e30:
            met.append(1)
        return net(batch) * (2 if met else 1)

    path = tmp_path / "run.db"
    with pytest.raises(InputError, match=r"outside the model's modules.*faulty passes.*build it"):
        run(
            model, inputs, space, Exhaustive(), call=call, engine=Serial(), workers=workers,
            store=path, progress=False,
        )  # fmt: skip
    with pytest.raises(InputError, match="cannot be trusted"):
        Results.open(path)


def test_weights_written_without_a_trace_by_a_fault_alone_are_found_at_the_end():
    torch.manual_seed(0)
    model, inputs = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3)).eval(), torch.randn(6, 4)
    before = model[1].weight.detach().clone()
    space = FaultSpace.of(model, Weights("0"), BITS, Float32())

    def call(net, batch):
        if float(net[0].weight.detach().abs().max()) > 1e30:
            net[1].weight.data.mul_(2)
        return net(batch)

    with pytest.raises(InputError, match=r"'1\.weight'"):
        run(model, inputs, space, Exhaustive(), call=call, engine=Serial(), progress=False)
    assert torch.equal(model[1].weight, before)
