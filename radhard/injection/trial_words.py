"""Which words of a model's stored tensors do the faults of several trials change?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from radhard.injection.corruption import Hits
from radhard.injection.faulty_cells import cells_of, faulty_codes
from radhard.injection.tensor_injection import check_site
from radhard.space import FaultSpace, Numbers
from radhard.targets.stored import Stored, stored_tensor

__all__ = ["TrialCells", "TrialWords"]


@dataclass(frozen=True, eq=False)
class TrialCells:
    """The values of one stored tensor that the faults of one trial may change."""

    stored: Tensor
    memory: Tensor
    """The tensor's whole memory as one dimension."""
    at: Tensor
    """The cells of the values in it, in elements."""
    saved: Tensor
    """The fault-free values."""
    faulty: Tensor
    """The faulty values."""


class TrialWords:
    """Computes the faulty values of several trials together, before any of them is written.

    To find, read, encode, corrupt and decode one word takes longer than a pass of a small network;
    of many trials together it takes hardly longer than of one. The stored tensors must be as they
    are without faults, and stay so until the faults are injected (`inject_words`).
    """

    def __init__(self, model: nn.Module, space: FaultSpace) -> None:
        self._model, self._space = model, space
        # A fault in a scale changes all values of its tensor, too many to keep for several trials.
        self._known = np.array(
            [
                not region.site.flows
                and region.plane != "scale"
                and type(region.target).reach is Stored.reach
                for region in space.regions
            ]
        )

    def of(self, trials: Sequence[Numbers]) -> list[list[TrialCells] | None]:
        """The words of each trial, given its faults; None if `inject` has to inject them."""
        space = self._space
        faults = np.concatenate([np.zeros(0, np.int64), *trials])
        owner = np.repeat(np.arange(len(trials)), [len(own) for own in trials])
        places, words, variants, of_fault = space.affected(faults)
        owner, tensors = owner[of_fault], space.tensors[places]
        others = set(owner[~self._known[places]].tolist())
        found: list[list[TrialCells] | None] = [
            None if trial in others else [] for trial in range(len(trials))
        ]
        for tensor in np.unique(tensors).tolist():
            here = np.flatnonzero(tensors == tensor)
            here = here[~np.isin(owner[here], list(others))] if others else here
            if not len(here):
                continue
            hits = Hits(space.regions, places[here], words[here], variants[here])
            for trial, part in self._in_tensor(hits, owner[here]):
                mine = found[trial]
                if mine is None or any(_share_memory(part, other) for other in mine):
                    # What the faults do in one of the tensors depends on those in the other.
                    found[trial] = None
                else:
                    mine.append(part)
        return found

    def _in_tensor(self, hits: Hits, owner: Numbers) -> list[tuple[int, TrialCells]]:
        """The words of one tensor by trial, given the trial of each fault."""
        site = self._space.sites[int(hits.places[0])]
        stored = stored_tensor(self._model, site.name)
        check_site(site, stored)
        # Inference tensors can be read and written in inference mode; other tensors can be as well.
        with torch.inference_mode():
            extent = stored.untyped_storage().nbytes() // stored.element_size()
            memory = stored.as_strided((extent,), (1,), 0)
            codes = faulty_codes(hits, stored, memory, owner)
            order = np.argsort(codes.trials, kind="stable")
            at = torch.from_numpy(cells_of(codes.positions[order], stored)).to(stored.device)
            faulty = codes.faulty[torch.from_numpy(order).to(stored.device)]
            trials, counts = np.unique(codes.trials, return_counts=True)
            parts = [torch.split(one, counts.tolist()) for one in (at, memory[at], faulty)]
        return [
            (trial, TrialCells(stored, memory, *part))
            for trial, *part in zip(trials.tolist(), *parts, strict=True)
        ]


def _share_memory(one: TrialCells, other: TrialCells) -> bool:
    return one.memory.data_ptr() == other.memory.data_ptr()
