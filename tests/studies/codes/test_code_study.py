"""Do codes have faults in all their bits, timed fault-free, and judged by one limit?"""

import json
from dataclasses import replace

import pytest
import torch

from radhard.formats import CLEAN, Cep, Float32, Int, SecDed, ZeroSpace
from radhard.studies import NETWORKS, Plan, conduct
from radhard.studies import network_campaign as module
from radhard.studies.codes import CodeDesign, CodeStudy
from radhard.studies.codes.decoding_times import _stored, decoding_times
from radhard.studies.encodings import Encoding, EncodingDesign
from radhard.studies.pipeline import texts
from radhard.targets import Weights
from tests.studies.encodings.test_encoding_study import WEIGHTS, network
from tests.studies.interruption import conduct_after_interrupt

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

CODED = SecDed(Float32(), block=2)
STUDY = CodeStudy(
    name="small",
    title="A small study",
    source="nobody",
    about="For the tests.",
    networks=("tiny",),
    claims=lambda _: [],
    design=CodeDesign(
        EncodingDesign(
            encodings=(
                Encoding("plain", Float32(), "field1", "o"),
                Encoding("plain, chunks", Cep(Float32()), "field1", "<"),
                Encoding("plain, coded", CODED, "field1", "v"),
                Encoding("int8", Int(8), "field4", "o"),
                Encoding("int8, in place", ZeroSpace(), "field4", "d"),
            ),
            rates=(1e-5, 1e-3, 1e-1),
            increase=0.01,
        ),
        single=80,
    ),
)
QUIET = Plan(runs=4, timed=False, progress=False)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: network())


@pytest.fixture(scope="module")
def found():
    return STUDY.measure(network(), QUIET)


def test_bits_include_the_check_words_of_every_tensor(found):
    blocks = sum(-(-n // 2) for n in (27, 288, 12))
    bits = {name: found.bits(name) * WEIGHTS for name in found.names}
    assert bits == {
        "plain": 32 * WEIGHTS,
        "plain, chunks": 32 * WEIGHTS,
        "plain, coded": 32 * WEIGHTS + CODED.check_bits * blocks,
        "int8": 8 * WEIGHTS,
        "int8, in place": 8 * WEIGHTS,
    }


def test_words_of_one_width_have_the_same_faults_trial_by_trial(found):
    drawn = [
        [results.trials[n].tolist() for n in range(len(results))]
        for results in (found.rates.measured[name].results for name in found.names[:2])
    ]
    assert drawn[0] == drawn[1]
    assert sum(map(len, drawn[0])) > 0


def test_a_code_that_corrects_one_bit_leaves_no_harm_of_single_faults(found):
    for name in ("plain, coded", "int8, in place"):
        assert found.single[name].value == 0
    assert found.single["plain"].value > 0
    assert found.single["plain"].trials == 80


def test_more_bits_are_more_upsets(found):
    more = found.bits("plain, coded") / 32
    assert found.single_at_equal_rate("plain, coded").high == pytest.approx(
        more * found.single["plain, coded"].high
    )
    assert found.single_at_equal_rate("plain") == found.single["plain"]
    rate, number = (found.ratio("plain, coded", "plain", equal=e) for e in ("rate", "number"))
    assert number.value == pytest.approx(more * rate.value)


def test_all_encodings_have_one_limit_of_the_error(found):
    limits = {found.rates.tolerable(name).limit for name in found.names}
    assert limits == {found.rates.fault_free_error("plain") + 0.01}
    assert found.points_lost("plain")[1e-5].value == 0


def test_encodings_belong_to_the_words_they_protect(found):
    assert dict(found.families) == {
        "plain": ("plain", "plain, chunks", "plain, coded"),
        "int8": ("int8", "int8, in place"),
    }


@pytest.mark.parametrize("format", [CODED, Cep(Float32()), ZeroSpace()], ids=repr)
def test_what_is_timed_is_the_recovery_of_all_fault_free_weights(format):
    model = network().model
    decoding = format.recover(_stored(model, format))
    assert (decoding.flags == CLEAN).all()
    inner = []
    for _, weight in Weights("*").candidates(model):
        fitted = format.fit(weight)
        values = fitted.inner.encode(fitted.decode(fitted.encode(weight))).flatten()
        padded = torch.nn.functional.pad(values, (0, -len(values) % format.block))
        inner.append(padded)
    if not format.check_bits:
        assert decoding.codes.flatten()[: len(inner[0])].tolist() == inner[0].tolist()
    assert decoding.codes.numel() == sum(map(len, inner))


def test_only_codes_take_time_to_decode():
    formats = {"plain": Float32(), "coded": CODED}
    times = decoding_times(network().model, formats, turns=3)
    assert times["plain"] == (0, 0, 0)
    assert len(times["coded"]) == 3
    assert all(1 < nanoseconds < 1e6 for nanoseconds in times["coded"])


def test_stopped_study_continues_to_the_same_numbers(tmp_path, found):
    whole = texts(STUDY, QUIET, [(network(), found)], "")
    kept = replace(QUIET, store=tmp_path / "store")
    parts = conduct_after_interrupt(STUDY, kept, tmp_path / "parts", calls=(module, "run"), at=4)
    assert [path.name for path in parts] == ["small.md", "small.json", "small-tiny.svg"]
    assert {path.name: path.read_text("utf-8") for path in parts} == whole


def test_page_shows_times_where_they_are_measured(tmp_path):
    def refuse(constant):
        raise AssertionError(constant)

    rates = STUDY.design.rates
    few = replace(rates, encodings=(*rates.encodings[:1], *rates.encodings[2:]), rates=(1e-3,))
    study = replace(STUDY, design=replace(STUDY.design, rates=few))
    files = conduct(study, replace(QUIET, timed=True, quick=True, runs=2), tmp_path)
    facts = json.loads(files[1].read_text("utf-8"), parse_constant=refuse)
    assert facts["single faults"] == 20
    of_code = {each["name"]: each for each in facts["networks"][0]["encodings"]}
    assert of_code["plain"]["ns to decode"]["value"] == 0
    assert of_code["plain, coded"]["ns to decode"]["value"] > 0
    assert "ns to decode a weight" in files[2].read_text("utf-8")
    assert of_code["int8, in place"]["plain"] == "int8"
