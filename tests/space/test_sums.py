"""Is a sum of spaces numbered, described, grouped and kept as its terms are?"""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip, Burst, FaultModel, StuckAt
from radhard.formats import BFloat16, Float16, Float32, Format, Int, stored_as
from radhard.groups import GROUPINGS, Groups, labels
from radhard.samplers import ErrorRate, Exhaustive, Given, PerBit, PerTensor, Uniform, Words
from radhard.space import Fault, FaultSpace, Persistent, Transient
from radhard.targets import Activations, Biases, Weights
from tests.small import prepared

FAULTS: list[FaultModel] = [BitFlip(), BitFlip(count=2), StuckAt(1), Burst(3)]
FORMATS: list[Format] = [Float32(), BFloat16(), Int(8), Int(4, per="channel")]


def network(formats: dict[str, Format]) -> nn.Module:
    torch.manual_seed(0)
    return stored_as(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)), formats).eval()


@st.composite
def sums(draw: st.DrawFn) -> FaultSpace:
    """Sums of spaces in one model: formats by layer, several fault models, planes, exposures."""
    formats = {"0*": draw(st.sampled_from(FORMATS)), "*": draw(st.sampled_from(FORMATS))}
    model, inputs = network(formats), torch.randn(3, 3)
    scaled = any(format.has_scale for format in formats.values())
    planes = draw(
        st.sampled_from([("codes",), ("codes", "scale"), ("scale",)][: 3 if scaled else 1])
    )
    target = [Weights("*"), Biases("*")]
    models = draw(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3, unique_by=repr))
    total = FaultSpace.of(model, target, models, formats, planes=planes)
    for sample in draw(st.lists(st.sampled_from(["one", "every"]), max_size=2, unique=True)):
        flows = FaultSpace.of(
            model, Activations("*", sample=sample), models[0], Float32(), data=inputs
        )
        total = total | flows
    return total


@given(space=sums(), data=st.data())
def test_numbers_run_region_by_region_and_back(space, data):
    number = data.draw(st.integers(0, len(space) - 1))
    fault = space[number]
    assert space.index(fault) == number
    assert fault in space
    # Counted anew, without the arrays of the space.
    left, seen = number, {}
    for region in space.regions:
        size = region.words * region.fault.variants(region.word)
        which = seen.get(region.site.name, 0)
        if left < size:
            word, variant = divmod(left, region.fault.variants(region.word))
            assert fault == Fault(region.site.name, word, variant, which)
            break
        left -= size
        seen[region.site.name] = which + 1
    assert space.describe(number) == space.describe(fault)
    with pytest.raises(InputError, match="is not in the space"):
        space.index(Fault(fault.tensor, fault.word, fault.variant, 99))
    again = FaultSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert again[number] == fault
    assert again.to_dict() == space.to_dict()
    assert len({space.name(place) for place in range(len(space.regions))}) == len(space.regions)


@given(space=sums())
def test_many_faults_are_located_as_one_by_one(space):
    numbers = np.linspace(0, len(space) - 1, 40).astype(np.int64)
    for number, place, word, variant in zip(
        numbers.tolist(), *(part.tolist() for part in space.locate(numbers)), strict=True
    ):
        assert space.fault(place, word, variant) == space[number]


# Of trials of many faults, and those that divide the words of a tensor, or need its values.
OTHERS = (
    *("rate", "errors", "channel", "gate", "step", "head", "position"),
    *("register", "row", "column", "cycle", "direction"),
)


@settings(max_examples=12)
@given(space=sums(), by=st.sampled_from([g for g in GROUPINGS if g not in OTHERS]))
def test_groups_have_the_faults_of_their_name(space, by):
    trials = Exhaustive().draw(space, 0)
    groups = Groups(space, trials, np.arange(len(space)), by)
    places, _, variants = space.locate(np.arange(len(space)))
    kinds, sizes = np.unique(np.stack([places, variants]), axis=1, return_counts=True)
    counted: dict[str, int] = {}
    for place, variant, size in zip(*kinds.tolist(), sizes.tolist(), strict=True):
        name = _label(space, place, variant, by)
        counted[name] = counted.get(name, 0) + size
    found = {name: sum(size or 0 for _, size in parts) for name, parts in groups.split()}
    assert found == counted
    for sampler in (PerTensor(5), PerBit(2), Uniform(7)):
        drawn = sampler.draw(space, 1)
        parts = Groups(space, drawn, np.arange(len(drawn)), by).split()
        known = {name: sum(size or 0 for _, size in own) for name, own in parts}
        assert all(size == counted[name] for name, size in known.items())


