"""Does a fault in attention do what attention computed by hand does, and nothing else?"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.campaign import run
from radhard.engines import Serial
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.faults import BitFlip
from radhard.formats import Float32, Float64
from radhard.injection import inject
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Attention
from radhard.targets.attention_mode import PARTS
from radhard.workload import Workload
from tests.targets.attention_networks import HEADS, SAMPLES, TOKENS, Attending, inputs, projected
from tests.zoo import named

WAYS = ["kernel", "grouped", "softmax", "multi-head", "multi-head with weights"]
OF_SOFTMAX = ("scores", "probabilities")


def by_hand(model: Attending, x: Tensor, changes: dict[str, Tensor]) -> Tensor:
    """The output, with each part of the attention multiplied by factors."""

    def changed(name: str, value: Tensor) -> Tensor:
        return value * changes[name] if name in changes else value

    query, key, value = projected(model.attention, x)
    if model.way == "grouped":
        key, value = key[:, :1], value[:, :1]
    query, key, value = changed("query", query), changed("key", key), changed("value", value)
    scores = torch.einsum("shqc,shkc->shqk", query, key.expand_as(query)) / math.sqrt(4)
    if model.causal:
        for q in range(TOKENS):
            scores[:, :, q, q + 1 :] = -math.inf
    scores = changed("scores", scores)
    exps = (scores - scores.amax(-1, keepdim=True)).exp()
    probabilities = changed("probabilities", exps / exps.sum(-1, keepdim=True))
    output = torch.einsum("shqk,shkc->shqc", probabilities, value.expand_as(query))
    output = changed("output", output)
    return model.attention.out_proj(output.transpose(1, 2).flatten(2)).detach()


def space_of(model: nn.Module, x: Tensor, target: Attention) -> FaultSpace:
    return FaultSpace.of(model, target, BitFlip(bits=63), Float64(), data=x)


def concerned(part: str, at: tuple[int, ...], *, causal: bool) -> list[int]:
    """The positions whose output may differ."""
    if part in ("key", "value"):
        return list(range(at[1] if causal else 0, TOKENS))
    return [at[1]]


@given(
    way=st.sampled_from(WAYS),
    part=st.sampled_from(PARTS),
    causal=st.booleans(),
    choose=st.integers(0, 10**6),
)
def test_a_changed_sign_does_what_it_does_by_hand_and_the_rest_stays_bit_for_bit(
    way, part, causal, choose
):
    if way == "softmax" and part not in OF_SOFTMAX:
        part = OF_SOFTMAX[choose % 2]
    model, x = Attending(way, causal=causal), inputs()
    space = space_of(model, x, Attention("*", part=part))
    fault = space[choose % len(space)]
    at, sample = space.coordinates(fault)
    with evaluating(model), torch.no_grad():  # without torch's fused kernel of a whole layer
        golden = model(x)
        with inject(model, space, fault):
            faulty = model(x)
        again = model(x)
    factors = torch.ones(space.sites[0].shape, dtype=torch.double)
    factors[at] = -1
    expected = golden.clone()
    expected[sample] = by_hand(model, x[sample : sample + 1], {part: factors})[0]
    if part == "scores" and causal and at[2] > at[1]:
        # A masked score is -inf, and with another sign the largest: NaN in the whole row.
        assert faulty[sample, at[1]].isnan().all()
        expected[sample, at[1]] = torch.nan
    assert torch.allclose(faulty, expected, equal_nan=True, rtol=1e-9, atol=1e-12)
    same = torch.ones_like(golden, dtype=torch.bool)
    same[sample, concerned(part, at, causal=causal)] = False
    assert torch.equal(faulty[same], golden[same])
    assert torch.equal(again, golden)


def is_visible(space: FaultSpace, number: int) -> bool:
    """Whether a fault is in no masked score."""
    at, _ = space.coordinates(space[number])
    return not space[number].tensor.endswith("scores") or at[2] <= at[1]


@pytest.mark.parametrize("way", ["kernel", "multi-head with weights"])
def test_faults_in_several_parts_act_together(way):
    model, x = Attending(way), inputs()
    space = space_of(model, x, Attention("*", sample="every"))
    order = torch.randperm(len(space), generator=torch.Generator().manual_seed(3)).tolist()
    chosen = [number for number in order if is_visible(space, number)][:20]
    changes: dict[str, Tensor] = {}
    for number in chosen:
        part = space[number].tensor.partition(":")[2]
        (site,) = (site for site in space.sites if site.name == space[number].tensor)
        factors = changes.setdefault(part, torch.ones(site.shape, dtype=torch.double))
        factors[space.coordinates(space[number])[0]] = -1
    assert set(changes) == set(PARTS)
    with torch.no_grad(), inject(model, space, chosen):
        faulty = model(x)
    assert torch.allclose(faulty, by_hand(model, x, changes), rtol=1e-9, atol=1e-12)


def test_a_campaign_measures_what_a_loop_by_hand_does():
    model, x = Attending("multi-head"), inputs()
    space = space_of(model, x, Attention("*", part="value", heads=1, sample="every"))
    assert len(space) == TOKENS * 4
    results = run(
        *(model, x, space, Exhaustive()),
        **{"engine": Serial(), "metrics": "Distance()", "progress": False},
    )
    golden = by_hand(model, x, {})
    for number, found in enumerate(results.values("distance")):
        at, _ = space.coordinates(space[number])
        assert at[0] == 1
        factors = torch.ones(HEADS, TOKENS, 4, dtype=torch.double)
        factors[at] = -1
        moved = (by_hand(model, x, {"value": factors}) - golden).flatten(1)
        assert found == pytest.approx(float(moved.norm(dim=1).mean()))


def test_the_kernel_and_the_step_by_step_form_differ_by_rounding_only_where_a_fault_is():
    model, x = Attending("kernel", causal=False).float(), inputs().float()
    space = FaultSpace.of(model, Attention("*", part="scores"), BitFlip(bits=0), Float32(), data=x)
    with torch.no_grad():
        golden = model(x)
        for number in range(0, len(space), 7):
            with inject(model, space, number):
                faulty = model(x)
            at, sample = space.coordinates(space[number])
            # The least bit of a score: the row moves by rounding, and no other row moves at all.
            assert torch.allclose(faulty, golden, rtol=1e-5, atol=1e-6)
            others = torch.ones(golden.shape[:2], dtype=torch.bool)
            others[sample, at[1]] = False
            assert torch.equal(faulty[others], golden[others])


def test_modules_inside_others_and_repeated_calls_have_names_of_their_own():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Attending("kernel")

        def forward(self, x: Tensor) -> Tensor:
            function = nn.functional.scaled_dot_product_attention
            y = function(x, x, x) + function(x.tanh(), x, x)
            return self.inner(self.inner(x + y)).softmax(-1)

    model, x = Twice().double().eval(), inputs()
    target = Attention("*", part="query")
    sites = target.sites(Workload.of(model, x))
    names = ["(model):query", "(model):query.1", "inner:query", "inner@1:query"]
    assert [site.name for site in sites] == names
    assert [site.shape for site in sites] == [(5, 8), (5, 8), (2, 5, 4), (2, 5, 4)]
    with torch.no_grad():
        seen = {}
        for name in names:
            space = FaultSpace.of(
                model, Attention(name, part="query"), BitFlip(63), Float64(), data=x
            )
            with inject(model, space, len(space) // SAMPLES - 1):  # the first query sees one key
                seen[name] = model(x)
        golden = model(x)
    for outputs in seen.values():
        assert not torch.equal(outputs[0], golden[0])
        assert torch.equal(outputs[1:], golden[1:])
    assert len({tuple(outputs.flatten().tolist()) for outputs in seen.values()}) == len(names)


def test_a_softmax_that_weighs_nothing_is_no_attention():
    class Gated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            pooled = (x.mean(-1, keepdim=True).softmax(1) * x).sum(1)
            return pooled.softmax(-1)

    # The last softmax is that of a classifier.
    (site,) = Attention("*", part="scores").sites(Workload.of(Gated(), inputs()))
    assert (site.name, site.shape) == ("(model):scores", (TOKENS, 1))


def test_what_a_softmax_does_not_show_is_left_out_and_named():
    workload = Workload.of(Attending("softmax"), inputs())
    sites, left = Attention("*").select(workload)
    assert [site.name for site in sites] == ["(model):scores", "(model):probabilities"]
    assert set(left) == {f"(model):{part}" for part in ("query", "key", "value", "output")}
    with pytest.raises(InputError, match=r"query.*softmax.*choose Activations"):
        Attention("*", part="query").sites(workload)


def test_the_fused_kernel_of_a_whole_layer_is_off():
    network = named("encoder")
    model, x = network.build().eval(), network.inputs()
    space = FaultSpace.of(model, Attention("*", part="value"), BitFlip(30), Float32(), data=x)
    assert torch.backends.mha.get_fastpath_enabled()
    with torch.no_grad(), inject(model, space, 0) as injection:
        model(x)
        assert injection.reached
    assert torch.backends.mha.get_fastpath_enabled()


def test_other_function_modes_stay_open_and_nothing_is_left_after_an_exception():
    model, x = Attending("kernel"), inputs()
    space = space_of(model, x, Attention("*", part="key"))
    seen = []

    class Names(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func)
            return func(*args, **(kwargs or {}))

    kernel = nn.functional.scaled_dot_product_attention
    with torch.no_grad():
        golden = model(x)
        manager = inject(model, space, 0)
        manager.__enter__()
        with Names():
            model(x)
            manager.__exit__(None, None, None)  # before what was opened later
            assert torch.equal(model(x), golden)
        assert seen.count(kernel) == 2
        seen.clear()
        with pytest.raises(KeyboardInterrupt), Names(), inject(model, space, 0):
            raise KeyboardInterrupt
        assert torch.equal(model(x), golden)
        assert kernel not in seen


def test_scores_of_a_kernel_with_dropout_are_refused():
    model, x = Attending("multi-head"), inputs()
    model.attention.dropout = 0.5
    space = space_of(model, x, Attention("*", part="scores"))
    with inject(model, space, 0), pytest.raises(InputError, match="dropout_p to 0"):
        model.train()(x)


def test_rates_of_heads_and_positions_are_means_over_their_trials():
    model, x = Attending("multi-head"), inputs()
    target = Attention("*", part="query|scores", sample="every")
    space = space_of(model, x, target)
    results = run(
        *(model, x, space, Exhaustive()),
        **{"engine": Serial(), "metrics": "Mismatch()", "progress": False},
    )
    values = results.values("mismatch")
    coordinates = [space.coordinates(fault)[0] for fault in space]
    for by, axis, many in (("head", 0, HEADS), ("position", 1, TOKENS)):
        rates = results.rate(by=by)
        assert list(rates) == [str(number) for number in range(many)]
        for number in range(many):
            rows = [row for row, at in enumerate(coordinates) if at[axis] == number]
            assert rates[str(number)].value == pytest.approx(values[rows].mean())
    assert len(results.rate(by="head, position")) == HEADS * TOKENS


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"part": "weights"}, "choose of query, key, value, scores, probabilities, output"),
        ({"heads": "first"}, "heads is '\\*', the number of a head"),
        ({"heads": range(3, 3)}, "ascending"),
        ({"heads": 2.5}, "heads=2.5 is not allowed"),
        ({"heads": None}, "heads=None is not allowed"),
        ({"heads": "1:1:0"}, "heads='1:1:0' is not allowed"),
    ],
)
def test_what_is_not_allowed(options, match):
    with pytest.raises(InputError, match=match):
        Attention("*", **options)


@pytest.mark.parametrize(
    ("model", "target", "match"),
    [
        (nn.Linear(8, 2).double(), Attention("*"), "no attention is computed .*Activations"),
        (Attending("kernel"), Attention("*", heads=2), "has 2 heads; choose heads from 0 to 1"),
        (Attending("kernel"), Attention("none"), "there is: \\(model\\):query"),
    ],
)
def test_what_is_not_there(model, target, match):
    with pytest.raises(InputError, match=match) as caught:
        target.sites(Workload.of(model, inputs()))
    assert "\n" not in str(caught.value)


def test_heads_without_an_axis_of_heads_are_refused():
    class Single(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.scaled_dot_product_attention(x, x, x)

    with pytest.raises(InputError, match="without an axis of the heads"):
        Attention("*", heads=0).sites(Workload.of(Single(), inputs()))
