"""Does a fault in a hidden state reach later steps, and nothing before it?"""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Replay, Serial
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32, Float64, Int
from radhard.injection import inject
from radhard.results import Results
from radhard.samplers import ErrorRate, PerTensor
from radhard.space import Fault, FaultSpace, Transient
from radhard.targets import TARGETS, Activations, HiddenStates
from radhard.workload import Workload

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")

SAMPLES, STEPS = 3, 5


class Sequences(nn.Module):
    """A recurrent layer that gives its outputs, samples first, and its last states."""

    def __init__(self, kind: type[nn.RNNBase], **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn = kind(3, 4, **options)
        self.double().eval()

    def forward(self, x: Tensor) -> Tensor:
        outputs, last = self.rnn(x if self.rnn.batch_first else x.transpose(0, 1))
        outputs = outputs if self.rnn.batch_first else outputs.transpose(0, 1)
        states = last if isinstance(last, tuple) else (last,)
        ends = [state.transpose(0, 1).flatten(1) for state in states]
        return torch.cat([outputs.flatten(1), *ends], dim=1)


def inputs(seed: int = 1) -> Tensor:
    return torch.randn(
        SAMPLES, STEPS, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.double
    )


def by_hand(model: Sequences, x: Tensor, name: str, step: int, unit: int, factor: float) -> Tensor:
    """The outputs of one sample by the equations, with a state multiplied after a step."""
    rnn, kind = model.rnn, model.rnn.mode
    below, ends = list(x), []
    for layer in range(rnn.num_layers):
        sides = []
        for end in ("", "_reverse") if rnn.bidirectional else ("",):
            own = {k: v for k, v in rnn.named_parameters() if k.endswith(f"_l{layer}{end}")}
            own = {k.partition("_l")[0]: v for k, v in own.items()}
            h = torch.zeros(rnn.proj_size or 4, dtype=x.dtype)
            c, found = torch.zeros(4, dtype=x.dtype), {}
            steps = range(len(x))
            for t in reversed(steps) if end else steps:
                sums = own["weight_ih"] @ below[t] + own["bias_ih"]
                more = own["weight_hh"] @ h + own["bias_hh"]
                if kind == "LSTM":
                    i, f, g, o = (sums + more).chunk(4)
                    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                    h = torch.sigmoid(o) * torch.tanh(c)
                    h = own["weight_hr"] @ h if rnn.proj_size else h
                elif kind == "GRU":
                    r, z = torch.sigmoid(sums[:8] + more[:8]).chunk(2)
                    h = (1 - z) * torch.tanh(sums[8:] + r * more[8:]) + z * h
                else:
                    h = torch.tanh(sums + more)
                if t == step and name == f"h_l{layer}{end}":
                    h = h.clone()
                    h[unit] *= factor
                if t == step and name == f"c_l{layer}{end}":
                    c = c.clone()
                    c[unit] *= factor
                found[t] = h
            sides.append(found)
            ends.append((h, c))
        below = [torch.cat([side[t] for side in sides]) for t in steps]
    states = [torch.cat(parts) for parts in zip(*ends, strict=True)]
    return torch.cat(
        [torch.cat(below), states[0], *(states[1:] if kind == "LSTM" else [])]
    ).detach()


@given(
    kind=st.sampled_from([nn.LSTM, nn.GRU, nn.RNN]),
    layers=st.integers(1, 2),
    both=st.booleans(),
    first=st.booleans(),
    projected=st.booleans(),
    state=st.sampled_from("hc"),
    choose=st.integers(0, 10**6),
)
def test_the_rest_equals_a_hand_made_loop_and_what_is_before_stays_bit_for_bit(
    kind, layers, both, first, projected, state, choose
):
    lstm = kind is nn.LSTM
    size = {"proj_size": 2} if projected and lstm else {}
    model = Sequences(kind, num_layers=layers, bidirectional=both, batch_first=first, **size)
    x, target = inputs(), HiddenStates("*", state=state if lstm else "h")
    space = FaultSpace.of(model, target, BitFlip(bits=63), Float64(), data=x)
    fault = space[choose % len(space)]
    (step, unit), sample = space.coordinates(fault)
    name = fault.tensor.partition(":")[2]
    with torch.no_grad():
        golden = model(x)
        with inject(model, space, fault):
            faulty = model(x)
    expected = by_hand(model, x[sample], name, step, unit, -1.0)
    assert torch.allclose(faulty[sample], expected, rtol=1e-9, atol=1e-12)
    assert torch.allclose(golden[sample], by_hand(model, x[sample], "", 0, 0, 1.0), atol=1e-12)
    others = [one for one in range(SAMPLES) if one != sample]
    assert torch.equal(faulty[others], golden[others])
    # Of the last layer, what was computed before; of others only if nothing reads them backwards.
    width = model.rnn.proj_size or 4
    shape = (SAMPLES, STEPS, 2 if both else 1, width)
    one, other = (y[:, : STEPS * shape[2] * width].reshape(shape)[sample] for y in (faulty, golden))
    back = name.endswith("_reverse")
    before = slice(step + 1, None) if back else slice(0, step)
    if f"_l{layers - 1}" in name:
        assert torch.equal(one[before, int(back)], other[before, int(back)])
        assert (
            torch.equal(one[:, 1 - int(back) :][:, :1], other[:, 1 - int(back) :][:, :1])
            or not both
        )
    elif not both:
        assert torch.equal(one[before], other[before])
    if state == "h" and f"_l{layers - 1}" in name:
        assert not torch.equal(one[step, int(back)], other[step, int(back)])


@pytest.mark.parametrize(("kind", "state"), [
    (nn.LSTMCell, "h"), (nn.LSTMCell, "c"), (nn.GRUCell, "h"), (nn.RNNCell, "h"),
])  # fmt: skip
def test_a_cell_has_a_step_for_each_call(kind, state):
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.cell = kind(3, 4)

        def forward(self, x: Tensor, flip: tuple[int, int, int] | None = None) -> Tensor:
            now, found = None, []
            for t in range(x.shape[1]):
                now = self.cell(x[:, t]) if now is None else self.cell(x[:, t], now)
                if flip is not None and flip[0] == t:
                    parts = list(now) if isinstance(now, tuple) else [now]
                    which = "hc".index(state)
                    parts[which] = parts[which].clone()
                    parts[which][flip[1], flip[2]] *= -1
                    now = tuple(parts) if isinstance(now, tuple) else parts[0]
                found.append(now[0] if isinstance(now, tuple) else now)
            return torch.stack(found, dim=1)

    model, x = Loop().eval(), inputs().float()
    target = HiddenStates("cell", state=state, steps="1:4")
    space = FaultSpace.of(model, target, BitFlip(bits=31), Float32(), data=x)
    assert [site.name for site in space.sites] == [f"cell:{state}"]
    assert len(space) == SAMPLES * 3 * 4
    with torch.no_grad():
        for number in range(0, len(space), 5):
            (step, unit), sample = space.coordinates(space[number])
            assert 1 <= step < 4
            expected = model(x, (step, sample, unit))
            with inject(model, space, number):
                assert torch.equal(model(x), expected)


def test_a_fault_that_changes_no_bit_changes_no_output():
    model, x = Sequences(nn.LSTM, num_layers=2, batch_first=True), inputs()
    space = FaultSpace.of(model, HiddenStates("*"), StuckAt(0, bits=62), Float64(), data=x)
    with torch.no_grad():
        golden = model(x)
        for number in range(0, len(space), 7):  # no state is as large as 2, so that bit 62 is 0
            with inject(model, space, number):
                assert torch.equal(model(x), golden)


def test_faults_in_several_states_of_one_call_act_together():
    model, x = Sequences(nn.LSTM, num_layers=2, batch_first=True), inputs()
    parts = [HiddenStates("*", state="h"), HiddenStates("*", state="c")]
    spaces = [FaultSpace.of(model, one, BitFlip(bits=63), Float64(), data=x) for one in parts]
    space = spaces[0] | spaces[1]
    faults = [Fault("rnn:h_l0", 4, 0), Fault("rnn:c_l1", 10, 0)]  # steps 1 and 2, sample 0
    rnn = model.rnn
    with torch.no_grad():
        lower, upper = nn.LSTM(3, 4).double(), nn.LSTM(4, 4).double()
        for one, at in ((lower, 0), (upper, 1)):
            for name, value in one.named_parameters():
                value.copy_(getattr(rnn, name.replace("_l0", f"_l{at}")))

        def halves(layer: nn.LSTM, x: Tensor, cut: int, state: int, unit: int) -> Tensor:
            first, now = layer(x[:cut])
            now[state][0, 0, unit] *= -1
            first[-1] = now[0][0]
            return torch.cat([first, layer(x[cut:], now)[0]])

        middle = halves(lower, x.transpose(0, 1), 2, 0, 0)
        expected = halves(upper, middle, 3, 1, 2).transpose(0, 1)
        with inject(model, space, faults):
            faulty = model(x)[:, : STEPS * 4].reshape(SAMPLES, STEPS, 4)
        assert torch.allclose(faulty[0], expected[0], atol=1e-12)
        with inject(model, space, faults[0]), inject(model, space, faults[1]):
            nested = model(x)[:, : STEPS * 4].reshape(SAMPLES, STEPS, 4)
        assert torch.equal(faulty, nested)


def test_a_fault_in_the_output_is_injected_into_that_of_the_faulty_state():
    model, x = Sequences(nn.GRU, batch_first=True), inputs()
    states = FaultSpace.of(model, HiddenStates("*"), BitFlip(bits=63), Float64(), data=x)
    with pytest.warns(UserWarning, match="recurrent"):
        outputs = FaultSpace.of(model, Activations("rnn:0"), BitFlip(bits=63), Float64(), data=x)
    space = states | outputs
    word = STEPS * 4 - 1  # the last step of sample 0
    with torch.no_grad():
        with inject(model, space, Fault("rnn:h_l0", 0, 0)):
            alone = model(x)
        with inject(model, space, [Fault("rnn:h_l0", 0, 0), Fault("rnn:0", word, 0)]):
            both = model(x)
    assert both[0, word] == -alone[0, word]
    assert torch.equal(both[0, :word], alone[0, :word])


def test_repeated_calls_and_given_states_and_unbatched_sequences():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rnn = nn.GRU(3, 3, batch_first=True)
            self.start = nn.Parameter(torch.randn(4, 3))

        def forward(self, x: Tensor) -> Tensor:
            first, last = self.rnn(x)
            second, _ = self.rnn(first, hx=last)
            alone, _ = self.rnn(self.start)  # a sequence without a batch, the same for all samples
            return second + alone[-1]

    model, x = Twice().eval(), inputs().float()
    space = FaultSpace.of(model, HiddenStates("*"), BitFlip(bits=31), Float32(), data=x)
    shapes = {site.name: (site.shape, site.samples) for site in space.sites}
    assert shapes == {
        "rnn:h_l0": ((STEPS, 3), SAMPLES),
        "rnn@1:h_l0": ((STEPS, 3), SAMPLES),
        "rnn@2:h_l0": ((4, 3), None),
    }
    with torch.no_grad():
        first, last = model.rnn(x)
        start, state = model.rnn(first[:, :3], last)
        flipped = state.clone()
        flipped[0, 1, 2] *= -1
        rest, _ = model.rnn(first[:, 3:], flipped)
        start[1, 2, 2] *= -1
        alone, _ = model.rnn(model.start)
        expected = torch.cat([start, rest], dim=1) + alone[-1]
        with inject(model, space, Fault("rnn@1:h_l0", STEPS * 3 + 2 * 3 + 2, 0)):
            assert torch.allclose(model(x), expected, atol=1e-6)
        before, now = model.rnn(model.start[:2])
        now[0, 1] *= -1
        after, _ = model.rnn(model.start[2:], now)
        second, _ = model.rnn(first, last)
        with inject(model, space, Fault("rnn@2:h_l0", 1 * 3 + 1, 0)):
            assert torch.allclose(model(x), second + after[-1], atol=1e-6)
    assert len(before) == 2


def test_several_rows_a_sample_are_told_apart():
    class Folded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rnn = nn.RNN(3, 2)

        def forward(self, x: Tensor) -> Tensor:  # two series a sample: (samples, 2, steps, 3)
            outputs, _ = self.rnn(x.flatten(0, 1).transpose(0, 1))
            return outputs[-1].unflatten(0, (-1, 2)).flatten(1)

    model = Folded().eval()
    x = torch.randn(SAMPLES, 2, STEPS, 3, generator=torch.Generator().manual_seed(0))
    space = FaultSpace.of(model, HiddenStates("*", steps=-1), BitFlip(bits=31), Float32(), data=x)
    assert [site.shape for site in space.sites] == [(STEPS, 2, 2)]
    assert len(space) == SAMPLES * 4
    with torch.no_grad():
        golden = model(x)
        for number, fault in enumerate(space):
            (step, row, unit), sample = space.coordinates(fault)
            expected = golden.clone()
            expected[sample, row * 2 + unit] *= -1
            assert step == STEPS - 1
            with inject(model, space, number):
                assert torch.equal(model(x), expected)


def test_samples_in_every_inference_have_the_fault_at_the_same_place():
    model, x = Sequences(nn.GRU, batch_first=True), inputs()
    target = HiddenStates("rnn", steps=2, sample="every")
    space = FaultSpace.of(model, target, BitFlip(bits=63), Float64(), data=x)
    assert len(space) == 4
    with torch.no_grad(), inject(model, space, 3):
        faulty = model(x)
    for sample in range(SAMPLES):
        assert torch.allclose(faulty[sample], by_hand(model, x[sample], "h_l0", 2, 3, -1.0))


def test_campaigns_on_states_have_the_same_verdicts_by_replay_and_are_read_from_a_file(tmp_path):
    class Judged(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(3)
            self.rnn, self.fc = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0][:, -1])

    model, x = Judged().eval(), inputs().float()
    for state in ("h", "c"):
        target = HiddenStates("*", state=state, steps="1:5:2")
        space = FaultSpace.of(model, target, BitFlip(), Float32(), data=x)
        assert space.exposures == (Transient(),)
        assert {space.coordinates(fault)[0][0] for fault in space} == {1, 3}
        found, expected = (
            run(model, x, space, PerTensor(120), engine=one, progress=False, audit=0,
                store=tmp_path / f"{state}{type(one).__name__}.db")
            for one in (Replay(), Serial())
        )  # fmt: skip
        # Whether an output is masked depends on its last bits, which the order of sums changes.
        for column in ("critical", "due"):
            assert np.array_equal(found.values(column), expected.values(column)), column
        read = Results.open(tmp_path / f"{state}Serial.db")
        assert list(read.space) == list(space)
        many = run(model, x, space, ErrorRate(0.02, trials=4), engine=Serial(), progress=False)
        assert many.values("masked").mean() < 1


