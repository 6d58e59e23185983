"""A run that is stopped in the middle, and continued."""

from collections.abc import Callable
from pathlib import Path

import pytest

from radhard.engines.base import Session
from radhard.results import Results

__all__ = ["continued"]


def continued(run: Callable[..., Results], session: type[Session], path: Path) -> Results:
    """The results of a run that was stopped in its first chunk, then in its third one."""
    own = session.run
    for chunks in (1, 3):
        left = [chunks]

        def stopped(self, trials, left=left):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            return own(self, trials)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session, "run", stopped)
            with pytest.raises(KeyboardInterrupt):
                run(store=path)
    return run(store=path)
