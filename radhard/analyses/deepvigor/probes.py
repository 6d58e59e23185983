"""What does a model say when the output of a layer deviates, for many probes at once?"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from radhard.analyses.deepvigor.losses import Loss, loss
from radhard.analyses.layer import Layer
from radhard.analyses.layer_recorder import layer_outputs
from radhard.analyses.layers import torch_layers
from radhard.errors import InputError
from radhard.replay import Deviation, NoGraphError, Replayer
from radhard.spec import near
from radhard.targets import Activations, Site
from radhard.workload import Workload

__all__ = ["Probes"]


class Probes:
    """A model that is asked what it says when a layer's output deviates.

    A *probe* is one sample in which the output of a module is changed before anything else sees
    it: in one neuron (an element of that output) or in one channel. The probes of one call may
    differ in sample, place and deviation. They are replayed from the layer on where the model's
    graph can be had, and take a whole forward pass, through a hook, where it cannot, where samples
    cannot be told apart behind the layer, and where values are so large that they may overflow.

    Args:
        workload: the model, in evaluation mode, with data and golden logits.
        layers: names of modules; by default every convolution and linear layer. A module that is
            called again is a layer of its own, ``fc@1``.
        memory: the fault-free values that are kept at a time, in bytes; samples that do not fit
            are taken in turns, so that probes of neighbouring samples are best asked together.
        rows: probes in a pass, at most.
        replay_extremes: replay also values so large that they may overflow, where additions in
            another order may overflow elsewhere; else these take whole passes.
        dtypes: what layers may output.

    Raises:
        InputError: no such layer, no axis of its output counts the samples, or its numbers are too
            coarse to add deviations to.
    """

    def __init__(
        self,
        workload: Workload,
        layers: Sequence[str] | None = None,
        *,
        memory: int = 2 * 1024**3,
        rows: int = 6400,
        replay_extremes: bool = False,
        dtypes: Sequence[str] = ("float16", "float32", "float64"),
    ) -> None:
        names = [layer.name for layer in torch_layers(workload)] if layers is None else list(layers)
        self._target = Activations("|".join(names))
        found = self._target.sites(workload.model, workload.data.inputs, workload.steady)
        for site in found:
            if site.samples is None:
                raise InputError(
                    f"no axis of the output of {site.name!r} counts the samples; leave it out"
                )
            if site.dtype not in dtypes:
                raise InputError(
                    f"{site.name!r} outputs {site.dtype}, too coarse for deviations to be added; "
                    f"{' or '.join(dtypes)} is needed: convert model and data (model.float()), "
                    "which keeps every value"
                )
        self.workload = workload
        self.sites: dict[str, Site] = {site.name: site for site in found}
        """Every layer by name, in the model's order; a site's shape is that of one sample."""
        self._places = {name: place for place, name in enumerate(self.sites)}
        self._rows, self._replay_extremes = rows, replay_extremes
        self.replayer, self.note = _replayer(workload, found, memory)
        """Why whole forward passes are needed somewhere; empty where nothing is left to them."""
        self._heard: tuple[str, Tensor] | None = None

    def site(self, layer: str) -> Site:
        """A layer.

        Raises:
            InputError: there is none of this name.
        """
        if layer not in self.sites:
            names = list(self.sites)
            raise InputError(f"no layer {layer!r}: {near(layer, names)}there is {', '.join(names)}")
        return self.sites[layer]

    def channel_axis(self, layer: str) -> int:
        """The axis of a layer's shape that counts its channels: last of a linear layer's."""
        site = self.site(layer)
        linear = isinstance(self.workload.model.get_submodule(site.layer), nn.Linear)
        return len(site.shape) - 1 if linear else 0

    def gives_logits(self, layer: str) -> bool:
        """Whether a layer's output is known to be the logits: what the model returns."""
        replayer, place = self.replayer, self._places[layer]
        return replayer is not None and replayer.slots[place] == (replayer.graph.output,)

    def golden(self, layer: str) -> Tensor:
        """A layer's output without a fault: ``(samples, *shape)`` of all samples."""
        if self._heard is None or self._heard[0] != layer:
            self._heard = layer, self._golden(layer)
        return self._heard[1]

    def replayed(self, layer: str) -> tuple[Replayer, int] | None:
        """The replayer and a layer's place in it; None if deviations there take whole passes."""
        place, replayer = self._places[self.site(layer).name], self.replayer
        return None if replayer is None or not replayer.flows(place) else (replayer, place)

    def neurons(self, layer: str, samples: Tensor, neurons: Tensor, deltas: Tensor) -> Tensor:
        """The logits, ``(probes, classes)``, when one neuron of each probe is off.

        Args:
            layer: its name.
            samples: the sample of each probe, ``(probes,)``, int64.
            neurons: the neuron of each: its flat position in the layer's output, ``(probes,)``.
            deltas: what is added to it, ``(probes,)``.
        """
        return self._logits(layer, self._of_neurons(layer, samples, neurons, deltas))

    def replaced(self, layer: str, samples: Tensor, neurons: Tensor, values: Tensor) -> Tensor:
        """The logits when one neuron of each probe takes another value; else as `neurons`."""
        return self._logits(layer, self._of_neurons(layer, samples, neurons, values, True))

    def slopes(
        self, layer: str, samples: Tensor, neurons: Tensor, deltas: Tensor, form: Loss
    ) -> Tensor:
        """The loss's derivative by the deviation of one neuron, ``(probes,)``; else as `neurons`.

        Raises:
            InputError: the model's tensors were made in inference mode.
        """
        workload, device = self.workload, self.workload.logits.device
        found = torch.zeros(len(samples), dtype=torch.float64, device=device)
        whole = self._of_neurons(layer, samples, neurons, deltas)
        for probes in torch.split(torch.arange(len(samples), device=device), workload.batch):
            by = whole.by[probes].detach().clone().requires_grad_()
            own = replace(whole[probes], by=by)
            with workload.gradients():
                logits = self._derived(layer, own)
                reached = loss(logits, workload.predictions[own.samples], form).sum()
                if reached.requires_grad:
                    (slope,) = torch.autograd.grad(reached, by)
                    found[probes] = slope.reshape(-1).double()
        return found

    def channels(self, layer: str, samples: Tensor, channels: Tensor, deltas: Tensor) -> Tensor:
        """The logits, ``(probes, classes)``, when one channel of each probe is off.

        Args:
            layer: its name.
            samples: the sample of each probe, ``(probes,)``, int64.
            channels: the channel of each, ``(probes,)``.
            deltas: what is added to all of the channel, ``(probes,)``, or to each of its positions,
                ``(probes, *positions)``: the layer's shape without its channels.
        """
        axis, sizes = self.channel_axis(layer), list(self.site(layer).shape)
        sizes[axis] = 1
        by = deltas.reshape(-1, *([1] * len(sizes) if deltas.ndim == 1 else sizes))
        at: list[Tensor | None] = [None] * len(sizes)
        at[axis] = channels
        deviation = Deviation(samples, tuple(at), by.expand(-1, *sizes))
        return self._logits(layer, self._here(deviation))

    def logits(self, layer: str, deviation: Deviation) -> Tensor:
        """The logits, ``(probes, classes)``, when each probe deviates as told."""
        return self._logits(layer, self._here(deviation))

    def _of_neurons(
        self, layer: str, samples: Tensor, neurons: Tensor, by: Tensor, replaces: bool = False
    ) -> Deviation:
        at = torch.unravel_index(neurons, self.site(layer).shape)
        return self._here(Deviation(samples, at, by.reshape(-1, *[1] * len(at)), replaces))

    def _here(self, deviation: Deviation) -> Deviation:
        """On the model's device."""
        return deviation.to(self.workload.logits.device)

    def _logits(self, layer: str, deviation: Deviation) -> Tensor:
        self.workload.samples += len(deviation.samples)
        replayed = self.replayed(layer)
        if replayed is None:
            logits = self.workload.logits[deviation.samples].clone()
            whole = torch.arange(len(logits), device=logits.device)
        else:
            replayer, place = replayed
            logits, extremes = replayer.outputs_and_extremes(place, deviation, rows=self._rows)
            whole = extremes.nonzero().squeeze(1)
            whole = whole[:0] if self._replay_extremes else whole
        self._whole(layer, deviation, whole, logits)
        return logits

    def _whole(self, layer: str, deviation: Deviation, probes: Tensor, logits: Tensor) -> None:
        """Put the logits of some probes in place, by whole forward passes of the model."""
        for part in torch.split(probes, self.workload.batch) if len(probes) else ():
            own = deviation[part]
            inputs = self.workload.data.rows(own.samples)
            with torch.no_grad(), self._target.reach(self.workload.model, self.site(layer), own):
                logits[part] = self.workload.steady(self.workload.model, inputs)

    def _derived(self, layer: str, own: Deviation) -> Tensor:
        """The logits of probes of one pass, with what their gradients need."""
        workload, replayed = self.workload, self.replayed(layer)
        workload.samples += len(own.samples)
        if replayed is None or len(replayed[0].pieces) > 1:
            with self._target.reach(workload.model, self.site(layer), own):
                return workload.steady(workload.model, workload.data.rows(own.samples))
        replayer, place = replayed
        return replayer.differentiable_outputs(place, own)

    def _golden(self, layer: str) -> Tensor:
        site, workload, replayed = self.site(layer), self.workload, self.replayed(layer)
        if replayed is not None:
            replayer, place = replayed
            return replayer.golden_at(place)
        module = Layer(site.layer, workload.model.get_submodule(site.layer))
        parts = []
        with torch.no_grad(), layer_outputs(workload, [module]) as seen:
            for _, inputs in workload.batches():
                workload.forward(inputs)
                parts.append(seen[module][site.call].movedim(site.axis or 0, 0))
        return torch.cat(parts).reshape(-1, *site.shape)


def _replayer(
    workload: Workload, sites: Sequence[Site], memory: int
) -> tuple[Replayer | None, str]:
    """A replayer for deviations in these sites; and for which there is none, with the reason."""
    if names := workload.state_between_passes.names:
        return None, f"passes keep state for later ones ({', '.join(map(repr, names[:5]))})"
    try:
        with torch.no_grad():
            replayer = Replayer.of(workload, sites, memory=memory)
    except NoGraphError as error:
        return None, f"no graph could be had ({error})"
    workload.samples += len(workload.data)
    left = [f"{site.name!r}: {replayer.why_not(at)}" for at, site in enumerate(sites)]
    return replayer, "; ".join(line for line in left if not line.endswith(": "))