def test_a_range_is_written_as_text_that_can_be_read():
    target = HiddenStates("*", steps=range(2, 6, 2))  # type: ignore[arg-type]
    assert repr(target) == "HiddenStates('*', steps='2:6:2')"
    assert TARGETS.parse(repr(target)) == target
    assert HiddenStates("*", steps=range(2, 5)).steps == "2:5"  # type: ignore[arg-type]


@given(start=st.integers(-5, 5), stop=st.integers(-5, 5), step=st.integers(1, 3))
def test_steps_are_those_of_a_python_slice(start, stop, step):
    workload = Workload(Sequences(nn.RNN, batch_first=True), Data(inputs()))
    expected = list(range(STEPS))[start:stop:step]
    target = HiddenStates("*", steps=f"{start}:{stop}:{step}")
    if not expected:
        with pytest.raises(InputError, match="0 to 4"):
            target.sites(workload)
        return
    (site,) = target.sites(workload)
    assert list(range(STEPS)[slice(*site.rows) if site.rows else slice(None)]) == expected


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.full((len(x),), 4)
        return self.rnn(pack_padded_sequence(x, lengths, batch_first=True))[1][0]


class OwnForward(nn.LSTM):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x)[0]


@pytest.mark.parametrize(
    ("model", "options", "match"),
    [
        (Sequences(nn.GRU, batch_first=True), {"steps": 5}, "'rnn:h_l0' has 5 steps.*0 to 4"),
        (Sequences(nn.GRU, batch_first=True), {"steps": -6}, "'rnn:h_l0' has 5 steps.*0 to 4"),
        (Sequences(nn.GRU, batch_first=True), {"steps": "3:9"}, "has 5 steps.*0 to 4"),
        (Sequences(nn.GRU, batch_first=True), {"steps": "first"}, "steps='first' is not allowed"),
        (Sequences(nn.GRU, batch_first=True), {"steps": range(5, 2)}, "range"),
        (
            Sequences(nn.GRU, batch_first=True),
            {"state": "c"},
            "no nn.LSTM or nn.LSTMCell is called",
        ),
        (Sequences(nn.GRU, batch_first=True), {"state": "x"}, "state='x' is not allowed"),
        (Sequences(nn.GRU, batch_first=True), {"pattern": "fc"}, "there is: rnn:h_l0"),
        (nn.Sequential(nn.Linear(3, 4)).double(), {}, "cannot be reached.*Activations"),
        (Packed().double(), {}, "'rnn' is given packed sequences; give it a padded tensor"),
        (nn.Sequential(OwnForward(3, 4)).double(), {}, "'0' has a forward of its own"),
        (nn.Sequential(nn.RNN(3, 4)).double(), {}, "samples of a batch as time steps.*batch_first"),
    ],
)
def test_what_cannot_be_reached_is_said_in_one_line(model, options, match):
    with pytest.raises(InputError, match=match) as raised:
        FaultSpace.of(
            model,
            HiddenStates(**{"pattern": "*", **options}),
            BitFlip(),
            Float64(),
            data=inputs(),
            call=lambda m, x: y[0] if isinstance(y := m(x), tuple) else y,
        )
    assert "\n" not in str(raised.value)