def _label(space: FaultSpace, place: int, variant: int, by: str) -> str:
    region = space.regions[place]
    several = len({(repr(r.format), r.plane) for r in space.regions}) > 1
    words = repr(region.format) + ("" if region.plane == "codes" else " scale")
    bits = region.fault.fault_bits(variant, region.word)
    fields = dict.fromkeys(region.word.field(bit) for bit in bits)
    return {
        "tensor": region.site.name,
        "layer": region.site.layer,
        "kind": region.site.kind,
        "role": region.site.role,
        "format": repr(region.format),
        "plane": region.plane,
        "fault": repr(region.fault),
        "register": "(none)",
        "exposure": "Transient()" if region.site.samples else "Persistent()",
        "bit": (f"{words} " if several else "") + "+".join(map(str, bits)),
        "field": (f"{words} " if several else "") + "+".join(fields),
    }[by]


def mixed() -> tuple[nn.Module, FaultSpace]:
    formats = {"0*": Int(4), "*": Float16()}
    model = network(formats)
    return model, FaultSpace.of(
        model, Weights("*"), [BitFlip(), StuckAt(1)], formats, planes=("codes", "scale")
    )


def test_formats_go_by_the_first_pattern_that_matches_and_none_is_an_error():
    model = network({"0*": Int(8), "*": Float32()})
    space = FaultSpace.of(model, Weights("*"), BitFlip(), {"0": "Int(8)", "*": "Float32()"})
    assert [repr(region.format) for region in space.regions] == ["Int(8)", "Float32()"]
    assert len(space) == 6 * 8 + 4 * 32
    turned = FaultSpace.of(model, Weights("*"), BitFlip(), {"*": Float32(), "0": Int(8)})
    assert turned.formats == (Float32(),)
    with pytest.raises(InputError, match=r"no format is given for '2\.weight'"):
        FaultSpace.of(model, Weights("*"), BitFlip(), {"0*": Int(8)})
    with pytest.raises(InputError, match="no format"):
        FaultSpace.of(model, Weights("*"), BitFlip(), {})
    with pytest.raises(InputError, match=r"no format is given for '2\.weight'"):
        stored_as(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2)), {"0*": Int(8)})


def test_a_fault_names_its_region_where_a_tensor_has_several():
    _, space = mixed()
    shown = [repr(space[int(start)]) for start in space.starts[:-1]]
    assert shown[:3] == [
        "Fault('0.weight', 0, 0)",
        "Fault('0.weight', 0, 0, region=1)",
        "Fault('0.weight', 0, 0, region=2)",
    ]
    assert space.describe(space.index(Fault("0.weight", 0, 31, 2))) == (
        "0.weight scale bit 31 (sign) BitFlip()"
    )
    trials = Given([space[int(space.starts[3])], ("0.weight", 0, 1, 1)]).draw(space, 0)
    assert trials.at(np.arange(2)).tolist() == [int(space.starts[3]), int(space.starts[1]) + 1]


def test_what_goes_together_in_no_sum_is_refused():
    model = network({"*": Float32()})
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    with pytest.raises(InputError, match="twice"):
        space | space
    narrow = stored_as(model, BFloat16())
    other = FaultSpace.of(narrow, Weights("*"), StuckAt(1), BFloat16())
    with pytest.raises(InputError, match=r"BFloat16\(\)"):
        space | other
    with pytest.raises(InputError, match="scale"):
        FaultSpace.of(model, Weights("*"), BitFlip(), Float32(), planes="scale")
    with pytest.raises(InputError, match="codes"):
        FaultSpace.of(model, Weights("*"), BitFlip(), Float32(), planes=("code",))
    with pytest.raises(TypeError):
        space | 3  # type: ignore[operator]


