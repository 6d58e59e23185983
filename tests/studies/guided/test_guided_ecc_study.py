"""Are critical words found, protected and verified, and does a stopped study continue?"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from radhard.formats import Fixed, Float32, is_stored_as
from radhard.results import Results
from radhard.studies import NETWORKS, Plan, conduct, network_campaign
from radhard.studies.guided import GuidedEccDesign, GuidedEccStudy
from radhard.studies.guided import guided_ecc_campaigns as module
from radhard.studies.pruning import Tuning
from tests.studies.interruption import conduct_after_interrupt
from tests.studies.tiny import tiny_network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

STUDY = GuidedEccStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=lambda _: [],
    design=GuidedEccDesign(
        formats={"float": Float32(), "fixed": Fixed(1, 6)},
        paper={},
        tuning=Tuning(epochs=1, images=20, batch=10, rate=0.01),
        brief_flips=1500,
        brief_images=20,
        brief_repeated=15,
        trees=3,
        folds=2,
    ),
)
QUIET = Plan(progress=False)
WEIGHTS = 3 * 9 + 48 * 6 + 6 * 2


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def found(store):
    return STUDY.measure(tiny_network(), replace(QUIET, store=store))


def test_flips_to_verify_are_others_than_those_to_learn_from(found, store):
    for each in found.measured.values():
        drawn = each.flips.results.trials.at(each.flips.results.numbers)
        assert len(each.flips) == len(np.unique(drawn)) == 1500
        assert len(each.flips.space) == WEIGHTS * each.bits
        assert each.notes["flips"]["model fingerprint"] == each.notes["fresh"]["model fingerprint"]
    one, two = (
        Results.open(store / "small" / "tiny" / f"float-{part}.db") for part in ("flips", "fresh")
    )
    assert one.seed != two.seed
    assert set(one.trials.at(one.numbers)) != set(two.trials.at(two.numbers))


def test_words_measured_to_be_critical_are_protected(found):
    for each in found.measured.values():
        critical = each.flips.critical(0.005)
        assert critical.any()
        for choice in each.choices:
            masks = [choice.masks[region.site.name].ravel() for region in each.flips.space.regions]
            places, words = each.flips.places[critical], each.flips.words[critical]
            assert all(masks[place][word] for place, word in zip(places, words, strict=True))
            assert choice.words == sum(mask.sum() for mask in masks)


def test_protected_memory_leaves_the_critical_faults_of_unprotected_words_only(found):
    for each in found.measured.values():
        left, choice = each.left, each.promised
        assert 0 < left.repeated <= 15
        assert left.critical <= choice.missed
        # All critical faults were repeated if there are so few.
        if choice.critical <= 15:
            assert (left.repeated, left.critical) == (choice.critical, choice.missed)
        assert (left.added, left.critical_added) == (15, 0)
        tensors = [mask.size for mask in choice.masks.values()]
        signature = 8 * sum(-(-size // 8) for size in tensors)
        check = round(choice.memory(each.bits).every_word * each.bits)
        blocks = -(-signature // 64)
        assert left.added_bits == choice.words * check + signature + 8 * blocks


def test_network_is_trained_in_a_format_and_comes_back_unchanged(store):
    network = tiny_network()
    before = {name: x.clone() for name, x in network.model.state_dict().items()}
    work = module._Work(
        "small",
        STUDY.design,
        network,
        replace(QUIET, store=store),
        "fixed",
        Fixed(1, 6),
        network.test,
    )
    for name, x in work.model.named_parameters():
        assert is_stored_as(x, Fixed(1, 6)) == name.endswith("weight")
        assert not torch.equal(x, before[name])
    assert all(torch.equal(x, before[name]) for name, x in network.model.state_dict().items())


def test_stopped_study_continues_to_the_same_numbers(tmp_path):
    one = {"float": Float32()}
    few = replace(STUDY, design=replace(STUDY.design, formats=one, brief_flips=400))
    whole = conduct(few, QUIET, tmp_path / "whole")
    kept = replace(QUIET, store=tmp_path / "store")
    parts = conduct_after_interrupt(
        few, kept, tmp_path / "parts", calls=(network_campaign, "run"), at=3
    )
    assert [path.name for path in whole] == ["small.md", "small.json", "small-tiny.svg"]
    assert [path.read_text("utf-8") for path in parts] == [p.read_text("utf-8") for p in whole]


def test_numbers_are_valid_json_and_the_page_has_all_tables(found):
    def refuse(constant):
        raise AssertionError(constant)

    section = STUDY.section(tiny_network(), found)
    facts = json.loads(json.dumps(section.numbers), parse_constant=refuse)
    assert [each["name"] for each in facts["formats"]] == ["float", "fixed"]
    page = "\n".join(section.body)
    for title in ("Critical bits", "Predicted bits", "Words to protect", "What is left"):
        assert f"### {title}" in page
    for name, each in found.measured.items():
        rows = [line for line in page.splitlines() if line.startswith(f"| {name}")]
        assert len(rows) == 2 + len(each.predictions) + len(each.choices)


def test_quick_study_tries_fewer_flips():
    design = STUDY.design
    assert design.flips_of(tiny_network(), replace(QUIET, quick=True)) == 75
    assert design.flips_of(tiny_network(brief=False), QUIET) == 20_000
    assert design.flips_of(tiny_network(), replace(QUIET, runs=7)) == 7


@pytest.mark.parametrize(
    ("format", "dtype"), [(Fixed(1, 30), torch.float64), (Fixed(1, 6), torch.float32)]
)
def test_faults_are_repeated_in_a_dtype_that_holds_every_faulty_word(tmp_path, format, dtype):
    plan = replace(QUIET, store=tmp_path)
    work = module._Work(
        "small", STUDY.design, tiny_network(), plan, "x", format, tiny_network().test
    )
    model, data, _ = work._holding()
    (weight, *_) = model.parameters()
    assert (weight.dtype, data.inputs.dtype) == (dtype, dtype)
    codes = format.encode(weight)[None] ^ (1 << torch.arange(format.bits)).view(-1, 1, 1, 1, 1)
    assert torch.equal(format.encode(format.decode(codes).to(dtype)), codes & (2**format.bits - 1))
