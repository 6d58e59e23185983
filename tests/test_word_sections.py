"""Are the registers of an array grouped by their place in it, and by when they are faulty?"""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.accelerators import Systolic
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Int
from radhard.groups import Groups, labels
from radhard.samplers import Given, PerBit, PerTensor, Uniform, Words
from radhard.space import FaultSpace
from radhard.targets import Registers, Site, Weights
from radhard.word_sections import FaultKinds
from tests.accelerators.arrays import network

MODEL, INPUTS = network()
ARRAY = Systolic(2, 3, "weight_stationary", Int(4), Int(12))


def registers(array: Systolic = ARRAY, register: str = "*", sample: str = "one") -> FaultSpace:
    target = Registers(array, register=register, sample=sample)
    return FaultSpace.of(MODEL, target, BitFlip(bits=(0, 3)), array.formats, data=INPUTS)


SPACES = {
    "one sample": registers(register="input|sum"),
    "every sample": registers(Systolic(3, 2, word=Int(4)), "weight", "every"),
    "with weights": registers(register="sum")
    | FaultSpace.of(MODEL, Weights("*"), BitFlip(bits=(0, 3)), Int(4)),
    "permanent": FaultSpace.of(
        MODEL,
        Registers(ARRAY, duration="permanent"),
        StuckAt(1, bits=(0, 3)),
        ARRAY.formats,
        data=INPUTS,
    ),
}
BY = ("register", "row", "column", "cycle", "row, column", "layer, cycle, row", "cycle, bit")


@cache
def by_hand(kind: str) -> list[dict[str, str]]:
    """The groups of every fault, from its place in the row-major order of the words of a tensor."""
    space, found = SPACES[kind], []
    # 8 products, or 2 + 4 positions, through 2 + 3 - 2 more cycles: at most 16 ranges.
    cycles = [s.shape[1] for s in space.sites if s.role == "register" and len(s.shape) == 4]
    width = 1 if max(cycles, default=0) <= 16 else 2
    for place, word, variant in np.stack(space.locate(np.arange(len(space)))).T.tolist():
        region = space.regions[place]
        texts = {"layer": region.site.layer, "bit": region.bit_text(variant)}
        if len({r.bits_of for r in space.regions}) > 1:
            texts["bit"] = f"{region.bits_of} {texts['bit']}"
        texts |= dict.fromkeys(("register", "row", "column", "cycle"), "(none)")
        if region.site.role == "register":
            *before, row, column = np.unravel_index(
                word % int(np.prod(region.site.shape)), region.site.shape
            )
            texts |= {"register": region.site.name.partition(":")[2]}
            texts |= {"row": str(row), "column": str(column)}
            if before:
                first = int(before[1]) // width * width
                texts["cycle"] = str(first) if width == 1 else f"{first}-{first + width - 1}"
        found.append(texts)
    return found


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("kind", SPACES)
def test_groups_are_those_of_counting_fault_by_fault(kind, by):
    space = SPACES[kind]
    names = [", ".join(texts[name] for name in by.split(", ")) for texts in by_hand(kind)]
    every = Counter(names)
    assert set(labels(space, by)) == set(every)
    for sampler in (Uniform(50), PerTensor(20), PerBit(3), Words(9)):
        trials = sampler.draw(space, seed=1)
        numbers = np.arange(len(trials))
        found = dict(Groups(space, trials, numbers, by).split())
        struck = [names[int(number)] for number in trials.at(numbers)]
        assert set(found) == set(struck)
        for group, parts in found.items():
            rows = np.sort(np.concatenate([rows for rows, _ in parts]))
            assert rows.tolist() == [n for n, name in enumerate(struck) if name == group]
            # A stratum may have faults of the group none of which was drawn.
            assert sum(size for _, size in parts) == every[group]


def test_ranges_of_cycles_are_the_same_for_all_layers():
    space = registers(Systolic(8, 2, word=Int(4)), "input")
    longest = max(site.shape[1] for site in space.sites)
    assert longest == 12 + 8 + 2 - 2 + 8
    found = list(dict.fromkeys(labels(space, "cycle")))
    assert found == [f"{first}-{first + 1}" for first in range(0, longest, 2)]


@given(data=st.data())
def test_the_words_of_any_range_are_counted_by_section(data):
    space = SPACES[data.draw(st.sampled_from(sorted(SPACES)))]
    kinds = FaultKinds.of(space, data.draw(st.sets(st.sampled_from(["row", "column", "cycle"]))))
    place = data.draw(st.integers(0, len(space.regions) - 1))
    words = int(space.words[place])
    low = data.draw(st.integers(0, words - 1))
    high = data.draw(st.integers(low, words - 1))
    at = np.arange(low, high + 1)
    found = kinds.kinds(np.full_like(at, place), at, np.zeros_like(at))
    assert dict(kinds.sizes(place, 0, low, high)) == Counter(found.tolist())


def test_words_are_counted_where_they_are_too_many_to_list():
    site = Site("conv:sum", (4096, 1000, 256, 256), "register", "conv", "Conv2d", "float64")
    site = Site(**{**vars(site), "samples": 1000, "axis": 0, "grid": 1.0, "bits": 12})
    (term,) = registers(register="sum").terms
    space = FaultSpace([replace(term, sites=(site,), fitted=(Int(12).scaled(1.0),))])
    kinds = FaultKinds.of(space, ["row", "column"])
    sizes = dict(kinds.sizes(0, 0, 0, site.words - 1))
    assert set(sizes.values()) == {site.words // 256**2}
    assert len(sizes) == 256**2


def test_a_list_of_faults_is_grouped_by_register():
    space = SPACES["one sample"]
    trials = Given((0, 1, len(space) - 1)).draw(space, 0)
    found = Groups(space, trials, np.arange(3), "register, row, column").split()
    assert [name for name, _ in found] == ["input, 0, 0", "sum, 1, 2"]
