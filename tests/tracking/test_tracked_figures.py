"""Are figures logged under names that every tracker takes, with the limits of their intervals?"""

import re

from radhard.progress import ProgressState
from radhard.samplers import ErrorRate
from radhard.tracking import tracked_figures
from radhard.tracking.tracked_figures import progress_figures
from tests.small import campaign


def test_every_figure_has_its_limits_and_the_headline_its_groups():
    results = campaign(seed=0)
    figures = tracked_figures(results, by="layer")
    rate = results.rate()
    short = results.headline.rpartition(".")[2]
    kept = [figures[name] for name in (short, f"{short} low", f"{short} high")]
    assert kept == [rate.value, rate.low, rate.high]
    layers = results.rate(by="layer")
    assert {n: x for n, x in figures.items() if "/" in n} == {
        f"{short} by layer/{layer}": estimate.value for layer, estimate in layers.items()
    }


def test_figures_of_one_name_keep_their_metric_and_rates_are_in_the_name():
    results = campaign(
        seed=0, metrics=["Sdc(k=1)", "Sdc(k=2)"], sampler=ErrorRate((1e-3, 0.1), trials=4)
    )
    figures = tracked_figures(results)
    assert len(figures) == 3 * 2 * len([c for c in results.columns if results.has_mean(c)])
    assert all(re.fullmatch(r"[\w\-./ ]+", name) for name in figures)
    assert any(name.endswith("at 0.001") for name in figures)


def test_progress_has_the_mean_so_far():
    seen: list[ProgressState] = []
    campaign(seed=0, progress=seen.append)
    last = next(state for state in reversed(seen) if state.label == "trials")
    figures = progress_figures(last)
    assert figures["trials done"] == last.total
    assert figures["mean so far low"] <= figures["mean so far"] <= figures["mean so far high"]
