"""Do the claims about sign-magnitude come out where they are true, and only there?"""

import json

import numpy as np
import pytest

from radhard.cli import main
from radhard.samplers import ErrorRate
from radhard.studies import NETWORKS
from radhard.studies.data_encoding import DATA_ENCODING
from radhard.studies.encodings import EncodingFindings, MeasuredEncoding
from tests.small import prepared, space
from tests.studies.encodings.test_encoding_study import network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

TWOS, SIGN, ORACLE = "two's complement", "sign-magnitude", "oracle sign"
RATES = tuple(10.0**n for n in range(-8, 0))


def campaign(knee, runs=6):
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


def verdicts(twos, sign, oracle, smaller=1.0):
    measured = {
        name: MeasuredEncoding("Int(8)", 3200, campaign(knee), smaller if name == SIGN else None)
        for name, knee in ((TWOS, twos), (SIGN, sign), (ORACLE, oracle))
    }
    found = DATA_ENCODING.claims(EncodingFindings("made up", 100, 0.005, measured))
    return [claim.verdict for claim in found], found


def test_where_encodings_are_as_in_the_paper_all_claims_hold():
    told, claims = verdicts(1e-6, 5e-6, 5e-6)
    assert told == ["holds"] * 4
    assert claims[2].figure.value == pytest.approx(1)


def test_where_they_are_the_other_way_round_no_claim_holds_but_the_limit():
    told, _ = verdicts(1e-4, 1e-6, 1e-4, smaller=0.5)
    assert told == ["does not hold", "holds", "does not hold", "does not hold"]


def test_gain_beyond_ten_is_told():
    told, claims = verdicts(1e-7, 1e-5, 1e-5)
    assert told[:2] == ["holds", "does not hold"]
    assert claims[0].figure.value == pytest.approx(100, rel=0.1)


def test_rates_outside_those_tried_give_bounds_or_nothing():
    told, claims = verdicts(1e-3, 10.0, 10.0)
    assert told == ["holds", "does not hold", "cannot be told", "holds"]
    assert "only a bound" in claims[0].note
    assert claims[2].figure is None
    assert "both outside the rates tried" in claims[2].note


def test_design_is_that_of_the_paper():
    design = DATA_ENCODING.design
    assert (len(design.rates), design.runs, design.increase) == (50, 20, 0.005)
    assert (design.rates[0], design.rates[-1]) == (1e-9, 1e-3)
    assert (design.beyond[0], design.beyond[-1]) == (0.001334, 1e-2)
    first = {each.format.bits for each in design.encodings[: design.paired]}
    assert len(first) == 1
    looks = {(each.paint, each.mark) for each in design.encodings}
    names = {each.name for each in design.encodings}
    assert len(looks) == len(names) == len(design.encodings)
    assert set(DATA_ENCODING.networks) <= set(NETWORKS)


def test_study_runs_from_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: network())
    line = ["study", "data-encoding", "--network", "tiny", "--runs", "2", "--quick"]
    assert main([*line, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "data-encoding.md").read_text("utf-8")
    assert f"`radhard {' '.join(line)} --seed 0`" in page
    facts = json.loads((tmp_path / "data-encoding.json").read_text("utf-8"))
    (of_tiny,) = facts["networks"]
    assert [each["name"] for each in of_tiny["encodings"]] == [
        each.name for each in DATA_ENCODING.design.encodings
    ]
    assert len(of_tiny["claims"]) == 4
