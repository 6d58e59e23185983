"""Do the strata of a partition have all faults of their kind, in a random order?"""

from collections import Counter

import numpy as np
import pytest
import torch

from radhard.caps import cap_classes
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Float32
from radhard.injection import DIRECTIONS, Directions
from radhard.samplers.bit_classes import bit_class
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.fault_classes import CapClasses
from radhard.samplers.partition import partition
from radhard.space import FaultSpace
from radhard.targets import Biases, Weights
from radhard.word_sections import FaultKinds
from tests.small import network


class HalfOfTheFaults:
    """Caps that depend on the number of the fault."""

    notes = ()

    def of(self, faults):
        return np.array([0.0, 0.05, 0.2, 1.0])[faults % 4]


def divided(by=None, *, caps=None, fault=None, most=None):
    model = network()
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], fault or BitFlip(), Float32())
    classes = None if caps is None else CapClasses(caps)
    census = FaultCensus.of(Directions(model, space), space, classes)
    return model, space, partition(space, census, by, most)


def by_hand(model, space, found, caps=None, by=None):
    """The group, bits, direction and class of caps of every fault."""
    faults = np.arange(len(space))
    places, _, variants = space.locate(faults)
    directions = np.array(DIRECTIONS)[Directions(model, space).of(faults)]
    classes = cap_classes(caps.of(faults)) if caps else np.full(len(space), 5)
    return [
        (
            space.sites[p].name if by == "tensor" else "",
            bit_class(space.regions[p], v),
            str(direction),
            int(c),
        )
        for p, v, direction, c in zip(
            places.tolist(), variants.tolist(), directions, classes, strict=True
        )
    ]


@pytest.mark.parametrize("by", [None, "tensor"])
@pytest.mark.parametrize("caps", [None, HalfOfTheFaults()], ids=["no caps", "caps"])
@pytest.mark.parametrize("fault", [BitFlip(), StuckAt(0)], ids=repr)
def test_strata_are_those_of_looking_at_every_fault(by, caps, fault):
    model, space, found = divided(by, caps=caps, fault=fault)
    keys = by_hand(model, space, found, caps, by)
    drawn = [found.draw(at, 0, s.population, 7) for at, s in enumerate(found.strata)]
    assert len(found.strata) == len(set(keys))
    for faults, stratum in zip(drawn, found.strata, strict=True):
        own = {keys[fault] for fault in faults.tolist()}
        assert len(own) == 1
        assert len(set(faults.tolist())) == stratum.population == keys.count(own.pop())
        assert stratum.cap == (caps.of(faults).max() if caps else 1.0)
    assert sum(found.sizes[2]) == len(space)
    for at, stratum in enumerate(found.strata):
        assert found.sizes[2][found.sizes[0] == at].sum() == stratum.population


def test_faults_of_strata_are_counted_by_gate_and_direction():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = torch.nn.LSTM(2, 2)
    space = FaultSpace.of(model, [Weights("*"), Biases("*")], BitFlip(), Float32())
    directions = Directions(model, space)
    found = partition(space, FaultCensus.of(directions, space), None)
    counted: Counter[tuple[int, int]] = Counter()
    for at, stratum in enumerate(found.strata):
        faults = found.draw(at, 0, stratum.population, 7)
        places, words, variants = space.locate(faults)
        # Of whole tensors, words are numbered by their positions.
        kinds = FaultKinds.of(space, ("gate",)).kinds(places, words, variants)
        counted.update((at, int(k)) for k in kinds * len(DIRECTIONS) + directions.of(faults))
    assert counted == {(at, kind): n for at, kind, n in found.sizes.T.tolist()}


def test_a_stage_continues_the_order_of_the_stages_before_it():
    _, _, found = divided()
    at = max(range(len(found.strata)), key=lambda n: found.strata[n].population)
    every = found.draw(at, 0, found.strata[at].population, 3)
    for begin, end in ((0, 1), (1, 40), (40, 41), (7, len(every))):
        assert found.draw(at, begin, end, 3).tolist() == every[begin:end].tolist()
    assert found.draw(at, 0, 40, 4).tolist() != every[:40].tolist()


def test_every_fault_of_a_stratum_is_drawn_first_equally_often():
    _, _, found = divided()
    at = next(n for n, s in enumerate(found.strata) if s.name == "bit 30, up")
    population = found.strata[at].population
    firsts = [int(found.draw(at, 0, 1, seed)[0]) for seed in range(60 * population)]
    counts = np.unique(firsts, return_counts=True)[1]
    assert len(counts) == population
    # Chi-square with so many degrees of freedom is above this in one of a thousand cases.
    statistic = float(((counts - 60) ** 2 / 60).sum())
    assert statistic < population + 3.1 * np.sqrt(2 * population) + 5


def test_few_trials_have_few_strata():
    _, _, fine = divided()
    assert {s.name for s in fine.strata} >= {"bit 30, up", "bit low, down"}
    _, _, coarse = divided(most=lambda reach: 6)
    assert {s.name for s in coarse.strata} <= set(DIRECTIONS)
    _, _, single = divided(most=lambda reach: 1 + 0 * reach)
    assert [s.name for s in single.strata] == ["the space"]


def test_a_group_that_is_known_to_be_harmless_leaves_the_strata_of_others_as_they_are():
    class FirstTensorKnown:
        notes = ()

        def of(self, faults):
            return np.where(faults < 18 * 32, 0.0, 1.0)

    by_tensor = {"by": "tensor", "most": lambda reach: 100 * reach}
    _, _, found = divided(caps=FirstTensorKnown(), **by_tensor)
    _, _, plain = divided(**by_tensor)
    first = found.groups[0]
    assert all(s.cap == 0 for s in found.strata if found.groups[s.group] == first)

    def of_others(division):
        return {(s.name, s.population) for s in division.strata if not s.name.startswith(first)}

    assert of_others(found) == of_others(plain)
    # Every group has the most strata that it may have.
    counts = np.bincount([s.group for s in plain.strata])
    assert counts.max() <= 100 < 10 * counts.max()


def test_groups_of_other_words_are_refused():
    with pytest.raises(InputError, match="direction"):
        divided("direction")
    with pytest.raises(InputError, match="did you mean"):
        divided("tensr")
