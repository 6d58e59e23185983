"""What would a campaign cost by whole passes, and what by following each fault?"""

from dataclasses import dataclass

import numpy as np
import torch

from radhard.datasets.batch import mapped
from radhard.engines.base import Campaign
from radhard.engines.replay.module_recording import recorded

__all__ = ["AUDITED", "CampaignCost"]

_EXPORT = 2e10
"""What finding a graph costs, in multiplications, beside its operations: about two seconds."""

_EXPORTED = 1e8
"""What it costs for each operation."""

_TRIAL = 1e6
"""What a trial costs beside its passes, by whole passes; half of it otherwise."""

AUDITED = 20
"""Trials that are repeated by whole passes where a faster engine was at work, at least."""

_FOLLOWED = 0.25
"""Share of a pass that a trial costs where differences can be followed; mostly it is far less."""

_MANY = 0.8
"""Share of a pass where a trial strikes many words, so that it begins nearly at the front."""

_ROWS = {
    "aten.convolution", "aten.conv2d", "aten.addmm", "aten.linear", "aten.mm", "aten.t",
    "aten.relu", "aten.relu_", "aten.hardtanh", "aten.hardtanh_", "aten.leaky_relu",
    "aten.leaky_relu_", "aten.sigmoid", "aten.tanh", "aten.gelu", "aten.silu", "aten.add",
    "aten.add_", "aten.mul", "aten.cat", "aten.view", "aten.reshape", "aten._unsafe_view",
    "aten.detach", "aten.clone", "aten.max_pool2d_with_indices", "aten.avg_pool2d", "aten.mean",
    "aten._adaptive_avg_pool2d", "aten.native_batch_norm", "aten.cudnn_batch_norm",
    "aten._native_batch_norm_legit_no_training", "aten.empty", "aten.alias",
    "aten.mkldnn_rnn_layer", "aten.zeros", "aten.slice", "aten.select", "aten.transpose",
    "aten.unsqueeze", "aten.squeeze",
    "aten.split", "aten.stack", "aten._fused_dropout", "aten.permute", "aten.expand",
}  # fmt: skip
"""Operations of models whose differences can be followed sample by sample, as a rule."""


@dataclass(frozen=True)
class CampaignCost:
    """Costs of a campaign, in multiplications, counted from one pass; no clock is read."""

    whole: float
    """Whole passes for all trials."""
    prepared: float
    """Finding the graph, and repeating some trials."""
    followed: float
    """All trials from the fault on."""

    @property
    def pays(self) -> bool:
        """Whether a faster engine is expected to take less than whole passes do."""
        return self.prepared + self.followed < self.whole

    @classmethod
    def of(cls, campaign: Campaign) -> "CampaignCost":
        """Count the multiplications and operations of one fault-free pass over a batch."""
        trials, space = campaign.trials, campaign.space
        _, batch = next(campaign.workload.data.batches(campaign.workload.batch))
        # A copy, so that a model which writes into its inputs spoils nobody's data.
        pass_ = recorded(
            campaign.workload.model, campaign.workload.call, mapped(batch, torch.clone), keep=False
        )
        campaign.workload.state.restore()
        batches = -(-len(campaign.workload.data) // campaign.workload.batch)
        one = pass_.spent[-1] + _TRIAL / batches
        prepared = _EXPORT + _EXPORTED * pass_.counted
        if not trials.single:
            whole = len(trials) * batches * one
            audited = min(AUDITED, len(trials)) * batches * one
            return cls(whole, prepared + audited, _MANY * whole)
        places, _, _ = space.locate(trials.at(np.arange(len(trials))))
        counts = np.bincount(places, minlength=len(space.sites))
        whole = followed = 0.0
        for site, count in zip(space.sites, counts.tolist(), strict=True):
            passes = count * (1 if site.samples is not None else batches)
            begin = min(pass_.begins(campaign.workload.model, site), len(pass_.spent))
            whole += passes * one
            followed += passes * (pass_.spent[-1] - pass_.before(begin)) + count * _TRIAL / 2
        if pass_.operations <= _ROWS:
            followed = min(followed, _FOLLOWED * whole)
        audited = min(AUDITED, len(trials)) * whole / len(trials)
        return cls(whole, prepared + audited, followed)
