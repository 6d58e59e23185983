"""Which two runs does a page compare?"""

from typing import NamedTuple

from radhard.results import Results

__all__ = ["RunPair"]


class RunPair(NamedTuple):
    """Two runs and what sentences call them: "0.6 % before", "0.6 % in the first"."""

    before: Results
    after: Results
    names: tuple[str, str] = ("before", "after")
    both: str = "before and after"
    """What titles call them."""

    @property
    def runs(self) -> tuple[Results, Results]:
        """Both runs, the first one first."""
        return self.before, self.after

    @property
    def labels(self) -> tuple[str, str]:
        """Their names in figures and heads of tables, without a preposition."""
        first, second = (name.removeprefix("in the ") for name in self.names)
        return first, second
