"""Which values are allowed for an option?"""

import math
import operator
import os
from typing import Any

import click

__all__ = ["PROCESSES", "THREADS", "Number", "RateLimit", "Share", "WholeNumber"]

_MOST = max(64, 4 * (os.cpu_count() or 1))
"""More threads or processes than this have no benefit and may exhaust the memory."""


class WholeNumber(click.IntRange):
    """A whole number, at least ``min`` and at most ``max`` where these are given."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The value of an option as a whole number; a usage error if it is none or out of range."""
        allowed = f"a whole number {_range(self.min, self.max)}"
        try:
            # A number of a campaign file is one already: of 5.7, 5 is not what was meant.
            number = int(value) if isinstance(value, str) else operator.index(value)
        except (TypeError, ValueError):
            self.fail(f"{value!r} is not allowed; give {allowed}", param, ctx)
        if not _is_within(number, self.min, self.max):
            self.fail(f"{value} is not allowed; give {allowed}", param, ctx)
        return number


THREADS = WholeNumber(1, _MOST)
"""Number of threads of torch."""

PROCESSES = WholeNumber(1, _MOST)
"""Worker processes."""


class Number(click.FloatRange):
    """A finite number, at least ``min`` and at most ``max`` where these are given.

    click lets NaN pass every range, since no comparison with it is true.
    """

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The value of an option as a number; a usage error if it is not finite."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is not allowed; give {self._allowed}", param, ctx)
        at_open_end = self.min_open and number == self.min
        if at_open_end or not _is_within(number, self.min, self.max):
            self.fail(f"{value} is not allowed; give {self._allowed}", param, ctx)
        return number

    @property
    def _allowed(self) -> str:
        if self.min_open and self.max is None:
            return f"a number above {self.min:g}"
        return f"a number {_range(self.min, self.max)}"


class Share(Number):
    """A share, also in percent: ``0.01`` or ``1%``."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The value of an option as a share."""
        if isinstance(value, str) and value.rstrip().endswith("%"):
            try:
                number = float(value.rstrip().removesuffix("%")) / 100
            except ValueError:
                self.fail(f"{value!r} is not a percentage; write it as 1%", param, ctx)
            try:
                return super().convert(number, param, ctx)
            except click.BadParameter:
                self.fail(f"{value} is not allowed; give {self._allowed}", param, ctx)
        if isinstance(value, str) and self._may_be_percent(value):
            meant = f"{value}%" if float(value) > 1 else f"{value}% or 100%"
            self.fail(f"{value} means {100 * float(value):g} %; write {meant}", param, ctx)
        return super().convert(value, param, ctx)

    @property
    def _allowed(self) -> str:
        low = f"{100 * (self.min or 0):g}%"
        first = f"above {low} and up to" if self.min_open else f"from {low} to"
        return f"a share {first} {100 * (self.max or 0):g}%, such as 0.5% or 0.005"

    def _may_be_percent(self, text: str) -> bool:
        """Whether a number without a percent sign is too large for a share, but may be one."""
        try:
            number = float(text)
        except ValueError:
            return False
        return self.max is not None and self.max < number <= 100 * self.max


class RateLimit(Share):
    """A limit of a rate: of 1 it is asked whether 1 % or 100 % is meant."""

    def _may_be_percent(self, text: str) -> bool:
        return super()._may_be_percent(text) or text.strip() in ("1", "1.0")


def _is_within(number: float, least: float | None, most: float | None) -> bool:
    return (least is None or number >= least) and (most is None or number <= most)


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return "of any size" if most is None else f"up to {most:g}"
    return f"from {least:g}" if most is None else f"from {least:g} to {most:g}"
