"""Which values are allowed for an option?"""

import math
import os
from typing import Any

import click

__all__ = ["PROCESSES", "THREADS", "Number", "RateLimit", "Share"]

_MOST = max(64, 4 * (os.cpu_count() or 1))
"""More threads or processes than this have no benefit and may exhaust the memory."""

THREADS = click.IntRange(1, _MOST)
"""Number of threads of torch."""

PROCESSES = click.IntRange(1, _MOST)
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
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return float(number)


class Share(Number):
    """A share, also in percent: ``0.01`` or ``1%``."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The value of an option as a share."""
        if isinstance(value, str) and value.rstrip().endswith("%"):
            try:
                value = float(value.rstrip().removesuffix("%")) / 100
            except ValueError:
                self.fail(f"{value!r} is not a percentage such as 1%.", param, ctx)
        elif isinstance(value, str) and self._may_be_percent(value):
            meant = f"{value}%" if float(value) > 1 else f"{value}% or 100%"
            self.fail(f"{value} is {100 * float(value):g} %; write {meant}.", param, ctx)
        return super().convert(value, param, ctx)

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
