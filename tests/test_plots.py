"""Do plots draw the estimates, into the axes that were given, and notebooks show them escaped?"""

from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from radhard.comparison import compare
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.samplers import ErrorRate
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.stats import Estimate
from radhard.targets import Weights
from tests import small


@pytest.fixture(autouse=True)
def closed():
    before = pyplot.get_fignums()
    yield
    assert set(pyplot.get_fignums()) <= set(before)  # no figure is made where axes are given


@pytest.fixture
def axes():
    return Figure().subplots()


@pytest.fixture(scope="module")
def results():
    return small.campaign()


@pytest.fixture(scope="module")
def rated():
    return small.campaign(sampler=ErrorRate((1e-3, 1e-1), trials=6))


def marks(axes):
    """The value and the limits of every mark, as they lie along the axis of shares."""
    found = []
    for container in axes.containers:
        line, _, (bars,) = container
        horizontal = container.has_xerr
        assert line.get_marker() == "o"
        values = line.get_xdata() if horizontal else line.get_ydata()
        ends = [segment[:, 0 if horizontal else 1] for segment in bars.get_segments()]
        found += [(value, *end) for value, end in zip(values, ends, strict=True)]
    return np.array(found)


def in_percent(estimates):
    return np.array([(100 * e.value, 100 * e.low, 100 * e.high) for e in estimates])


def test_rates_are_drawn_by_layer_and_the_axes_come_back(results, axes):
    assert results.plot(axes) is axes
    rates = results.rate(by="layer")
    assert marks(axes) == pytest.approx(in_percent(rates.values()))
    assert [label.get_text() for label in axes.get_yticklabels()] == list(rates)
    assert "%" in axes.get_xlabel()


def test_another_figure_by_another_grouping(results, axes):
    results.plot(axes, name="masked", by="bit")
    assert marks(axes) == pytest.approx(in_percent(results.rate("masked", by="bit").values()))


def test_error_rates_are_an_axis(rated, axes):
    rated.plot(axes)
    assert axes.containers[0][0].get_xdata().tolist() == [1e-3, 1e-1]
    assert axes.get_xscale() == "log"
    assert marks(axes) == pytest.approx(in_percent(rated.rate(by="rate").values()))


def test_a_comparison_has_both_rates_of_every_group(results, axes):
    comparison = compare(results, results, by="layer")
    assert comparison.plot(axes) is axes
    both = [row.before for row in comparison.rows] + [row.after for row in comparison.rows]
    assert marks(axes) == pytest.approx(in_percent(both))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["before", "after"]


def test_scores_are_bars_from_the_most_vulnerable_on(axes):
    scores = Scores("Mine()", "channel", {"fc.weight": np.array([0.1, 0.3, np.nan])})
    assert scores.plot(axes) is axes
    assert [bar.get_width() for bar in axes.patches] == [0.3, 0.1]


def test_an_estimate_is_one_mark(axes):
    rate = Estimate(0.25, 0.1, 0.5, confidence=0.95, trials=9)
    assert rate.plot(axes) is axes
    assert marks(axes) == pytest.approx(in_percent([rate]))


def test_without_axes_those_of_pyplot_are_used(results):
    try:
        assert results.plot() is pyplot.gca()
    finally:
        pyplot.close()


def test_a_number_is_a_number():
    assert float(Estimate(0.25, 0.1, 0.5, confidence=0.95, trials=9)) == 0.25


class Cells(HTMLParser):
    """The texts of the cells of tables."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)


def test_a_notebook_shows_the_figures(results, rated):
    table = Cells(results._repr_html_())
    assert "table" in table.tags
    assert "critical SDC" in table.texts
    layers = results.rate(by="layer")
    assert set(layers) <= set(Cells(layers._repr_html_()).texts)
    assert {"0.001", "0.1"} <= set(Cells(rated._repr_html_()).texts)
    row = Cells(compare(results, results)._repr_html_())
    assert {"before", "after", "difference", "p"} <= set(row.texts)
    rate = results.rate()
    assert "".join(Cells(rate._repr_html_()).texts) == str(rate)


def test_names_of_somebody_else_are_text_in_a_notebook():
    scores = Scores("<script>()", "channel", {"<img src=x>": np.array([0.1])})
    assert set(Cells(scores._repr_html_()).tags) <= {
        *("p", "b", "table", "thead", "tbody", "tr", "th", "td")
    }


def test_defaults_are_those_of_the_command_line():
    model = small.network()
    assert repr(FaultSpace.of(model)) == repr(
        FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    )


def test_runs_are_compared_by_the_paths_of_their_files(tmp_path):
    results = small.campaign(tmp_path / "a.db")
    by_path = compare(tmp_path / "a.db", str(tmp_path / "a.db"))
    assert by_path == compare(results, results)


def test_names_of_layers_are_not_cut_off(tmp_path):
    figure, axes = pyplot.subplots(figsize=(3, 2))
    try:
        names = ["encoder.blocks.0.attention.weight"] * 2
        Scores("Mine()", "channel", {names[0]: np.array([0.1, 0.3])}).plot(axes)
        figure.canvas.draw()
        edges = [label.get_window_extent().x0 for label in axes.get_yticklabels()]
        assert min(edges) >= 0
    finally:
        pyplot.close(figure)


def test_several_axes_are_refused_and_an_array_of_one_is_taken(results):
    figure = Figure()
    one, two = figure.subplots(1, 2)
    assert results.plot(np.array([one])) is one
    for several in (np.array([one, two]), [one, two], "layer", figure):
        with pytest.raises(InputError, match=r"plot\(ax\)"):
            results.plot(several)