def test_states_are_not_rounded_so_that_only_their_own_words_can_be_faulty():
    model = Sequences(nn.GRU, batch_first=True)
    with pytest.raises(InputError, match="computed as float64 in every pass"):
        FaultSpace.of(model, HiddenStates("*"), BitFlip(), Int(8), data=inputs())


def test_dropout_that_is_drawn_anew_is_refused():
    model = Sequences(nn.LSTM, num_layers=2, dropout=0.5, batch_first=True)
    x = inputs()
    space = FaultSpace.of(model, HiddenStates("*"), BitFlip(), Float64(), data=x)
    model.train()
    with pytest.raises(InputError, match="dropout"), inject(model, space, 0):
        model(x)
    model.eval()
    with inject(model, space, 63), torch.no_grad():
        assert not torch.equal(model(x), torch.zeros(1))


def test_after_an_exception_no_fault_remains():
    model, x = Sequences(nn.LSTM, batch_first=True), inputs()
    space = FaultSpace.of(model, HiddenStates("*"), BitFlip(bits=63), Float64(), data=x)
    golden = model(x)
    for number in itertools.islice(range(len(space)), 0, None, 29):
        with pytest.raises(KeyboardInterrupt), inject(model, space, number):
            raise KeyboardInterrupt
        assert torch.equal(model(x), golden)
        with inject(model, space, 0), torch.no_grad():
            assert not torch.equal(model(x), golden)
