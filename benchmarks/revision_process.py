"""What does the process of one revision do? A turn of an action for each line that it reads."""

import gc
import hashlib
import json
import math
import os
import sys
import traceback
from typing import Any

import numpy as np
import torch

import radhard as rh
from benchmarks.actions import ACTIONS
from benchmarks.clock import Clock

__all__: list[str] = []

_LEAST = 0.05
"""Seconds of a turn: what is shorter is repeated."""


class Turns:
    """An action made ready, and how often a turn repeats it."""

    def __init__(self, action: str, *, quick: bool) -> None:
        self.action = action
        self._timed = ACTIONS[action].ready(quick)
        # What is loaded on first use is no part of an action.
        returned = self._timed()
        self.digest = _digest(returned)
        self._times = 1
        self._times = max(1, math.ceil(_LEAST / self.seconds()))

    def seconds(self) -> float:
        """Processor time of one call."""
        gc.collect()
        clock = Clock()
        for _ in range(self._times):
            self._timed()
        return clock.read().cpu / self._times


def main() -> None:
    """Answer each line, JSON for JSON, until the input ends."""
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    torch.set_num_threads(1)
    turns: Turns | None = None
    print(json.dumps({"radhard": str(rh.__file__)}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if turns is None or turns.action != request["action"]:
                turns = None  # what the one before holds need not stay beside the next
                turns = Turns(request["action"], quick=request["quick"])
            answer = {"seconds": turns.seconds(), "digest": turns.digest}
        except Exception as error:
            traceback.print_exc()
            answer = {"problem": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers)


def _digest(returned: Any) -> str | None:
    """Of every value; None where nothing was returned."""
    if isinstance(returned, rh.Results):
        values = {column: returned.values(column) for column in returned.columns}
    elif isinstance(returned, rh.Scores):
        values = dict(returned.values)
    else:
        return None
    digest = hashlib.sha256()
    for name, array in sorted(values.items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
