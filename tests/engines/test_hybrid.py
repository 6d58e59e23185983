"""Does Hybrid settle what may be settled, and agree with executed trials?"""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from radhard.accelerators import Systolic
from radhard.analyses import DeepVigor, Ranges
from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import ENGINES, Campaign, Hybrid, Serial, UnsuitableError
from radhard.engines.hybrid.layer_deviations import of_registers
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Int
from radhard.injection import inject
from radhard.metrics import Accuracy, Critical, Panel
from radhard.quantization import quantized
from radhard.samplers import Exhaustive, Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Registers, Weights
from radhard.workload import Workload

ARRAY = Systolic(3, 2)


def network() -> nn.Module:
    """A convolution and two linear layers in integers of 8 bits, which separate two classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)
        )
        # Larger weights and no biases, so that the answers are not all the same.
        for name, parameter in model.named_parameters():
            parameter.data.mul_(0 if "bias" in name else 2)
    return quantized(model.eval(), data(40, 1), Int(8), inputs=True)


def data(n: int, seed: int) -> Data:
    inputs = torch.randn(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return Data(inputs, torch.arange(n) % 3)


def ranges_file(folder, model: nn.Module, samples: Data) -> str:
    path = str(folder / "ranges.npz")
    # Every input has its own thresholds, up to a quarter of the step of an output.
    analysis = DeepVigor(format=Int(8), epsilon=8.0, bound=64.0, tolerance=0.002, loss=None)
    analysis.ranges(model, samples, progress=False).save(path)
    return path


def registers(model: nn.Module, samples: Data, pattern: str = "*") -> FaultSpace:
    return FaultSpace.of(model, Registers(ARRAY, pattern), BitFlip(), ARRAY.formats, data=samples)


def activations(model: nn.Module, samples: Data) -> FaultSpace:
    return FaultSpace.of(model, Activations("0|3|5"), BitFlip(), Int(8), data=samples)


def critical(results) -> np.ndarray:
    frame = results.to_frame().sort_values("fault")
    return frame["Critical().critical"].to_numpy()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The model, the samples that were analyzed, and their ranges."""
    model, samples = network(), data(6, 3)
    return model, samples, ranges_file(tmp_path_factory.mktemp("hybrid"), model, samples)


def test_it_agrees_with_executed_trials_on_every_analyzed_input(prepared):
    model, samples, path = prepared
    space = activations(model, samples)
    found, true = (
        run(model, samples, space, Exhaustive(), engine=e, metrics=[Critical()], audit=0)
        for e in (Hybrid(path, guard=1.5, audit=0), Serial())
    )
    np.testing.assert_array_equal(critical(found), critical(true))
    assert true.rate().value > 0.05
    (note,) = [note for note in found.notes if note.kind == "stopped early"]
    assert note.facts["of"] == len(space)
    assert 0.2 < note.facts["low"] < note.facts["share"] < note.facts["high"] < 1


def test_a_larger_guard_settles_no_more_trials_and_none_otherwise(prepared):
    _, _, path = prepared
    ranges, rng = Ranges.load(path), np.random.default_rng(1)
    neurons, golden = rng.integers(0, 8, 4000), rng.integers(0, 3, 4000)
    deviations, margins = rng.normal(size=4000), rng.exponential(size=4000)
    before = ranges.classify("0", neurons, deviations, golden)
    for guard in (1.0, 2.0, 4.0):
        verdicts = ranges.guarded("0", neurons, deviations, golden, margins, guard=guard)
        assert ((verdicts == 1) | (verdicts == before)).all()
        assert (verdicts != 1).any()
        before = verdicts
    guarded = ranges.guarded("0", neurons, deviations, golden, margins, guard=1.0, least=0.5)
    assert not ((guarded == 0) & (margins <= 0.5)).any()
    for number in range(3):
        low, high = ranges.margins.get(number, (np.inf, -np.inf))
        of_class = golden == number
        assert (margins[of_class & (guarded == 0)] >= low * 0.999).all()
        assert (margins[of_class & (guarded == 2)] <= high * 1.001).all()


def test_faults_in_registers_are_settled_too(prepared):
    model, samples, path = prepared
    space = registers(model, samples)
    found, true = (
        run(model, samples, space, Uniform(700), seed=4, engine=e, metrics=[Critical()], audit=0)
        for e in (Hybrid(path, audit=0), Serial())
    )
    np.testing.assert_array_equal(critical(found), critical(true))
    assert true.rate().value > 0.005
    (note,) = [note for note in found.notes if note.kind == "stopped early"]
    assert note.facts["share"] > 0.7


def test_the_deviation_is_that_of_the_rounded_output_of_the_layer(prepared):
    model, samples, path = prepared
    space = registers(model, samples, "0")
    faults = Uniform(200).draw(space, 7)
    workload = Workload.of(model, samples, batch=1)
    workload = dataclasses.replace(workload, independent=True)
    with workload.open():
        campaign = Campaign(workload, space, faults, Panel([Critical()], workload.golden, None))
        session = Hybrid(path).open(campaign)
        plan = session._replay.plans[0]
        for place, site in enumerate(space.sites):
            mine = [n for n in range(200) if space.locate(faults[n])[0][0] == place]
            numbers = faults.at(np.array(mine))
            _, words, variants = space.locate(numbers)
            rows, inner = np.divmod(words, int(np.prod(site.shape)))
            there = of_registers(plan, place, inner, variants, rows)
            for at, number in enumerate(numbers.tolist()):
                by_hook = _deviation(model, samples, space, number)[rows[at]].flatten()
                assert there.counts[at] == (by_hook != 0).sum()
                if there.counts[at] == 1:
                    assert there.neurons[at] == by_hook.abs().argmax()
                    assert there.by[at] == pytest.approx(by_hook.sum().item(), abs=1e-6)


