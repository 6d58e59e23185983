"""Are names and numbers of figures short, different, and clear of each other?"""

import itertools
import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.comparison import Row
from radhard.report.figures import (
    Bit,
    Curve,
    Grid,
    ParetoPoint,
    bits,
    curves,
    dumbbells,
    forest,
    grid,
    pareto,
    svg,
)
from radhard.report.figures.short_names import short_names
from radhard.report.sections.bit_groups import bit_axis
from radhard.stats import Estimate

WORDS = st.sampled_from(
    ["encoder", "layers", "0", "11", "self_attn", "in_proj_weight", "norm1", "weight", "bias"]
)
NAMES = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(".".join), min_size=1, max_size=9)


def rate(value=0.02, low=0.001, high=0.3):
    return Estimate(value, low, high, confidence=0.95, trials=40)


@given(NAMES, st.integers(8, 30))
def test_short_names_have_room_and_differ_where_the_names_do(names, length):
    short = short_names(names, length)
    assert all(len(text) <= length for text in short)
    assert len(set(short)) == len(set(names))


def test_names_with_room_stay_as_they_are():
    names = ["conv1.weight", "fc.bias"]
    assert short_names(names, 12) == names


@pytest.mark.parametrize("narrow", [False, True])
def test_a_figure_has_the_whole_name_of_every_shortened_one(narrow):
    names = [f"encoder.layers.{n}.self_attn.out_proj.weight" for n in range(12)]
    drawn = svg(
        lambda: forest([(name, rate()) for name in names], rate(), "rate", narrow), "f", "t", "d"
    )
    assert re.findall(r"<text [^>]*><title>([^<]*)</title>", drawn) == names


def spans(figure, axis):
    """The extents of the labels of an axis that are drawn, along it."""
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [t.get_window_extent() for t in getattr(axes, f"get_{axis}ticklabels")()]
    return sorted((b.x0, b.x1) if axis == "x" else (b.y0, b.y1) for b in boxes)


GROUPS = {
    "bits": [str(bit) for bit in range(63, -1, -1)],
    "bursts": [f"{bit}+{bit + 1}" for bit in range(30, -1, -1)],
    "pairs": [f"{low}+{high}" for high in range(8) for low in range(high)],
    "both": [
        f"{bit}+{bit + 1}" if odd else str(bit) for bit in range(30, -1, -1) for odd in (0, 1)
    ],
}


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_labels_of_bits_do_not_overlap(groups, narrow):
    names, axis = bit_axis(groups)
    positions = [Bit(name, "exponent", rate()) for name in names]
    figure = bits(positions, ("sign", "exponent"), "rate", narrow, axis=axis)
    ends = spans(figure, "y" if narrow else "x")
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))
    shares = [[0.1] * len(names), [None] * len(names)]
    ends = spans(grid(Grid(["conv1.weight", "fc.weight"], names, shares, axis=axis), narrow), "x")
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))


def test_nothing_is_written_where_the_bar_of_a_time_may_be():
    models = [
        ParetoPoint("unprotected", (1.0,), rate()),
        ParetoPoint("A", (1.2,), rate(0, 0, 0.1), ((0.9, 1.5),)),
    ]
    figure = pareto(models, ["time per pass"], "critical SDC rate", narrow=False)
    (axes,) = figure.axes
    assert not axes.texts
    drawn = unescape(svg(lambda: figure, "p", "t", "d"))
    assert "← better: less time per pass" in drawn


def test_differences_beside_dumbbells_are_not_cut_off():
    before, after = rate(0.0464, 0.005, 0.165), rate(0.0014, 0.00004, 0.1)
    change = Estimate(-0.0441, -0.16, 0.0864, confidence=0.95, trials=35)
    rows = [Row("conv2.weight", before, after, change, 0.3, 1, 33, 0)]
    for narrow in (False, True):
        figure = dumbbells(rows, "critical SDC rate", narrow)
        figure.draw_without_rendering()
        width = figure.bbox.width
        for text in figure.axes[0].texts:
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.x1 <= width


def test_many_rates_have_powers_of_ten_at_their_axis():
    rates = [1e-9 * 1.3257**n for n in range(50)]
    curve = Curve("a", "critical", "o", [(x, rate()) for x in rates])
    for narrow in (False, True):
        (axes,) = curves([curve], "bit", narrow).axes
        texts = [text.get_text() for text in axes.get_xticklabels()]
        assert 3 <= len(texts) <= 9
        assert all(re.fullmatch(r"1e-\d+|0\.0*1", text) for text in texts)
        ends = spans(curves([curve], "bit", narrow), "x")
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))
