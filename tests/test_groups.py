"""Does every group know how many faults it stands for?"""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.faults import BitFlip, Burst, Replace, StuckAt
from radhard.formats import Float16, Float32, Int
from radhard.groups import GROUPINGS, Groups, labels
from radhard.groups.kind_counts import overlaps
from radhard.groups.parts import Parts
from radhard.samplers import (
    ErrorRate,
    Exhaustive,
    PerBit,
    PerTensor,
    Stratum,
    Trials,
    Uniform,
    Words,
)
from radhard.space import FaultSpace
from radhard.stepwise import stepwise
from radhard.targets import Activations, Biases, HiddenStates, RecurrentWeights, Weights
from tests.small import prepared, space

spaces = st.builds(
    space,
    words=st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    fault=st.sampled_from([BitFlip(), BitFlip(bits=(0, 9)), BitFlip(bits=(1, 2, 14), count=2)]),
    format=st.just(Float16()),
)
samplers = st.sampled_from([Uniform(1), PerTensor(1), PerBit(1), Exhaustive()])
single = st.sampled_from([None, "tensor", "layer", "kind", "role", "bit", "field", "tensor, bit"])


def members(stratum):
    return set(
        range(stratum.start, stratum.start + stratum.step * stratum.population)[:: stratum.step]
    )


def by_hand(space, fault, by):
    fault = space[fault]
    site = next(site for site in space.sites if site.name == fault.tensor)
    region = next(region for region in space.regions if region.site.name == fault.tensor)
    bits = region.bits(fault.variant)
    values = {
        "tensor": site.name,
        "layer": site.layer,
        "kind": site.kind,
        "role": site.role,
        "bit": "+".join(map(str, bits)),
        "field": "+".join(dict.fromkeys(space.regions[0].word.field(bit) for bit in bits)),
    }
    return ", ".join(values[name] for name in (by or "").split(", ") if name)


@given(space=spaces, sampler=samplers, by=single)
def test_groups_are_those_of_counting_fault_by_fault(space, sampler, by):
    trials = sampler.draw(space, seed=1)
    numbers = np.arange(len(trials))
    found = dict(Groups(space, trials, numbers, by).split())
    names = [by_hand(space, int(fault), by) for fault in trials.at(numbers)]
    assert set(found) == set(names)
    for group, parts in found.items():
        rows = np.sort(np.concatenate([rows for rows, _ in parts]))
        assert rows.tolist() == [n for n, name in enumerate(names) if name == group]
        expected = Counter(
            at
            for at, stratum in enumerate(trials.strata)
            for fault in members(stratum)
            if by_hand(space, fault, by) == group
        )
        assert sorted(population for _, population in parts) == sorted(expected.values())


@given(space=spaces, sampler=samplers)
def test_overlaps_of_all_strata_are_the_whole_space(space, sampler):
    counted = Counter()
    for stratum in sampler.draw(space, seed=0).strata:
        for place, variant, low, high in overlaps(space, stratum):
            counted[place, variant] += high - low + 1
    expected = {
        (place, variant): site.words
        for place, site in enumerate(space.sites)
        for variant in range(space.variants[0])
    }
    assert counted == expected


