"""What is said when a campaign is interrupted: what is kept, and how is it continued?"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from radhard.cli.terminal import Terminal
from radhard.store import Store

__all__ = ["interruption_told"]


@contextmanager
def interruption_told(store: Path | None, terminal: Terminal, way: str) -> Iterator[None]:
    """Say on Ctrl-C how many trials are in the run file; ``way``: the command that continues it."""
    try:
        yield
    except KeyboardInterrupt:
        if store is None or not store.exists():
            terminal.say("interrupted; no results are stored without --store")
        else:
            with Store(store) as file:
                done = 0 if file.empty else len(file.done())
            terminal.say_whole(f"interrupted: {done:,} trials are in {store}; {way} continues")
        raise
