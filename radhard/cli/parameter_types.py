"""Which values are allowed for an option?"""

import math
import os
from typing import Any

import click

__all__ = ["PROCESSES", "THREADS", "Number", "Share"]

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
        return super().convert(value, param, ctx)
