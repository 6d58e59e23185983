"""Do the claims about MSET and CEP come out where they are true, and only there?"""

import json
from dataclasses import replace

import numpy as np
import pytest

from radhard import formats
from radhard.cli import main
from radhard.formats import Oracle, ProtectedFormat
from radhard.samplers import ErrorRate
from radhard.stats import Estimate
from radhard.studies import NETWORKS, STUDIES
from radhard.studies.codes import CodeFindings
from radhard.studies.encodings import EncodingFindings, MeasuredEncoding
from radhard.studies.memory_codes import MEMORY_CODES
from tests.small import prepared, space
from tests.studies.encodings.test_encoding_study import network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

RATES = tuple(10.0 ** (n / 4) for n in range(-32, 0))
NEEDED = ("", ", SEC-DED, 64 bits", ", MSET", ", CEP D3P1")
BITS = dict(zip(NEEDED, (3200, 3600, 3200, 3200), strict=True))
NONE = Estimate(0.0, 0.0, 0.1, 0.95, 10)


def campaign(knee, runs):
    """Accuracy falls from 0.9 as the rate exceeds ``knee``, in all trials of a rate alike."""
    lost = np.repeat([0.1 * max(0.0, np.log10(rate / knee)) for rate in RATES], runs)
    numbers = iter(lost)

    def figures(faults):
        drop = float(next(numbers))
        return 0.9 - drop, drop

    return prepared(
        space((400, 400)),
        # Made-up accuracies do not depend on faults, so trials must not be pooled by their number.
        ErrorRate(RATES, trials=runs, count="floor"),
        figures,
        columns=("Accuracy().accuracy", "Accuracy().drop"),
        ranges=((0.0, 1.0), (-1.0, 1.0)),
    )


def claims(sec_ded, mset, cep, *, times=None, runs=2):
    knees = dict(zip(NEEDED, (1e-7, sec_ded, mset, cep), strict=True))
    measured = {
        words + code: MeasuredEncoding("Float32()", BITS[code], campaign(knee, runs))
        for words in ("float32", "float16")
        for code, knee in knees.items()
    }
    families = {words: tuple(words + code for code in NEEDED) for words in ("float32", "float16")}
    rates = EncodingFindings("made up", 100, 0.01, measured, relative=False, reference=0.1)
    single = dict.fromkeys(measured, NONE)
    return MEMORY_CODES.claims(CodeFindings(rates, families, single, 100, times))


def verdicts(found):
    (first, second), last = (found[:7], found[7:14]), found[14:]
    assert [claim.verdict for claim in first] == [claim.verdict for claim in second]
    assert [claim.verdict for claim in last] == ["cannot be told"] * 3
    return [claim.verdict for claim in first]


def test_where_codes_are_as_in_the_paper_all_claims_hold():
    found = claims(1e-6, 2e-6, 8e-6)
    assert verdicts(found) == ["holds"] * 7
    at_rate, in_number = found[4].figure, found[5].figure
    assert in_number.value == pytest.approx(at_rate.value * 3200 / 3600)


def test_where_sec_ded_tolerates_more_only_memory_and_limit_hold():
    told = verdicts(claims(1e-4, 2e-6, 8e-6))
    assert told == ["holds", "does not hold", "does not hold"] * 2 + ["holds"]


def test_equal_numbers_of_faults_favour_the_code_with_more_bits():
    # 1.05 times the rate in 3200 bits is less than the rate in 3600 bits.
    told = verdicts(claims(1e-6, 1.05e-6, 1.05e-6))
    assert told == ["holds", "holds", "does not hold"] * 2 + ["holds"]


def test_gain_beyond_ten_is_told():
    assert verdicts(claims(1e-6, 2e-6, 9e-5))[6] == "does not hold"


def test_time_in_software_is_told_beside_the_circuit():
    times = {"float32, SEC-DED, 64 bits": (30.0,) * 9, "float32, CEP D3P1": (10.0,) * 9}
    assert "3" in claims(1e-6, 2e-6, 8e-6, times=times)[14].note.partition("software here, ")[2]
    assert "software" not in claims(1e-6, 2e-6, 8e-6)[14].note


def test_few_harmful_trials_are_said_beside_the_verdict():
    notes = [claim.note for claim in claims(1e-6, 2e-6, 8e-6)[:7]]
    assert ["few harmful trials" in note for note in notes] == [False, True, True] * 2 + [True]
    many = [claim.note for claim in claims(1e-6, 2e-6, 8e-6, runs=6)[:7]]
    assert not any("few harmful trials" in note for note in many)


def test_every_code_is_compared():
    design = MEMORY_CODES.design.rates
    compared = {type(each.format) for each in design.encodings}
    kinds = {kind for kind in vars(formats).values() if isinstance(kind, type)}
    protected = {kind for kind in kinds if issubclass(kind, ProtectedFormat)}
    # What cannot be built is no code that memory could have.
    assert protected - {ProtectedFormat, Oracle} <= compared
    looks = {(each.paint, each.mark) for each in design.encodings}
    names = {each.name for each in design.encodings}
    assert len(looks) == len(names) == len(design.encodings)
    assert len(MEMORY_CODES.design.families) == 4
    assert set(MEMORY_CODES.networks) <= set(NETWORKS)
    few = design.rates_of(quick=True)
    assert (few[0], few[-1]) == (design.rates[0], design.rates[-1])


def test_study_runs_from_a_terminal(tmp_path, monkeypatch):
    design = MEMORY_CODES.design
    needed = {words + code for words in ("float32", "float16") for code in NEEDED}
    few = tuple(each for each in design.rates.encodings if each.name in needed)
    small = replace(design, rates=replace(design.rates, encodings=few))
    monkeypatch.setitem(STUDIES, "memory-codes", replace(MEMORY_CODES, design=small))
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: network())
    line = ["study", "memory-codes", "--network", "tiny", "--runs", "2", "--quick"]
    assert main([*line, "--no-time", "-o", str(tmp_path)]) == 0
    page = (tmp_path / "memory-codes.md").read_text("utf-8")
    assert f"`radhard {' '.join(line)} --seed 0`" in page
    (of_tiny,) = json.loads((tmp_path / "memory-codes.json").read_text("utf-8"))["networks"]
    assert [each["name"] for each in of_tiny["encodings"]] == [each.name for each in few]
    assert len(of_tiny["claims"]) == 17
