"""How does a run say which tests it leaves to ``make test-all``?

Tests marked ``slow`` repeat what quicker tests claim, at a larger size. ``pyproject.toml``
deselects them, and a deselected test must be seen, whichever process deselected it.
"""

from collections.abc import Sequence

import pytest

__all__ = [
    "pytest_deselected",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]

_LEFT_OUT = "slow tests left out"
_counted: dict[str, int] = {_LEFT_OUT: 0}


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the slow ones, in the process that collects."""
    _counted[_LEFT_OUT] += sum(item.get_closest_marker("slow") is not None for item in items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the process that prints."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told.update(_counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Every worker collects, and so leaves out, the same tests."""
    told = getattr(node, "workeroutput", {})  # missing where a worker crashed
    _counted[_LEFT_OUT] = max(_counted[_LEFT_OUT], told.get(_LEFT_OUT, 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The last word on it."""
    if n := _counted[_LEFT_OUT]:
        terminalreporter.write_line(f"{n} slow tests were not run; make test-all runs them too")
