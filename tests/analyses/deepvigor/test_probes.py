"""Do probes say what the model says when a layer's output really deviates?"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.analyses.classifier_workload import classifier_workload
from radhard.analyses.deepvigor.losses import loss
from radhard.analyses.deepvigor.probes import Probes
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.forward import plain
from radhard.manifest import fingerprint
from radhard.models import load
from tests.analyses.deepvigor.hand import Branching, convolutional, inputs_of


@contextmanager
def probing(model: nn.Module, data: Data, **changed: int) -> Iterator[Probes]:
    with classifier_workload(
        "test", model, data, call=plain, batch=100, seed=0, progress=False
    ) as workload:
        yield Probes(workload, **changed)


def hooked(
    model: nn.Module, layer: str, sample: Tensor, change: Callable[[Tensor], Tensor]
) -> Tensor:
    """The logits of one sample when a module's output is changed."""
    handle = model.get_submodule(layer).register_forward_hook(lambda m, i, out: change(out))
    try:
        with torch.no_grad():
            return model(sample[None])[0]
    finally:
        handle.remove()


def off(out: Tensor, place: object, by: Tensor) -> Tensor:
    out = out.clone()
    out[place] = out[place] + by
    return out


MODELS = {
    "graph": (convolutional(), "", inputs_of()),
    "no graph": (Branching(convolutional()).eval(), "inner.", inputs_of()),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_neuron_that_is_off_gives_the_logits_of_a_hooked_model(kind: str) -> None:
    model, prefix, data = MODELS[kind]
    rng = np.random.default_rng(3)
    with probing(model, data) as probes:
        assert bool(probes.note) == (kind == "no graph")
        assert list(probes.sites) == [f"{prefix}{name}" for name in ("0", "3", "7", "9")]
        for layer, site in probes.sites.items():
            samples = torch.from_numpy(rng.integers(len(data), size=12))
            neurons = torch.from_numpy(rng.integers(math.prod(site.shape), size=12))
            deltas = torch.from_numpy(rng.normal(size=12) * 10.0 ** rng.integers(-1, 5, 12))
            found = probes.neurons(layer, samples, neurons, deltas.float())
            for at in range(12):
                place = (0, *np.unravel_index(int(neurons[at]), site.shape))
                wanted = hooked(
                    model,
                    layer,
                    data.inputs[samples[at]],
                    lambda out: off(out, place, deltas[at].float()),  # noqa: B023
                )
                torch.testing.assert_close(found[at], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_a_channel_that_is_off_gives_the_logits_of_a_hooked_model(kind: str) -> None:
    model, _, data = MODELS[kind]
    rng = torch.Generator().manual_seed(1)
    with probing(model, data) as probes:
        for layer, site in probes.sites.items():
            assert probes.channel_axis(layer) == 0
            samples = torch.arange(len(data))
            channels = torch.randint(site.shape[0], (len(data),), generator=rng)
            for by in (
                torch.randn(len(data), generator=rng),
                torch.randn(len(data), *site.shape[1:], generator=rng),
            ):
                found = probes.channels(layer, samples, channels, by)
                for at in range(len(data)):
                    wanted = hooked(
                        model,
                        layer,
                        data.inputs[at],
                        lambda out: off(out, (0, channels[at]), by[at]),  # noqa: B023
                    )
                    torch.testing.assert_close(found[at], wanted, rtol=1e-4, atol=1e-4)


def test_channels_of_a_linear_layer_on_sequences_are_on_its_last_axis() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Flatten(), nn.Linear(8, 2)).eval()
    data = Data(torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0)))
    with probing(model, data) as probes:
        assert probes.sites["0"].shape == (2, 4)
        assert probes.channel_axis("0") == 1
        by = torch.tensor([[2.0, -3.0]])
        found = probes.channels("0", torch.tensor([1]), torch.tensor([3]), by)
    wanted = hooked(model, "0", data.inputs[1], lambda out: off(out, (0, ..., 3), by[0]))
    torch.testing.assert_close(found[0], wanted)


@pytest.mark.parametrize("value", [math.nan, math.inf, 3e38, -3e38])
def test_values_that_may_overflow_go_through_the_model_itself(value: float) -> None:
    model, data = convolutional(), inputs_of()
    with probing(model, data) as probes:
        found = probes.replaced("0", *map(torch.tensor, ([2], [7])), torch.tensor([value]))
    place = (0, *np.unravel_index(7, (4, 6, 6)))

    def change(out: Tensor) -> Tensor:
        out = out.clone()
        out[place] = value
        return out

    wanted = hooked(model, "0", data.inputs[2], change)
    assert found.isnan().tolist() == [wanted.isnan().tolist()]
    torch.testing.assert_close(found[0], wanted, equal_nan=True, rtol=1e-5, atol=1e-5)


def test_a_module_that_is_called_again_is_a_layer_of_its_own() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.fc(x).relu())

    torch.manual_seed(1)
    model, data = Twice().eval(), Data(torch.randn(3, 2))
    with probing(model, data) as probes:
        assert list(probes.sites) == ["fc", "fc@1"]
        assert probes.gives_logits("fc@1")
        assert not probes.gives_logits("fc")
        where = torch.arange(3), torch.tensor([0, 1, 0])
        by = torch.tensor([1.0, 2.0, -3.0])
        second = probes.neurons("fc@1", *where, by)
        wanted = model(data.inputs).detach()
        wanted[where] += by
        torch.testing.assert_close(second, wanted)
        assert not torch.allclose(probes.neurons("fc", *where, by), wanted)


