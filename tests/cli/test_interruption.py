"""Is it said on Ctrl-C what is kept, and which command continues?"""

import pytest

from radhard.cli.interruption import interruption_told
from radhard.cli.terminal import Terminal
from tests.small import campaign


@pytest.mark.parametrize("name", [None, "none.db"])
def test_without_a_run_file_nothing_is_kept(name, tmp_path, capsys):
    store = None if name is None else tmp_path / name
    with pytest.raises(KeyboardInterrupt), interruption_told(store, Terminal(), "x"):
        raise KeyboardInterrupt
    assert "no results are stored" in capsys.readouterr().out


def test_the_trials_of_the_run_file_are_counted(tmp_path, capsys):
    store = tmp_path / "a.db"
    done = len(campaign(store=store))
    with pytest.raises(KeyboardInterrupt), interruption_told(store, Terminal(), "the same command"):
        raise KeyboardInterrupt
    told = capsys.readouterr().out
    assert f"interrupted: {done:,} trials" in told
    assert "the same command continues" in told
