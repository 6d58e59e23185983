"""How does a trial begin at the fault where a model has no graph?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from radhard.datasets.batch import mapped
from radhard.engines.base import Campaign, Figures
from radhard.engines.replay.graph import NoGraphError
from radhard.engines.replay.recording import Call, Recording, copied, forwards, recorded
from radhard.engines.serial import faulty_outputs
from radhard.targets.geometry import repeated
from radhard.targets.stored import stored_tensor

__all__ = ["Modules"]


class Modules:
    """Modules that are called before the fault return what they gave in the fault-free pass.

    All others run as they are, so that outputs are those of whole passes to the last bit.
    """

    def __init__(self, campaign: Campaign, memory: int) -> None:
        """Record a pass over every batch.

        Raises:
            NoGraphError: what the modules give takes more than ``memory`` bytes.
        """
        self._campaign = campaign
        self._recordings: list[Recording] = []
        left = memory
        for _, batch in campaign.data.batches(campaign.batch):
            # A copy, so that a model which writes into its inputs spoils nobody's data.
            given = mapped(batch, torch.clone)
            self._recordings.append(recorded(campaign.model, campaign.call, given))
            left -= self._recordings[-1].nbytes
            if left < 0:
                raise NoGraphError(f"what its modules give takes more than memory={memory:,}")
        self._known: dict[int, bool] = {}

    def takes(self, place: int) -> bool:
        """Whether a fault-free pass that begins at a site gives what whole passes give.

        It does not where modules leave something behind that others find later.
        """
        if place not in self._known:
            self._known[place] = self._repeats(place)
        return self._known[place]

    def figures(self, trial: int, place: int) -> Figures:
        """The figures of a trial, which strikes a site, ``(1, columns)``."""
        campaign = self._campaign
        faults = campaign.trials[trial]
        sample = campaign.sample(faults)
        batches = iter(range(len(self._recordings)) if sample is None else [sample])

        def call(model: nn.Module, batch: Any) -> Tensor:
            with self._replayed(next(batches), place):
                return campaign.call(model, batch)

        outputs = faulty_outputs(replace(campaign, call=call), faults, sample)
        if sample is None:
            return campaign.panel.score(outputs.unsqueeze(0))
        return campaign.panel.score_samples(outputs, torch.tensor([sample]))

    def _repeats(self, place: int) -> bool:
        campaign = self._campaign
        data = campaign.data
        if len(data) == 1:
            return False  # nothing else to look at
        rows, batch = next(data.batches(campaign.batch))
        many = rows.stop - rows.start
        with torch.no_grad():
            # Something else, so that nothing of this batch is left behind.
            campaign.call(campaign.model, repeated(data.rows(slice(len(data) - 1, None)), many))
            with self._replayed(0, place):
                outputs = campaign.call(campaign.model, mapped(batch, torch.clone))
            return torch.equal(outputs, campaign.call(campaign.model, mapped(batch, torch.clone)))

    def _struck(self, recording: Recording, place: int) -> float:
        """When a site's tensor is first there to be struck, or used."""
        site, model = self._campaign.space.sites[place], self._campaign.model
        if not site.flows:
            stored = stored_tensor(model, site.name)
            assert stored is not None
            return recording.used.get(stored.untyped_storage().data_ptr(), float("inf"))
        module = model.get_submodule(site.layer)
        begins = [call.begin for call in recording.calls if call.module is module]
        return begins[site.call] if site.call < len(begins) else 0

    @contextmanager
    def _replayed(self, number: int, place: int) -> Iterator[None]:
        recording, site = self._recordings[number], self._campaign.space.sites[place]
        when = self._struck(recording, place)
        watched = self._campaign.model.get_submodule(site.layer) if site.flows else None
        calls: dict[int, list[int]] = {}
        for at, one in enumerate(recording.calls):
            calls.setdefault(id(one.module), []).append(at)
        seen: dict[int, int] = {}

        def skipped(one: Call, at: int) -> bool:
            if one.end >= when or one.output is None:
                return False
            # Calls of the struck module are counted, so that each has to be made.
            inside = recording.calls[at : one.last + 1]
            return watched is None or all(call.module is not watched for call in inside)

        def instead(module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
            def run(*args: Any, **kwargs: Any) -> Any:
                number = seen.get(id(module), 0)
                seen[id(module)] = number + 1
                mine = calls.get(id(module), [])
                if number < len(mine) and skipped(recording.calls[mine[number]], mine[number]):
                    one = recording.calls[mine[number]]
                    for call in recording.calls[mine[number] + 1 : one.last + 1]:
                        seen[id(call.module)] = seen.get(id(call.module), 0) + 1
                    return copied(one.output, torch.clone)
                return forward(*args, **kwargs)

            return run

        with forwards(self._campaign.model, instead):
            yield