@given(space=spaces, data=st.data())
def test_overlaps_of_any_stratum_are_those_of_counting(space, data):
    step = data.draw(st.sampled_from([1, int(space.variants[0])]))
    start = data.draw(st.integers(0, len(space) - 1))
    population = data.draw(st.integers(1, (len(space) - 1 - start) // step + 1))
    stratum = Stratum("any", start, step, population, 1)
    faults = np.arange(start, start + step * population, step)
    places, words, variants = space.locate(faults)
    expected: dict[tuple[int, int], list[int]] = {}
    for place, word, variant in zip(
        places.tolist(), words.tolist(), variants.tolist(), strict=True
    ):
        expected.setdefault((place, variant), []).append(word)
    found = {(p, v): list(range(low, high + 1)) for p, v, low, high in overlaps(space, stratum)}
    assert found == expected


def test_stratum_of_another_step_is_refused():
    with pytest.raises(InputError, match="its step 5 is neither 1 nor"):
        list(overlaps(space(format=Float16()), Stratum("odd", 0, 5, 1, 1)))


def test_trials_that_are_missing_leave_the_populations_as_they_are():
    whole = space((3, 5))
    trials = PerTensor(3).draw(whole, seed=0)
    some = dict(Groups(whole, trials, np.array([1, 4]), None).split())[""]
    assert [(len(rows), population) for rows, population in some] == [(1, 3), (1, 5)]
    one = dict(Groups(whole, trials, np.array([1]), None).split())[""]
    assert [(len(rows), population) for rows, population in one] == [(1, 3), (0, 5)]
    assert list(dict(Groups(whole, trials, np.array([1]), "tensor").split())) == ["a.weight"]


def test_faults_of_several_bits_are_named_by_all_of_them():
    assert labels(space((1,), Burst(2), Int(3)), "bit") == ["0+1", "1+2"]
    assert labels(space((1,), BitFlip(bits=(1, 2), count=2), Int(3)), "field") == [
        "magnitude+sign"
        if Int(3).field(1) == "magnitude"
        else f"{Int(3).field(1)}+{Int(3).field(2)}"
    ]
    assert labels(space((1,), StuckAt(1, bits=0)), "layer,field") == ["a, mantissa"]


def test_rates_fall_into_groups_of_their_own_and_no_other():
    whole = space()
    trials = ErrorRate((0.1, 0.5), 4).draw(whole, seed=0)
    groups = dict(Groups(whole, trials, np.arange(8), "rate").split())
    assert {name: parts[0][0].tolist() for name, parts in groups.items()} == {
        "0.1": [0, 1, 2, 3],
        "0.5": [4, 5, 6, 7],
    }
    assert all(parts[0][1] is None for parts in groups.values())
    with pytest.raises(InputError, match="no common mean: ask by='rate'"):
        Groups(whole, trials, np.arange(8), None).split()
    with pytest.raises(InputError, match="only by='rate'"):
        Groups(whole, trials, np.arange(8), "layer").split()


def test_unknown_grouping_lists_the_near_ones():
    with pytest.raises(InputError, match="did you mean field"):
        labels(space(), "feild")
    with pytest.raises(InputError, match="for trials of many faults"):
        labels(space(), "rate")
    assert all(labels(space(), by) for by in GROUPINGS if by not in ("rate", "errors"))


def test_strata_are_found_whatever_trials_are_asked_for():
    trials = Trials([Stratum("x", 0, 1, 3, 2), Stratum("y", 3, 1, 5, 3)], 0)
    found = Groups(space((3, 5)), trials, np.array([0, 2, 4]), "tensor").split()
    assert [(name, [rows.tolist() for rows, _ in parts]) for name, parts in found] == [
        ("a.weight", [[0]]),
        ("b.weight", [[1, 2]]),
    ]


def test_only_a_sample_of_every_bit_position_narrows_what_was_not_drawn():
    harm = np.where(np.arange(256) % 32 == 31, 0.5, 0.0)
    found = {}
    for sampler in (PerBit(2), PerTensor(64), Words(4)):
        results = prepared(space((3, 5), BitFlip()), sampler, lambda faults: harm[faults], seed=1)
        numbers = np.arange(len(results.trials))
        groups = Groups(results.space, results.trials, numbers, None)
        ((_, parts),) = groups.split()
        found[type(sampler)] = groups.cells(parts, results.values())
    # Four trials differ from the others, so that a fifth of what lies beyond 0.5 is kept.
    assert {cell.within for cell in found[PerBit]} == {(0.0, 0.6)}
    assert {cell.within for cell in found[PerTensor] + found[Words]} == {None}
    assert np.shape(found[Words][0].values) == (4, 32)


@pytest.mark.parametrize(
    ("fault", "sampler"),
    [
        (BitFlip(bits=30), PerTensor(3)),
        (BitFlip(bits=30), PerBit(3)),
        (Replace("zero"), PerTensor(3)),
    ],
    ids=repr,
)
def test_where_words_have_one_fault_nothing_is_assumed_of_bit_positions(fault, sampler):
    results = prepared(space((40, 50), fault), sampler, lambda faults: 0.1 * (faults == 7))
    groups = Groups(results.space, results.trials, results.numbers, None)
    ((_, parts),) = groups.split()
    assert {cell.within for cell in groups.cells(parts, results.values())} == {None}


@pytest.mark.parametrize("sampler", [PerBit(2), PerTensor(20)], ids=repr)
def test_the_interval_of_a_share_is_the_mirror_image_of_that_of_its_complement(sampler):
    share = np.random.default_rng(0).choice([0.3, 0.3, 0.3, 0.3, 0.4, 0.6], 256)
    one, other = (
        prepared(space((3, 5), BitFlip()), sampler, lambda faults, of=of: of[faults]).rate()
        for of in (share, 1 - share)
    )
    assert [one.low, one.high] == pytest.approx([1 - other.high, 1 - other.low], abs=1e-9)


def test_differences_may_be_negative_where_none_was():
    results = prepared(space((3, 5), BitFlip()), PerBit(2), lambda faults: 0.5 * (faults % 32 > 30))
    groups = Groups(results.space, results.trials, results.numbers, None)
    ((_, parts),) = groups.split()
    cells = groups.cells(parts, results.values(), least=-1.0)
    assert {cell.within for cell in cells} == {(-0.2, 0.6)}


def drawn_words(words=(3, 5), n=4):
    whole = space(words, BitFlip(bits=(0, 1, 23, 24, 30, 31)))
    return whole, Words(n).draw(whole, seed=1)


@given(executed=st.sets(st.integers(0, 23), min_size=1), by=single)
def test_words_with_only_some_of_their_trials_are_left_out(executed, by):
    whole, trials = drawn_words()
    numbers = np.array(sorted(executed))
    expected, possible = {}, Counter()
    for fault in range(len(whole)):
        possible[by_hand(whole, fault, by)] += 1
    for word in range(4):
        own: dict[str, list[int]] = {}
        for trial in range(6 * word, 6 * word + 6):
            own.setdefault(by_hand(whole, int(trials[trial][0]), by), []).append(trial)
        for group, members_ in own.items():
            if set(members_) <= executed:
                expected.setdefault(group, []).append([float(trial) for trial in members_])
    groups = Groups(whole, trials, numbers, by)
    if not expected:
        with pytest.raises(InputError, match="no word has been tried with all its faults"):
            groups.split()
        return
    found = dict(groups.split())
    assert set(found) == set(expected)
    for group, parts in found.items():
        (cell,) = groups.cells(parts, numbers.astype(float))
        assert np.asarray(cell.values).tolist() == expected[group]
        assert cell.faults == possible[group]


def test_a_run_stopped_in_its_first_word_reads_without_a_rate():
    whole, _ = drawn_words()
    results = prepared(whole, Words(4), lambda faults: faults % 2, executed=np.arange(3))
    assert "no word has been tried with all its faults yet" in repr(results)
    assert set(results.rate(by="bit")) == {"0", "1", "23"}
    assert set(results.rate(by="field")) == {"mantissa"}
    one = prepared(whole, Words(4), lambda faults: faults % 2, executed=np.arange(9))
    assert one.rate().value == 0.5


def test_groups_may_have_more_faults_of_one_word_than_of_another():
    sites = space((2, 3)).sites
    both = [
        FaultSpace.of_sites([site], BitFlip(bits=bits), Float32(), targets=[Weights("*")])
        for site, bits in zip(sites, [(22, 30), (29, 30)], strict=True)
    ]
    whole = both[0] | both[1]
    harm = np.random.default_rng(0).random(len(whole))
    results = prepared(whole, Words(5), lambda faults: harm[faults])
    exponent = [n for n in range(len(whole)) if by_hand(whole, n, "field") == "exponent"]
    assert len(exponent) == 2 + 3 * 2
    found = results.rate(by="field")["exponent"]
    assert found.value == found.low == found.high == pytest.approx(harm[exponent].mean())


def test_rare_severe_faults_are_held_where_words_have_one_fault():
    draw = np.random.default_rng(0)
    # In three tensors, every third fault does little harm, and one in a hundred harms all samples.
    harm = np.where(draw.random(3000) < 0.3, 0.05, 0.0)
    harm[draw.choice(3000, 30, replace=False)] = 1.0
    whole, held, missed = space((1000, 1000, 1000), Replace("zero")), 0, 0
    for seed in range(60):
        results = prepared(whole, PerTensor(60), lambda faults: harm[faults], seed=seed)
        found = results.rate()
        held += found.low <= harm.mean() <= found.high
        missed += results.values().max() < 1
    # Campaigns that drew no severe fault, and that nothing but caution saves.
    assert missed > 5
    assert held >= 58


def test_the_parts_of_any_set_of_faults_have_whole_words_of_one_size():
    whole, trials = drawn_words()
    # Two bits in the words of the first tensor, one in those of the second.
    shares = np.array([1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], dtype=float)
    numbers = np.arange(1, 24)  # the first word lacks its lowest bit
    faults = trials.at(numbers)
    places, _, variants = whole.locate(faults)
    rows = np.flatnonzero(shares[whole.variant_starts[places] + variants])
    groups = Groups(whole, trials, numbers, None)
    one, two = groups.cells(groups.parts(rows, shares), numbers.astype(float))
    expected: dict[int, list[list[float]]] = {0: [], 1: []}
    for word in range(4):
        place = int(whole.locate(trials.at(np.array([6 * word])))[0][0])
        wanted = [6 * word + variant for variant in ((0, 1), (3,))[place]]
        if min(wanted) > 0:
            expected[place].append([float(n) for n in wanted])
    assert np.asarray(two.values).reshape(-1, 2).tolist() == expected[0]
    assert np.asarray(one.values).reshape(-1, 1).tolist() == expected[1]
    assert (two.faults, one.faults) == (3 * 2, 5)


class LastState(torch.nn.Module):
    """The last output of a stacked LSTM, and an output layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(2, 3, 2, batch_first=True)
        self.fc = torch.nn.Linear(3, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.fc(self.lstm(inputs)[0][:, -1])


def gate_of(space, number):
    """The gate of a weight of the model above, as torch documents the order of rows."""
    fault = space[number]
    if "_ih" not in fault.tensor and "_hh" not in fault.tensor:
        return "(none)"
    width = 2 if fault.tensor == "lstm.weight_ih_l0" else 3
    return "ifgo"[fault.word // width // 3]


def step_of(space, number):
    """The step of a hidden state of 4 steps and 3 units, samples first."""
    fault = space[number]
    return str(fault.word // 3 % 4) if ":" in fault.tensor else "(none)"


@pytest.mark.parametrize("sampler", [Uniform(30), PerTensor(20), PerBit(2), Exhaustive(), Words(9)])
@pytest.mark.parametrize(("by", "oracle"), [("gate", gate_of), ("step", step_of)])
def test_groups_within_a_tensor_are_those_of_counting_fault_by_fault(sampler, by, oracle):
    torch.manual_seed(0)
    model, inputs = LastState().eval(), torch.randn(5, 4, 2)
    fault = BitFlip(bits=(3, 14))
    weights = FaultSpace.of(model, Weights("*"), fault, Float32())
    states = FaultSpace.of(model, HiddenStates("*"), fault, Float32(), data=inputs)
    part = FaultSpace.of(model, RecurrentWeights("*", gate="f", layer=1), fault, Float32())
    few = FaultSpace.of(
        model, HiddenStates("*", steps="1:3", state="c"), fault, Float32(), data=inputs
    )
    space = weights | states if by == "gate" else states | weights
    for chosen in (space, part if by == "gate" else few):
        trials = sampler.draw(chosen, seed=1)
        numbers = np.arange(len(trials))
        found = dict(Groups(chosen, trials, numbers, by).split())
        # Words are tried with all their variants.
        struck = [oracle(chosen, int(number)) for number in trials.at(numbers)]
        assert set(found) == set(struck)
        every = Counter(oracle(chosen, number) for number in range(len(chosen)))
        for group, parts in found.items():
            rows = np.sort(np.concatenate([rows for rows, _ in parts]))
            assert rows.tolist() == [n for n, name in enumerate(struck) if name == group]
        both = Groups(chosen, trials, numbers, None).split()
        assert sum(size for _, parts in both for _, size in parts) == len(chosen)
        sizes = {group: sum(size for _, size in parts) for group, parts in found.items()}
        assert all(sizes[group] == every[group] for group in sizes)
    trials = sampler.draw(space, seed=1)
    together = dict(
        Groups(
            space,
            trials,
            np.arange(len(trials)),
            f"{by}, bit",
        ).split()
    )
    assert {key.partition(", ")[2] for key in together} == {"3", "14"}


def test_gates_of_other_layers_and_of_bounded_ones_have_their_names():
    torch.manual_seed(0)
    model, inputs = LastState().eval(), torch.randn(5, 4, 2)
    twin = stepwise(model)
    rnn = torch.nn.RNN(2, 3)
    gru = torch.nn.GRUCell(2, 3)
    assert set(labels(FaultSpace.of(rnn, Weights("*"), BitFlip(), Float32()), "gate")) == {"(none)"}
    found = labels(FaultSpace.of(gru, Biases("*"), BitFlip(), Float32()), "gate")
    assert list(dict.fromkeys(found)) == ["r", "z", "n"]
    plain, other = (FaultSpace.of(m, Weights("*"), BitFlip(), Float32()) for m in (model, twin))
    assert labels(plain, "gate") == labels(other, "gate")
    gates = FaultSpace.of(twin, Activations("lstm.gates.f_*"), BitFlip(), Float32(), data=inputs)
    assert set(labels(gates, "gate")) == {"f"}


def test_faults_that_caps_prove_harmless_weigh_in_a_mean_without_a_trial():
    whole = space((3, 5))
    groups = Groups(whole, Uniform(4).draw(whole, 0), np.arange(4), None)
    none = np.zeros(0, np.int64)
    parts = Parts([(np.arange(4), 10), (none, 25), (none, 30)], caps=[0.5, 1.0, 0.0])
    # Of the second part nothing is known, which the others stand for.
    assert groups.weights(parts, capped=True).tolist() == [10 / 40 / 4] * 4
    assert groups.weights(parts).tolist() == [1 / 4] * 4
