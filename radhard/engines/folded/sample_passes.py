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

_COUNTS = tuple(sorted({2**n for n in range(2, 20)} | {3 * 2**n for n in range(2, 20)}))
"""Numbers of samples that are passed: few, as each is first compared."""

_COMPARED = 32
"""Minimum number of samples that are compared, as two orders of summation often agree."""

_MOST = 0.75
"""Share of the samples from which all are passed: little would be spared."""


class SamplePasses:
    """One pass per trial, of the samples that are requested only."""

    def __init__(self, plan: ReplayPlan, model: FaultyModel) -> None:
        self._plan, self._model = plan, model
        graph = plan.replayer.graph
        self.possible = not plan.replayer.exact and _takes_rows(graph, model.slots)
        """Whether samples can be passed without the others; else all are passed together."""
        self._alike: dict[int, bool] = {}
        """Whether so many samples have their golden outputs, to the last bit, without faults."""

    def outputs(self, drawn: Sequence[Numbers], requested: Flags) -> tuple[Tensor, Flags]:
        """The outputs, ``(trials, samples, ...)``, and of which trials they are not known.

        ``drawn`` are the faults of each trial, ``requested`` is ``(trials, samples)``; outputs that
        are not requested are golden. Not known are those of trials whose pass crashes or has
        outputs that are not finite, as overflow depends on the order of summation.
        """
        replayer = self._plan.replayer
        golden = replayer.golden_outputs
        words = self._model.words(drawn)
        writes = None if words is None else words.by_trial(len(drawn))
        outputs = golden.expand(len(drawn), *golden.shape).clone()
        unknown = np.zeros(len(drawn), dtype=bool)
        for piece in replayer.pieces:
            values = replayer.golden(piece)
            for row in np.flatnonzero(requested[:, piece].any(axis=1)).tolist():
                samples = torch.from_numpy(np.flatnonzero(requested[row, piece]))
                mine = None if writes is None else writes[row]
                rows = self._company(samples, values, piece.stop - piece.start)
                some = values if rows is None else _Rows(replayer.graph, values, rows)
                try:
                    found = self._model.outputs(drawn[row], some, words=mine)
                except (InputError, MemoryError, torch.OutOfMemoryError):
                    raise
                except Exception:  # probably due to a fault, which the reference decides
                    unknown[row] = True
                    continue
                own = found[samples] if rows is None else found[: len(samples)]
                outputs[row, samples + piece.start] = own
        finite = outputs.reshape(len(drawn), -1).isfinite().all(dim=1)
        return outputs, unknown | ~finite.cpu().numpy()

    def _company(self, samples: Tensor, golden: Mapping[int, Any], size: int) -> Tensor | None:
        """The samples that are passed, beginning with those requested; None: all ``size``.

        Kernels may sum in another order for another number of rows, which would change outputs that
        no fault does.
        """
        for count in _COUNTS if self.possible else ():
            if count > _MOST * size:
                break
            if count >= len(samples) and self._is_alike(count, golden, size):
                more = samples[:1].expand(count - len(samples))
                return torch.cat([samples, more]).to(self._plan.replayer.golden_outputs.device)
        return None

    def _is_alike(self, count: int, golden: Mapping[int, Any], size: int) -> bool:
        """Whether so many of ``size`` samples, passed without faults, have their golden outputs."""
        if count not in self._alike:
            graph = self._plan.replayer.graph
            output, half = golden[graph.output], count // 2
            self._alike[count] = True
            for number in range(max(2, _COMPARED // count)):
                # Of a product, the last rows may be computed by another kernel than the first ones:
                # rows from both ends, in turn at either end.
                ahead = torch.arange(number * half, (number + 1) * half)
                rows = torch.cat([ahead, size - 1 - ahead]) % size
                rows = (rows.flip(0) if number % 2 else rows).to(output.device)
                found = self._model.unharmed(_Rows(graph, golden, rows))
                self._alike[count] &= torch.equal(found, output[rows])
        return self._alike[count]


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
