"""How is ``radhard compare`` carried out?"""

from pathlib import Path

from radhard.cli.comparison_tables import show_comparison
from radhard.cli.json_output import comparison_facts
from radhard.cli.terminal import Terminal
from radhard.comparison import compare
from radhard.results import Results

__all__ = ["compared"]


def compared(
    before: Path, after: Path, figure: str | None, by: str | None, trust: bool, detail: str | None
) -> int:
    """Compare two runs, show it, and return the exit code."""
    old, new = (Results.open(path, foreign=trust) for path in (before, after))
    terminal = Terminal(detail)
    comparison = compare(old, new, figure, by=by)
    show_comparison(comparison, terminal)
    terminal.finish(comparison_facts(comparison) if detail == "json" else {})
    return 0
