"""Which values may an option have?"""

import math
import os
from typing import Any

import click

__all__ = ["PROCESSES", "THREADS", "Number"]

_MOST = max(64, 4 * (os.cpu_count() or 1))
"""More threads or processes than this gain nothing, and the system may not have the memory."""

THREADS = click.IntRange(1, _MOST)
"""Threads that torch computes with."""

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
        """The number that an option was given; a usage error if it is not finite."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return float(number)
