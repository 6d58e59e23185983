"""What is said of trials at which one worker of a cluster after another is lost?"""

import pytest

from radhard.errors import InputError
from radhard.executors import Ray
from radhard.executors import ray as room
from tests.executors.short_lived_cluster import ShortLivedCluster
from tests.small import campaign


def test_trials_at_which_workers_are_lost_again_and_again_are_named(tmp_path, monkeypatch):
    cluster = ShortLivedCluster()
    monkeypatch.setattr(room, "_ray", lambda: cluster)
    with pytest.raises(InputError, match=r"3 workers were lost one after another .* trials: 0 "):
        campaign(tmp_path / "run.db", executor=Ray(workers=1))
    assert cluster.started == 3
