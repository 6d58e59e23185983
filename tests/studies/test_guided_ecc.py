"""Do the claims about learned criticality come out where they are true, and only there?"""

import json
from dataclasses import replace

import numpy as np
import pytest

from radhard.analyses.criticality import PredictionQuality, measurements, selective_memory
from radhard.cli import main
from radhard.faults import BitFlip
from radhard.samplers import Exhaustive
from radhard.stats import Estimate
from radhard.studies import NETWORKS
from radhard.studies.guided import (
    TRAIOLA,
    GuidedEccFindings,
    Left,
    MeasuredFormat,
    Prediction,
    WordChoice,
)
from radhard.studies.guided_ecc import AREA, GUIDED_ECC, SAVED
from tests.small import prepared, space
from tests.studies.tiny import tiny_network

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

LESS, NARROW, WIDE = "fewer bits are critical", "no bit of", "tells critical"


def flips(share, drop=0.03):
    """All bits of 400 words, of which the first ones are critical."""
    every = space((400,), BitFlip())

    def figures(faults):
        lost = np.where(faults < share * len(every), drop, 0.0)
        return np.stack([0.9 - lost, lost], axis=1)

    columns = ("Accuracy().accuracy", "Accuracy().drop")
    ranges = ((0.0, 1.0), (-1.0, 1.0))
    return measurements(prepared(every, Exhaustive(), figures, columns=columns, ranges=ranges))


def prediction(forest, area, missed, alarms):
    within = Estimate(area, area, area, 0.95, 100, "")
    quality = PredictionQuality(within, 0.9, 0.0, 0.0, 0.1, 1000, 100)
    return Prediction(forest, 0.005, quality, missed, 100, alarms, 900)


def measured(bits, share, *, drop=0.03, area=0.999, missed=60, words=0.01, left=(0, 100)):
    masks = {"a.weight": np.arange(400) < 400 * words}
    choices = tuple(
        WordChoice(forest, threshold, promise, masks, 0, 100)
        for forest, threshold, promise in (
            ("forest", 0.5, None),
            ("balanced", 0.5, None),
            ("balanced", 0.7, 0.05),
        )
    )
    return MeasuredFormat(
        "a format",
        bits,
        0.9,
        0.9,
        flips(share, drop),
        Estimate(share, share, share, 0.95, 100),
        (
            prediction("forest", area, missed, 61 - missed),
            prediction("balanced", area, 60 - missed, missed + 1),
        ),
        choices,
        Left(left[1], left[0], 100, 0, 1000),
        {},
    )


def findings(**formats):
    return GuidedEccFindings("lenet5", 200, 1000, 0.005, 0.1, formats)


def verdicts(found):
    return {claim.text: claim.verdict for claim in GUIDED_ECC.claims(found)}


def test_where_all_is_as_in_the_paper_all_claims_hold():
    found = findings(FP32=measured(32, 0.02, drop=0.2), Fxp8=measured(8, 0.003))
    told = verdicts(found)
    assert set(told.values()) == {"holds"}
    # One each for fewer and none; 2 x 2 areas; 2 rates; 2 gains and their mean; 2 promises.
    assert len(told) == len(GUIDED_ECC.claims(found)) == 13


def test_where_all_is_the_other_way_round_no_claim_holds():
    found = findings(
        FP32=measured(32, 0.003, area=0.6, words=0.9, left=(60, 100)),
        Fxp8=measured(8, 0.05, drop=0.2, area=0.6, missed=0, words=0.9, left=(60, 100)),
    )
    told = verdicts(found)
    assert set(told.values()) == {"does not hold"}


def test_formats_without_critical_bits_can_be_told_nothing_but_their_share():
    nothing = replace(measured(8, 0.0), predictions=(), choices=(), left=None)
    told = verdicts(findings(FP32=measured(32, 0.02), Fxp8=nothing))
    of_fixed = {text: verdict for text, verdict in told.items() if "Fxp8" in text}
    kinds = {verdict for text, verdict in of_fixed.items() if not text.startswith((LESS, NARROW))}
    assert kinds == {"cannot be told"}
    assert {v for text, v in of_fixed.items() if text.startswith((LESS, NARROW))} == {"holds"}


def test_gains_of_the_paper_follow_from_its_shares():
    bits = {name: format.bits for name, format in GUIDED_ECC.design.formats.items()}
    gains = []
    for _, formats in TRAIOLA.values():
        assert list(formats) == list(bits)
        for name, paper in formats.items():
            assert selective_memory(bits[name], paper.words).gain == pytest.approx(
                paper.gain, abs=4e-5
            )
            gains.append(paper.gain)
    # The paper says 61.22 %, but the mean of its gains is 61.215 %.
    assert np.mean(gains) == pytest.approx(SAVED, abs=6e-5)


def test_cells_of_the_paper_add_up_and_its_smallest_area_is_the_limit():
    cells = [c for _, f in TRAIOLA.values() for p in f.values() for c in p.cells.values()]
    assert min(area for area, *_ in cells) == AREA
    for _, *shares in cells:
        assert sum(shares) == pytest.approx(1, abs=2e-4)


def test_design_has_four_formats_of_the_paper_with_one_integer_bit():
    formats = list(GUIDED_ECC.design.formats.values())
    assert [format.bits for format in formats] == [32, 32, 16, 8]
    assert {dict(format.layout)["integer"] for format in formats[1:]} == {1}
    assert set(GUIDED_ECC.networks) <= set(NETWORKS)
    assert set(GUIDED_ECC.networks) == set(TRAIOLA)


def test_study_runs_from_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())
    formats = {name: GUIDED_ECC.design.formats[name] for name in ("FP32", "Fxp8")}
    few = replace(GUIDED_ECC.design, formats=formats, trees=2, folds=2, brief_repeated=4)
    monkeypatch.setattr(
        "radhard.studies.catalogue.STUDIES", {"guided-ecc": replace(GUIDED_ECC, design=few)}
    )
    line = ["study", "guided-ecc", "--network", "tiny", "--quick"]
    assert main([*line, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "guided-ecc.md").read_text("utf-8")
    assert f"`radhard {' '.join(line)} --seed 0`" in page
    facts = json.loads((tmp_path / "guided-ecc.json").read_text("utf-8"))
    (of_tiny,) = facts["networks"]
    assert [each["name"] for each in of_tiny["formats"]] == list(formats)
    assert (tmp_path / "guided-ecc-tiny.svg").is_file()