def _deviation(model, samples, space, number, layer=0):
    outputs = []
    handle = model[layer].register_forward_hook(lambda m, a, out: outputs.append(out.double()))
    with torch.no_grad():
        model(samples.inputs)
        with inject(model, space, number):
            model(samples.inputs)
    handle.remove()
    return outputs[1] - outputs[0]


def test_harmless_deviations_may_add_up_so_that_several_are_executed(prepared, tmp_path):
    """A ReLU network in which each of two deviations is harmless, and both together are not."""
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [1.0]]))
        model[0].bias.zero_()
        model[2].weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]) / 2)
        model[2].bias.copy_(torch.tensor([-1.0, 1.0]))
    samples = Data(torch.tensor([[0.55], [0.945]]), torch.tensor([1, 1]))
    made = quantized(model, Data(torch.tensor([[1.5]]), None), Int(8), inputs=True)
    path = ranges_file(tmp_path, made, samples)
    array = Systolic(2, 2, dataflow="input_stationary")
    space = FaultSpace.of(
        made, Registers(array, "0", "input"), BitFlip(), array.formats, data=samples
    )
    found, true = (
        run(made, samples, space, Exhaustive(), engine=e, metrics=[Critical()], audit=0)
        for e in (Hybrid(path, audit=0), Serial())
    )
    np.testing.assert_array_equal(critical(found), critical(true))
    # An input that is wrong in both sums is harmful, where either sum alone is not.
    ranges = Ranges.load(path)
    both = [n for n in range(len(space)) if space[n].tensor == "0:input" and critical(true)[n]]
    alone = 0
    for number in both:
        moved = _deviation(made, samples, space, number)
        sample = int(moved.abs().sum(1).argmax())
        verdicts = ranges.classify("0", np.arange(2), moved[sample].numpy(), np.ones(2, int))
        alone += (verdicts == 0).all()
    assert alone


def test_wrong_ranges_are_found_out_by_the_audit(prepared, tmp_path):
    model, samples, path = prepared
    ranges = Ranges.load(path)
    layers = {
        name: dataclasses.replace(
            limits,
            safe_up=np.full_like(limits.safe_up, 1e9),
            safe_down=np.full_like(limits.safe_down, 1e9),
        )
        for name, limits in ranges.layers.items()
    }
    dataclasses.replace(ranges, layers=layers).save(tmp_path / "wrong.npz")
    space = activations(model, samples)
    engine = Hybrid(str(tmp_path / "wrong.npz"), audit=1.0)
    found, true = (
        run(model, samples, space, Exhaustive(), engine=e, metrics=[Critical()], audit=0)
        for e in (engine, Serial())
    )
    assert any(note.kind == "refuted" for note in found.notes)
    np.testing.assert_array_equal(critical(found), critical(true))


def test_rates_on_other_inputs_are_corrected_and_audited(prepared):
    model, _, path = prepared
    other = data(10, 9)
    space = activations(model, other)
    found = run(model, other, space, Uniform(700), engine=Hybrid(path), metrics=[Critical()])
    true = run(model, other, space, Exhaustive(), engine="auto", metrics=[Critical()], audit=0)
    assert found.rate().low <= true.rate().value <= found.rate().high
    assert any(note.kind == "inference" for note in found.notes)


def test_the_figures_do_not_depend_on_workers(prepared):
    model, samples, path = prepared
    space = registers(model, samples)
    one, two = (
        run(
            model,
            samples,
            space,
            Uniform(300),
            engine=Hybrid(path),
            metrics=[Critical()],
            workers=n,
            audit=0,
        )
        for n in (1, 2)
    )
    assert one.to_frame().equals(two.to_frame())


def test_other_faults_are_executed_by_replay(prepared):
    model, samples, path = prepared
    stored = FaultSpace.of(model, Weights("0.weight"), BitFlip(), Int(8))
    every = FaultSpace.of(model, Activations("0", sample="every"), BitFlip(), Int(8), data=samples)
    for space in (stored, every, activations(model, samples) | stored):
        found, true = (
            run(model, samples, space, Uniform(60), engine=e, metrics=[Critical()], audit=0)
            for e in (Hybrid(path), Serial())
        )
        np.testing.assert_array_equal(critical(found), critical(true))
        assert any(note.kind == "no ranges" for note in found.notes)


def test_what_it_does_not_take_is_said_in_one_line(prepared, tmp_path):
    model, samples, path = prepared
    space = activations(model, samples)
    other = network()
    with torch.no_grad():
        other[5].bias.add_(1)
    for make, kind, text in [
        (lambda: run(other, samples, space, Uniform(9), **_asked(path)), InputError, "another"),
        (lambda: run(model, samples, space, Uniform(9), **_asked("no.npz")), InputError, "no.npz"),
        (
            lambda: run(
                model, samples, space, Uniform(9), engine=Hybrid(path), metrics=[Accuracy()]
            ),
            UnsuitableError,
            r"Accuracy\(\) depends on more",
        ),
        (lambda: Hybrid(path, audit=2.0), InputError, "audit=2"),
        (lambda: Hybrid(path, guard=0.5), InputError, r"guard=0\.5"),
    ]:
        with pytest.raises(kind, match=text) as error:
            make()
        assert "\n" not in str(error.value)
    assert ENGINES.parse(repr(Hybrid(path))) == Hybrid(path)


def _asked(path: str) -> dict[str, object]:
    return {"engine": Hybrid(path), "metrics": [Critical()]}