def test_samplers_take_mixed_spaces_or_name_the_way_out():
    model, space = mixed()
    with pytest.raises(InputError, match=r"32 .*Uniform, PerTensor or PerBit"):
        Words(3).draw(space, 0)
    for per in ("bit", "word"):
        with pytest.raises(InputError, match="make a campaign for each"):
            ErrorRate(0.1, per=per).draw(space, 0)
    formats = {"0*": Int(4), "*": Float16()}
    one = FaultSpace.of(model, Weights("*"), BitFlip(), formats, planes=("codes", "scale"))
    trials = ErrorRate(0.5, trials=200, per="word").draw(one, 3)
    hit = [trials[n] for n in range(200)]
    places, words, _ = one.locate(np.concatenate(hit))
    size = int(one.word_starts[-1])
    # Each word at the rate that was asked for, in every format.
    share = np.bincount(one.word_starts[places] + words, minlength=size) / 200
    assert abs(share.mean() - 0.5) < 4 * 0.5 / np.sqrt(200 * size)
    assert all(
        len(set((one.word_starts[p] + w).tolist())) == len(p) for p, w, _ in map(one.locate, hit)
    )


def test_exposure_is_that_of_the_target():
    model, inputs = network({"*": Float32()}), torch.randn(3, 3)
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    for sample in ("one", "every"):
        target = Activations("0", sample=sample)
        space = space | FaultSpace.of(model, target, BitFlip(), Float32(), data=inputs)
    assert [region.exposure for region in space.regions] == [
        Persistent(),
        Persistent(),
        Transient(),
        Persistent(),
    ]
    assert [len(set(labels(space, by))) for by in ("exposure", "fault")] == [2, 1]


def test_rates_are_weighed_by_the_faults_of_each_region():
    """Against an average over all faults, listed one by one."""
    _, space = mixed()
    harm = np.random.default_rng(0).integers(0, 2, len(space)).astype(float)
    results = prepared(space, Exhaustive(), lambda faults: harm[faults])
    for by in ("fault", "plane", "format", "exposure", "bit"):
        places, _, variants = space.locate(np.arange(len(space)))
        kinds = zip(places.tolist(), variants.tolist(), strict=True)
        every = np.array([_label(space, place, variant, by) for place, variant in kinds])
        rates = results.rate("critical", by=by)
        assert list(rates) == list(dict.fromkeys(every.tolist()))
        for name, estimate in rates.items():
            mine = harm[every == name]
            assert estimate.value == pytest.approx(float(Fraction(int(mine.sum()), len(mine))))
    assert len(results.rate("critical", by="fault, plane")) == 4
    frame = results.to_frame()
    assert {"fault model", "plane", "format"} <= set(frame.columns)
    assert "exposure" not in frame.columns


def test_a_space_of_one_format_has_the_trials_that_it_always_had():
    """As drawn when a space had one fault model and one format: run files must not change."""
    space = FaultSpace.of(
        nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)), Weights("*"), BitFlip(), Float32()
    )
    six = np.arange(6)
    assert Uniform(6).draw(space, 11).at(six).tolist() == [189, 39, 77, 319, 152, 156]
    assert PerBit(1).draw(space, 11).at(six).tolist() == [160, 97, 130, 67, 164, 5]
    assert PerTensor(3).draw(space, 11).at(six).tolist() == [156, 142, 129, 239, 218, 279]
    assert Words(2).draw(space, 11).at(six + 30).tolist()[:4] == [190, 191, 0, 1]
    by_word = ErrorRate(0.3, trials=1, per="word").draw(space, 11)
    assert by_word[0].tolist() == [62, 151, 253]
    floored = ErrorRate(0.02, trials=1, count="floor").draw(space, 11)
    assert floored[0].tolist() == [82, 108, 118, 211, 297]