def test_samples_that_do_not_fit_together_are_taken_in_turns() -> None:
    model, data = convolutional(), inputs_of(9)
    samples, neurons = torch.arange(9).repeat(3), torch.arange(27)
    with probing(model, data) as whole, probing(model, data, memory=8_000, rows=4) as parts:
        assert whole.replayer is not None
        assert parts.replayer is not None
        assert len(parts.replayer.pieces) > len(whole.replayer.pieces) == 1
        for layer in ("0", "3"):
            torch.testing.assert_close(parts.golden(layer), whole.golden(layer))
            torch.testing.assert_close(
                parts.neurons(layer, samples, neurons, torch.full((27,), 5.0)),
                whole.neurons(layer, samples, neurons, torch.full((27,), 5.0)),
            )
            torch.testing.assert_close(
                parts.slopes(layer, samples, neurons, torch.full((27,), 0.5), "per_class"),
                whole.slopes(layer, samples, neurons, torch.full((27,), 0.5), "per_class"),
            )


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("form", ["per_class", "summed"])
def test_slopes_are_the_derivative_of_the_loss(kind: str, form: str) -> None:
    model, prefix, data = MODELS[kind]
    model = model.double()
    data = Data(data.inputs.double())
    with probing(model, data) as probes:
        layer, step = f"{prefix}3", 1e-6
        samples, neurons = torch.arange(5), torch.tensor([0, 3, 20, 41, 95])
        deltas = torch.full((5,), 0.3, dtype=torch.float64)
        found = probes.slopes(layer, samples, neurons, deltas, form)
        ends = [
            loss(
                probes.neurons(layer, samples, neurons, deltas + side * step),
                probes.workload.predictions[samples],
                form,
            )
            for side in (1, -1)
        ]
    torch.testing.assert_close(found, (ends[0] - ends[1]) / (2 * step), rtol=1e-4, atol=1e-7)
    assert (found != 0).any()
    model.float()


def test_slopes_of_no_probes_take_no_pass() -> None:
    # Some models do not take an empty batch.
    model, prefix, data = MODELS["no graph"]
    none = torch.arange(0)
    with probing(model, data) as probes:
        sizes = []
        handle = model.register_forward_pre_hook(lambda m, args: sizes.append(len(args[0])))
        found = probes.slopes(f"{prefix}3", none, none, torch.zeros(0), "summed")
        handle.remove()
    assert found.shape == (0,)
    assert sizes == []


def test_what_a_layer_hands_on_is_what_the_model_computes() -> None:
    for model, prefix, data in MODELS.values():
        heard = []
        inner = model.get_submodule(f"{prefix}3")
        handle = inner.register_forward_hook(lambda m, i, out: heard.append(out))  # noqa: B023
        with torch.no_grad():
            model(data.inputs)
        handle.remove()
        with probing(model, data) as probes:
            torch.testing.assert_close(probes.golden(f"{prefix}3"), heard[0], rtol=1e-4, atol=1e-4)


def test_every_probe_counts_as_a_sample_and_leaves_no_trace() -> None:
    model, data = convolutional(), inputs_of()
    before = fingerprint(model)
    with probing(model, data) as probes:
        asked = probes.workload.samples
        probes.neurons("0", torch.arange(5), torch.arange(5), torch.ones(5))
        assert probes.workload.samples == asked + 5
        probes.slopes("0", torch.arange(5), torch.arange(5), torch.ones(5), "summed")
        assert probes.workload.samples == asked + 10
    assert fingerprint(model) == before
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks for m in model.modules())


def test_a_layer_that_is_not_there_is_named_with_those_that_are() -> None:
    with (
        probing(convolutional(), inputs_of()) as probes,
        pytest.raises(InputError, match=r"no layer 'conv1'.*there is 0, 3, 7, 9"),
    ):
        probes.golden("conv1")


def test_a_layer_whose_output_has_no_samples_is_refused() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.fc = nn.Linear(2, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) + self.table(torch.ones(2))

    with (
        classifier_workload(
            "test",
            Constant(),
            Data(torch.randn(4, 3)),
            call=plain,
            batch=4,
            seed=0,
            progress=False,
        ) as workload,
        pytest.raises(InputError, match=r"'table'.*leave this module out"),
    ):
        Probes(workload)


@settings(max_examples=4, deadline=None)
@given(
    n=st.integers(1, 6),
    size=st.sampled_from([1e-3, 1.0, 1e3, 1e6]),
    seed=st.integers(0, 2**16),
)
def test_probes_of_lenet_5_change_the_answers_that_hooks_change(
    n: int, size: float, seed: int
) -> None:
    model, rng = load("lenet5"), torch.Generator().manual_seed(seed)
    data = Data(torch.rand(n, 1, 28, 28, generator=rng))
    with probing(model, data) as probes:
        samples = torch.arange(n)
        neurons = torch.randint(1600, (n,), generator=rng)
        deltas = torch.randn(n, generator=rng) * size
        found = probes.neurons("conv2", samples, neurons, deltas)
        for at in range(n):
            place = (0, *np.unravel_index(int(neurons[at]), (16, 10, 10)))
            wanted = hooked(
                model,
                "conv2",
                data.inputs[at],
                lambda out: off(out, place, deltas[at]),  # noqa: B023
            )
            torch.testing.assert_close(found[at], wanted, rtol=1e-4, atol=1e-4)
