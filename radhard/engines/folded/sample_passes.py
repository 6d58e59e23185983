"""What are the outputs of some of the samples, in trials with many faulty words?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.engines.folded.faulty_model import FaultyModel
from radhard.engines.replay.plan import ReplayPlan
from radhard.errors import InputError
from radhard.replay.graph import Graph
from radhard.replay.patch import select_rows
from radhard.replay.propagation import rows_are_independent
from radhard.space import Numbers

__all__ = ["SamplePasses"]

Flags = npt.NDArray[np.bool_]


class SamplePasses:
    """One pass per trial, of the samples that are requested only."""

    def __init__(self, plan: ReplayPlan, model: FaultyModel) -> None:
        self._plan, self._model = plan, model
        graph = plan.replayer.graph
        self.possible = not plan.replayer.exact and _takes_rows(graph, model.slots)
        """Whether a sample has the same outputs in any company; else all are passed together."""

    def outputs(self, drawn: Sequence[Numbers], requested: Flags) -> tuple[Tensor, Flags]:
        """The outputs, ``(trials, samples, ...)``, and of which trials they are not known.

        ``drawn`` are the faults of each trial, ``requested`` is ``(trials, samples)``; outputs that
        are not requested are golden. Not known are those of trials whose pass crashes or has
        outputs that are not finite, as overflow depends on the order of summation.
        """
        replayer = self._plan.replayer
        golden = replayer.golden_outputs
        words = self._model.words(drawn)
        outputs = golden.expand(len(drawn), *golden.shape).clone()
        unknown = np.zeros(len(drawn), dtype=bool)
        for piece in replayer.pieces:
            values = replayer.golden(piece)
            for row in np.flatnonzero(requested[:, piece].any(axis=1)).tolist():
                wanted = requested[row, piece] | (not self.possible)
                samples = torch.from_numpy(np.flatnonzero(wanted))
                mine = None if words is None else words.of(row, row + 1)
                some: Mapping[int, Any] = values
                if len(samples) < piece.stop - piece.start:
                    # Kernels sum in another order for one sample than for several.
                    rows = samples if len(samples) > 1 else samples.repeat(2)
                    some = _Rows(replayer.graph, values, rows.to(golden.device))
                try:
                    found = self._model.outputs(drawn[row], some, words=mine)
                except (InputError, MemoryError, torch.OutOfMemoryError):
                    raise
                except Exception:  # probably due to a fault, which the reference decides
                    unknown[row] = True
                    continue
                outputs[row, samples + piece.start] = found[: len(samples)]
        finite = outputs.reshape(len(drawn), -1).isfinite().all(dim=1)
        return outputs, unknown | ~finite.cpu().numpy()


class _Rows(Mapping[int, Any]):
    """Golden values of some samples, cut out of those of all when they are first asked for."""

    def __init__(self, graph: Graph, golden: Mapping[int, Any], rows: Tensor) -> None:
        self._graph, self._golden, self._rows = graph, golden, rows
        self._cut: dict[int, Tensor] = {}

    def __getitem__(self, slot: int) -> Any:
        if slot not in self._graph.by_sample:
            return self._golden[slot]
        if slot not in self._cut:
            self._cut[slot] = select_rows(self._golden[slot], self._rows)
        return self._cut[slot]

    def __iter__(self) -> Iterator[int]:
        return iter(self._golden)

    def __len__(self) -> int:
        return len(self._golden)


def _takes_rows(graph: Graph, slots: Sequence[int]) -> bool:
    """Whether all operations that these slots reach take any rows, and nothing else of a batch."""
    steps = graph.downstream(slots)
    read = {slot for at in steps for slot in graph.nodes[at].inputs}
    # Such as the number of samples, of which an operation upstream made a value.
    apart = read <= graph.by_sample | graph.constants.keys()
    return apart and rows_are_independent(graph, steps)
