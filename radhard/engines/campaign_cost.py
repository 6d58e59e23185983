"""What does a campaign cost with complete passes, and what if each pass starts at the fault?"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from radhard.datasets.batch import mapped
from radhard.engines.base import Campaign
from radhard.engines.replay.module_recording import Recording, recorded

__all__ = ["AUDITED", "CampaignCost"]

_GRAPH, _OPERATION, _PASSES = 3e8, 1e7, 6
"""Cost of a recorded graph, in multiplications: a fixed part, about 10 milliseconds, one of each
operation, fifty times what `cost_of` says of a small one, and the number of passes over the data
with which it is prepared and compared. Measured on a loop over cells, an encoder, a CRNN, and
depthwise convolutions with squeeze and excite."""

_ALONE = 1
"""That number of passes where each trial affects one sample, so that samples are passed alone: the
graph is prepared with all of them together, in far less time."""

_EXPORT = 2e10
"""Fixed cost of exporting a graph, where none can be recorded: about two seconds."""

_EXPORTED = 1e8
"""Additional cost of exporting a graph, per operation."""

_TRIAL, _STARTED = 5e6, 5e6
"""Overhead of a trial besides its passes if these are complete, a fifth of a millisecond, and if
they start at the fault; measured on networks of a few layers."""

_WRITTEN, _FOLDED = 1e7, 3e6
"""The same of a trial with many faulty words, each of which is found and written; in `Folded`."""

AUDITED = 20
"""Minimum number of trials repeated with complete passes if a faster engine was used."""

_FOLLOWED = 0.25
"""Cost of a trial as a share of a pass if differences can be propagated; usually far lower."""

_RECURRENT = 0.3
"""The same in networks with recurrent layers: from the second step on, a difference is in all
units, but `FirstOrder` need not execute most of the trials."""

_GAIN = 0.1
"""Minimum share of complete passes that a faster engine must save: the costs are estimates."""

_MANY = 0.8
"""Cost of a trial with many faulty words, relative to what is left of a pass from the first of them
on, as batch normalizations are folded. At low error rates, passes start late."""

_GATHERED = 4.0
"""Cost of passing only the samples with faults, relative to their share of a pass: differences are
looked for at every operation, and outputs that are not finite are computed once more."""

_LOOKED_AT = 16
"""Trials from which the share of samples with faults is estimated."""

_BEGUN = 64
"""Trials from which the share of a pass that follows the first fault is estimated."""

_ROWS = {
    "aten.convolution", "aten.conv2d", "aten.addmm", "aten.linear", "aten.mm", "aten.t",
    "aten.relu", "aten.relu_", "aten.hardtanh", "aten.hardtanh_", "aten.leaky_relu",
    "aten.leaky_relu_", "aten.sigmoid", "aten.tanh", "aten.gelu", "aten.silu", "aten.add",
    "aten.add_", "aten.mul", "aten.cat", "aten.view", "aten.reshape", "aten._unsafe_view",
    "aten.detach", "aten.clone", "aten.max_pool2d_with_indices", "aten.avg_pool2d", "aten.mean",
    "aten._adaptive_avg_pool2d", "aten.native_batch_norm", "aten.cudnn_batch_norm",
    "aten._native_batch_norm_legit_no_training", "aten.empty", "aten.alias",
    "aten.mkldnn_rnn_layer", "aten.zeros", "aten.slice", "aten.select", "aten.transpose",
    "aten.unsqueeze", "aten.squeeze", "aten.embedding",
    "aten.div", "aten.round", "aten.clamp", "aten._to_copy",
    "aten.split", "aten.stack", "aten._fused_dropout", "aten.permute", "aten.expand",
    "aten.sub", "aten.rsub", "aten.cumsum", "aten.flip", "aten._softmax", "aten.new_zeros",
    "aten.zeros_like",
    "aten._scaled_dot_product_flash_attention_for_cpu", "aten.bmm", "aten.baddbmm",
    "aten.native_layer_norm", "aten.masked_fill", "aten.masked_fill_", "aten.where", "aten.triu",
    "aten._transformer_encoder_layer_fwd", "aten.unsafe_split", "aten.sigmoid_", "aten.tanh_",
    "aten.tril", "aten.ones", "aten.bitwise_not", "aten.scalar_tensor", "aten.amax", "aten.argmax",
    "aten.remainder", "aten.constant_pad_nd",
}  # fmt: skip
"""Operations of models in which differences can usually be propagated for each sample."""

_STEPS = {"aten.mkldnn_rnn_layer", "aten.unsafe_split"}
"""Operations of recurrent layers and cells."""


@dataclass(frozen=True)
class CampaignCost:
    """Costs of a campaign, in multiplications, counted in one pass.

    Time is not measured: the choice of an engine must not depend on the load of the machine.
    """

    whole: float
    """Complete passes for all trials."""
    prepared: float
    """Recording the graph, golden values, and repeating some trials."""
    followed: float
    """All trials, each starting at its fault."""
    exported: float
    """Exporting the graph, if it cannot be recorded."""

    @property
    def pays(self) -> bool:
        """Whether a faster engine is expected to cost less than complete passes."""
        return self.prepared + self.followed < (1 - _GAIN) * self.whole

    @property
    def pays_exported(self) -> bool:
        """The same if the graph cannot be recorded, and has to be exported."""
        return replace(self, prepared=self.prepared + self.exported).pays

    @classmethod
    def of(cls, campaign: Campaign) -> "CampaignCost":
        """Count the multiplications and operations of one fault-free pass over a batch."""
        trials, space = campaign.trials, campaign.space
        _, batch = next(campaign.workload.data.batches(campaign.workload.batch))
        # A copy, since some models write into their inputs.
        pass_ = recorded(
            campaign.workload.model, campaign.workload.call, mapped(batch, torch.clone), keep=False
        )
        campaign.workload.state.restore()
        batches = -(-len(campaign.workload.data) // campaign.workload.batch)
        one = pass_.spent[-1] + _TRIAL / batches
        alone = all(site.samples is not None for site in space.sites)
        passes = (_ALONE if alone else _PASSES) * batches
        prepared = _GRAPH + _OPERATION * pass_.counted + passes * one
        exported = _EXPORT + _EXPORTED * pass_.counted
        if not trials.single:
            whole = len(trials) * batches * one
            audited = min(AUDITED, len(trials)) * batches * one
            if alone:
                return cls(
                    whole,
                    prepared + audited,
                    min(1.0, _GATHERED * _hit(campaign)) * whole,
                    exported,
                )
            if not trials.histories:
                spent = len(trials) * batches * pass_.spent[-1]
                left = _MANY * _left(campaign, pass_) * spent
                whole = spent + len(trials) * _WRITTEN
                return cls(whole, prepared + audited, left + len(trials) * _FOLDED, exported)
            # A trial starts at the fault that it adds, which is any fault of the space.
            shares = np.diff(space.starts) / len(space)
            left = 0.0
            for site, share in zip(space.sites, shares.tolist(), strict=True):
                begin = min(pass_.begins(campaign.workload.model, site), len(pass_.spent))
                left += share * (pass_.spent[-1] - pass_.before(begin))
            each = batches * left + _STARTED
            return cls(whole, prepared + audited, len(trials) * each, exported)
        places, _, _ = space.locate(trials.at(np.arange(len(trials))))
        counts = np.bincount(places, minlength=len(space.sites))
        whole = followed = 0.0
        for site, count in zip(space.sites, counts.tolist(), strict=True):
            passes = count * (1 if site.samples is not None else batches)
            begin = min(pass_.begins(campaign.workload.model, site), len(pass_.spent))
            whole += passes * pass_.spent[-1] + count * _TRIAL
            followed += passes * (pass_.spent[-1] - pass_.before(begin)) + count * _STARTED
        if pass_.operations <= _ROWS:
            # Only a bound from above: a difference usually stays in a part of the values, how large
            # a part is not known before the graph is.
            recurrent = bool(pass_.operations & _STEPS)
            followed = min(followed, (_RECURRENT if recurrent else _FOLLOWED) * whole)
        audited = min(AUDITED, len(trials)) * whole / len(trials)
        return cls(whole, prepared + audited, followed, exported)


def _hit(campaign: Campaign) -> float:
    """The share of the samples with faults, in a few trials of a campaign of many faults each."""
    trials, space = campaign.trials, campaign.space
    inner = np.array([math.prod(site.shape) for site in space.sites], np.int64)
    shares = []
    for trial in np.linspace(0, len(trials) - 1, _LOOKED_AT).astype(int).tolist():
        places, words, _ = space.locate(trials[trial])
        shares.append(len(np.unique(words // inner[places])) / len(campaign.workload.data))
    return float(np.mean(shares))


def _left(campaign: Campaign, pass_: Recording) -> float:
    """The share of a pass that follows the first faulty word, in some trials of many faults."""
    trials, space = campaign.trials, campaign.space
    # What is left of a pass from each region on; at most all of it, as before a module that was
    # never called.
    left = np.array(
        [
            pass_.spent[-1]
            - pass_.before(min(pass_.begins(campaign.workload.model, site), len(pass_.spent)))
            for site in space.sites
        ]
    )
    shares = []
    for trial in np.unique(np.linspace(0, len(trials) - 1, _BEGUN).astype(int)).tolist():
        places, _, _ = space.locate(trials[trial])
        shares.append(float(left[places].max()) / pass_.spent[-1] if len(places) else 0.0)
    return float(np.mean(shares))
