"""What are the logits if the output of a layer deviates, for many probes at once?"""

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
    """Evaluates a model in which the output of a layer deviates.

    A *probe* is one sample in which the output of a module is changed before it is used: in one
    neuron (an element of that output) or in one channel. The probes of one call may differ in
    sample, place and deviation. If the model's graph can be exported, only the part after the layer
    is executed (replayed). Otherwise, if samples cannot be distinguished after the layer, or if
    values are so large that they may overflow, a probe takes a whole forward pass with a hook.

    Args:
        workload: the model, in evaluation mode, with data and golden logits.
        layers: names of modules; by default every convolution and linear layer. A repeated call of
            a module is a separate layer, ``fc@1``.
        memory: the fault-free values that are kept at a time, in bytes; samples that do not fit
            are computed in turn, so that probes of neighbouring samples should be in one call.
        rows: maximum number of probes in a pass.
        replay_extremes: also replay values so large that they may overflow, although a different
            order of summation may overflow elsewhere; otherwise these take whole passes.
        dtypes: the supported types of layer outputs.

    Raises:
        InputError: no such layer, its output has no axis of samples, or its type is too coarse to
            add deviations.
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
        sites = self._target.sites(workload)
        for site in sites:
            if site.samples is None:
                raise InputError(
                    f"no axis of the output of {site.name!r} has the number of samples; leave this "
                    "module out of the pattern"
                )
            if site.dtype not in dtypes:
                raise InputError(
                    f"{site.name!r} outputs {site.dtype}, in which small deviations would be lost; "
                    f"{' or '.join(dtypes)} is required: convert model and data (model.float()), "
                    "which keeps every value"
                )
        self.workload = workload
        self.sites: dict[str, Site] = {site.name: site for site in sites}
        """Every layer by name, in the model's order; a site's shape is that of one sample."""
        self._places = {name: place for place, name in enumerate(self.sites)}
        self._rows, self._replay_extremes = rows, replay_extremes
        self.replayer, self.note = _replayer(workload, sites, memory)
        """Why some layers need whole forward passes; empty if none does."""
        # Only the latest layer is kept: layers are analyzed one after another, and the outputs of
        # all may not fit into memory.
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
        """The axis of the channels in a layer's shape; the last one of a linear layer."""
        site = self.site(layer)
        linear = isinstance(self.workload.model.get_submodule(site.layer), nn.Linear)
        return len(site.shape) - 1 if linear else 0

    def gives_logits(self, layer: str) -> bool:
        """Whether a layer's output is known to be the logits that the model returns."""
        replayer, place = self.replayer, self._places[layer]
        return replayer is not None and replayer.slots[place] == (replayer.graph.output,)

    def golden(self, layer: str) -> Tensor:
        """A layer's fault-free output for all samples, ``(samples, *shape)``."""
        if self._heard is None or self._heard[0] != layer:
            self._heard = layer, self._golden(layer)
        return self._heard[1]

    def replayed(self, layer: str) -> tuple[Replayer, int] | None:
        """The replayer and the layer's index in it; None if its probes take whole passes."""
        place, replayer = self._places[self.site(layer).name], self.replayer
        return None if replayer is None or not replayer.flows(place) else (replayer, place)

    def neurons(self, layer: str, samples: Tensor, neurons: Tensor, deltas: Tensor) -> Tensor:
        """The logits, ``(probes, classes)``, if one neuron of each probe deviates.

        Args:
            layer: its name.
            samples: the sample of each probe, ``(probes,)``, int64.
            neurons: the neuron of each: its flat position in the layer's output, ``(probes,)``.
            deltas: what is added to it, ``(probes,)``.
        """
        return self._logits(layer, self._of_neurons(layer, samples, neurons, deltas))

    def replaced(self, layer: str, samples: Tensor, neurons: Tensor, values: Tensor) -> Tensor:
        """The logits if one neuron of each probe has another value; otherwise as `neurons`."""
        return self._logits(layer, self._of_neurons(layer, samples, neurons, values, True))

    def slopes(
        self, layer: str, samples: Tensor, neurons: Tensor, deltas: Tensor, form: Loss
    ) -> Tensor:
        """The derivative of the loss by the deviation, ``(probes,)``; otherwise as `neurons`.

        Raises:
            InputError: the model's tensors were created in inference mode.
        """
        workload, device = self.workload, self.workload.logits.device
        slopes = torch.zeros(len(samples), dtype=torch.float64, device=device)
        deviations = self._of_neurons(layer, samples, neurons, deltas)
        every = torch.arange(len(samples), device=device)
        # As in `_whole`: without probes, the split has one empty part.
        for probes in torch.split(every, workload.batch) if len(samples) else ():
            # The sum over the probes of a pass has each probe's own derivative, as no probe affects
            # another.
            by = deviations.by[probes].detach().clone().requires_grad_()
            chunk = replace(deviations[probes], by=by)
            with workload.gradients():
                logits = self._derived(layer, chunk)
                reached = loss(logits, workload.predictions[chunk.samples], form).sum()
                # Without a graph the deviation does not reach the logits, and its slope stays 0.
                if reached.requires_grad:
                    (slope,) = torch.autograd.grad(reached, by)
                    slopes[probes] = slope.reshape(-1).double()
        return slopes

    def channels(self, layer: str, samples: Tensor, channels: Tensor, deltas: Tensor) -> Tensor:
        """The logits, ``(probes, classes)``, if one channel of each probe deviates.

        Args:
            layer: its name.
            samples: the sample of each probe, ``(probes,)``, int64.
            channels: the channel of each, ``(probes,)``.
            deltas: what is added to the whole channel, ``(probes,)``, or to each of its positions,
                ``(probes, *positions)``: the layer's shape without its channels.
        """
        axis, sizes = self.channel_axis(layer), list(self.site(layer).shape)
        sizes[axis] = 1
        by = deltas.reshape(-1, *([1] * len(sizes) if deltas.ndim == 1 else sizes))
        at: list[Tensor | None] = [None] * len(sizes)
        at[axis] = channels
        # Expanded as a view: one number a probe is not copied to all positions.
        deviation = Deviation(samples, tuple(at), by.expand(-1, *sizes))
        return self._logits(layer, self._here(deviation))

    def logits(self, layer: str, deviation: Deviation) -> Tensor:
        """The logits, ``(probes, classes)``, for a deviation of each probe."""
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
            whole_passes = torch.arange(len(logits), device=logits.device)
        else:
            replayer, place = replayed
            logits, extremes = replayer.outputs_and_extremes(place, deviation, rows=self._rows)
            whole_passes = extremes.nonzero().squeeze(1)
            whole_passes = whole_passes[:0] if self._replay_extremes else whole_passes
        self._whole(layer, deviation, whole_passes, logits)
        return logits

    def _whole(self, layer: str, deviation: Deviation, probes: Tensor, logits: Tensor) -> None:
        """Overwrite the logits of some probes by those of whole forward passes of the model."""
        # The split of an empty tensor is one empty part, and a model need not take an empty batch.
        for part in torch.split(probes, self.workload.batch) if len(probes) else ():
            deviations = deviation[part]
            inputs = self.workload.data.rows(deviations.samples)
            with (
                torch.no_grad(),
                self._target.reach(self.workload.model, self.site(layer), deviations),
            ):
                logits[part] = self.workload.steady(self.workload.model, inputs)

    def _derived(self, layer: str, deviations: Deviation) -> Tensor:
        """The logits of the probes of one pass, recorded for autograd."""
        workload, replayed = self.workload, self.replayed(layer)
        workload.samples += len(deviations.samples)
        # Probes of one pass may lie in several pieces, and a graph for autograd covers one.
        if replayed is None or len(replayed[0].pieces) > 1:
            with self._target.reach(workload.model, self.site(layer), deviations):
                return workload.steady(workload.model, workload.data.rows(deviations.samples))
        replayer, place = replayed
        return replayer.differentiable_outputs(place, deviations)

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
    """A replayer for deviations in these sites, and the reasons for sites that it cannot replay."""
    if names := workload.state_between_passes.names:
        return None, f"passes keep state for later ones ({', '.join(map(repr, names[:5]))})"
    try:
        with torch.no_grad():
            replayer = Replayer.of(workload, sites, memory=memory)
    except NoGraphError as error:
        return None, f"no graph could be had ({error})"
    workload.samples += len(workload.data)
    reasons = [f"{site.name!r}: {replayer.why_not(at)}" for at, site in enumerate(sites)]
    return replayer, "; ".join(line for line in reasons if not line.endswith(": "))
