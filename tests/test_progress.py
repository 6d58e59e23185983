"""Is the bar silent where nobody looks, and does it say what it should where somebody does?"""

import io

import numpy as np
import pytest
from rich.console import Console

from radhard import progress
from radhard.progress import Progress
from radhard.results import Results
from radhard.samplers import Uniform
from tests.small import campaign, digest

MAIN = (1, "critical")


@pytest.fixture
def screen(monkeypatch):
    """What a terminal of 100 columns would show."""
    return shown_on(monkeypatch, 100)


def shown_on(monkeypatch, width):
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda **options: console)
    return written


def advanced(main=MAIN, figures=((1.0, 0.0), (0.0, 1.0)), total=10, done=4, **options):
    with Progress(total, done, main, **options) as bar:
        bar.advance(np.array(figures))


def test_no_bar_where_there_is_no_terminal(capfd, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    advanced(shown=None)
    advanced(shown=False)
    assert capfd.readouterr() == ("", "")


def test_bar_counts_from_what_is_done_and_shows_the_interval_so_far(screen):
    advanced(shown=True)
    last = screen.getvalue().split("\r")[-1].splitlines()[0]
    assert "6/10" in last
    assert "critical 50 % [" in last
    assert "/s" in last


def test_bar_without_a_critical_figure_still_knows_its_speed(screen, monkeypatch):
    clock = iter(np.arange(0.0, 100.0, 0.5))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    advanced(None, [[3.0], [np.inf]], shown=True)
    assert "6/10" in screen.getvalue()
    assert " 0/s" not in screen.getvalue().split("6/10")[-1]
    assert "critical" not in screen.getvalue()


def test_bar_goes_away_when_the_run_is_interrupted(screen):
    with pytest.raises(KeyboardInterrupt), Progress(10, 0, MAIN, shown=True):
        raise KeyboardInterrupt
    assert screen.getvalue().endswith("\n") or "\x1b[?25h" in screen.getvalue()


@pytest.mark.parametrize("width", [30, 50, 80, 120])
def test_bar_fits_the_terminal_and_nothing_in_it_is_cut_off(monkeypatch, width):
    screen = shown_on(monkeypatch, width)
    clock = iter(np.arange(0.0, 100.0, 0.5))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    with Progress(17_600, 9_000, MAIN, shown=True) as bar:
        bar.advance(np.random.default_rng(0).random((500, 2)) / 100)
    last = screen.getvalue().split("\r")[-1].splitlines()[0]
    assert "9500/17600" in last
    assert "…" not in last
    assert len(last.removeprefix("\x1b[2K")) <= width


def test_a_function_is_told_the_state_instead_of_a_bar(screen):
    told = []
    advanced(shown=told.append)
    assert screen.getvalue() == ""
    (state,) = told
    assert (state.label, state.done, state.total) == ("trials", 6, 10)
    assert state.so_far.startswith("critical 50 % [")
    assert state.remaining == pytest.approx(state.seconds * 4 / 2, rel=1e-6)


def test_a_campaign_tells_a_function_how_far_it_is():
    told = []
    campaign(progress=told.append)
    trials = [state for state in told if state.label == "trials"]
    assert trials[-1].done == trials[-1].total == 60
    assert [state.done for state in trials] == sorted(state.done for state in trials)


def test_an_exception_of_the_function_keeps_what_is_done(tmp_path, monkeypatch):
    class EnoughError(Exception):
        pass

    def stop(state):
        if state.label == "trials" and state.done >= 20:
            raise EnoughError

    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0)
    with pytest.raises(EnoughError):
        campaign(tmp_path / "a.db", sampler=Uniform(300), progress=stop)
    assert 20 <= len(Results.open(tmp_path / "a.db")) < 300
    campaign(tmp_path / "a.db", sampler=Uniform(300))
    campaign(tmp_path / "b.db", sampler=Uniform(300))
    assert digest(tmp_path / "a.db") == digest(tmp_path / "b.db")


def test_a_campaign_is_logged_where_somebody_listens(caplog):
    with caplog.at_level("INFO", logger="radhard"):
        campaign()
    told = [record.getMessage() for record in caplog.records if record.name == "radhard"]
    assert told[0].startswith("60 trials of <")
    assert any(message.startswith("60 trials done after") for message in told)
