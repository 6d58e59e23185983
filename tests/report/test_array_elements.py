"""Does the page of a campaign in registers show the array as the trials found it?"""

import pytest

from radhard.accelerators import Systolic
from radhard.campaign import run
from radhard.engines import Replay
from radhard.faults import BitFlip, StuckAt
from radhard.formats import Int
from radhard.report import html
from radhard.report.blocks import Picture, Table, Text
from radhard.report.main_figure import main_figure
from radhard.report.sections.array_elements import array_elements
from radhard.report.sections.failures_in_time import failures
from radhard.samplers import PerTensor, Uniform
from radhard.space import FaultSpace
from radhard.targets import Registers, Weights
from tests.accelerators.arrays import network

ARRAY = Systolic(2, 3, "weight_stationary", Int(4), Int(12))


def campaign(target, fault, formats=ARRAY.formats, n=300):
    model, inputs = network()
    space = FaultSpace.of(model, target, fault, formats, data=inputs)
    return run(model, inputs, space, PerTensor(n), engine=Replay(), progress=False, audit=0)


@pytest.fixture(scope="module")
def transient():
    return campaign(Registers(ARRAY, sample="every"), BitFlip())


def test_the_array_is_drawn_with_the_rate_of_every_element(transient):
    section = array_elements(transient, main_figure(transient))
    elements, cycles, registers, worst = section.blocks
    assert (elements.name, cycles.name) == ("elements", "cycles")
    rates = transient.rate(by="row, column")
    assert len(rates) == 2 * 3
    highest = max(rates, key=lambda name: rates[name].value)
    row, column = highest.split(", ")
    assert f"row {row}, column {column}" in elements.finding
    assert worst.rows[0][0] == f"row {row}, column {column}"
    assert worst.rows[0][1] == str(rates[highest]).partition(" [")[0]
    assert [line[0] for line in registers.rows] == ["input", "weight", "sum"]
    for narrow in (False, True):
        (axes,) = elements.draw(narrow).axes
        assert [text.get_text() for text in axes.get_yticklabels()] == ["row 0", "row 1"]
        assert axes.get_xlabel() == "column of the array"
    assert html(transient).count("Registers of the array") >= 1


def test_elements_of_few_trials_are_said_to_be(transient):
    few = transient.only(transient.numbers[::60])
    (elements, *_) = array_elements(few, main_figure(few)).blocks
    assert "fewer than 20 trials" in elements.finding
    (elements, *_) = array_elements(transient, main_figure(transient)).blocks
    assert "fewer than 20 trials" not in elements.finding


def test_permanent_faults_have_no_cycles():
    results = campaign(Registers(ARRAY, duration="permanent"), StuckAt(1), n=8)
    section = array_elements(results, main_figure(results))
    assert [b.name for b in section.blocks if isinstance(b, Picture)] == ["elements"]


def test_layers_that_the_array_does_not_compute_are_named():
    model, inputs = network()
    model.fc.weight.data += 0.001
    with pytest.warns(match="fc"):
        space = FaultSpace.of(model, Registers(ARRAY), BitFlip(), ARRAY.formats, data=inputs)
    results = run(model, inputs, space, PerTensor(8), engine=Replay(), progress=False, audit=0)
    blocks = array_elements(results, main_figure(results)).blocks
    (text,) = [block.text for block in blocks if isinstance(block, Text)]
    assert "1 layer," in text
    assert "fc" in text


def test_a_campaign_in_weights_has_no_array():
    results = campaign(Weights("*"), BitFlip(), Int(4), n=4)
    assert array_elements(results, main_figure(results)) is None


def test_a_campaign_whose_trials_missed_the_registers_says_so():
    model, inputs = network()
    targets = [Weights("*"), Registers(ARRAY, register="weight")]
    space = FaultSpace.of(model, targets, BitFlip(), Int(4), data=inputs)
    results = run(model, inputs, space, Uniform(1), engine=Replay(), progress=False, seed=2)
    assert set(results.rate(by="register")) == {"(none)"}
    (text,) = array_elements(results, main_figure(results)).blocks
    assert "No trial" in text.text
    assert "Registers of the array" in html(results, fit_per_bit=0.01)


def test_failures_in_time_of_registers_go_by_their_bits_and_rates(transient):
    section = failures(transient, main_figure(transient), 0.01)
    (table,) = [b for b in section.blocks if isinstance(b, Table) and "register" in b.columns]
    rates = transient.rate(by="register")
    assert [line[:2] for line in table.rows] == [("input", "24"), ("weight", "24"), ("sum", "72")]
    for line, bits in zip(table.rows, (24, 24, 72), strict=True):
        fit = float(line[2].removesuffix(" FIT"))
        assert fit == pytest.approx(0.01 * bits * rates[line[0]].value, rel=0.06)
