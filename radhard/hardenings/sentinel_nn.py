"""What if a network is pruned first, and the vulnerable parts of the rest are protected?"""

from dataclasses import replace

from radhard.analyses import Analysis, DeepVigorPlus
from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.ranger import Ranger
from radhard.hardenings.draft import Draft
from radhard.hardenings.pruning.channel_removal import cut
from radhard.hardenings.pruning.finetuning import finetune
from radhard.hardenings.redundancy.duplication import ChannelDuplication
from radhard.scores import Scores
from radhard.spec import component

__all__ = ["SentinelNN"]


@component
class SentinelNN(Hardening):
    """Prunes a network, then duplicates and bounds it (Ahmadilivani, TalTech, 2025, 5.4).

    The ``analysis`` ranks the channels, unless scores are given; the least vulnerable share
    ``prune`` of the channels of every layer is removed as in `VulnerabilityPruning`, and the pruned
    network is trained for ``finetune`` epochs at learning rate ``rate``. After ranking again, its
    most vulnerable share ``share`` is computed twice, and the smaller of two copies is used,
    without intervals (`ChannelDuplication`); activations are bounded per layer (`Ranger`).

    Cost: Copies, minus what was pruned.
    """

    prune: float = 0.05
    share: float = 0.15
    analysis: Analysis = DeepVigorPlus()
    finetune: int = 0
    rate: float = 0.001

    def check(self) -> None:
        for name, most in (("prune", "less than 1"), ("share", "1")):
            share = getattr(self, name)
            if not 0 <= share <= 1 or (name == "prune" and share == 1):
                raise InputError(
                    f"SentinelNN: {name}={share} is not allowed; give a share of the channels, "
                    f"from 0 to {most}"
                )
        if self.finetune < 0 or not self.rate > 0:
            raise InputError(
                f"SentinelNN: finetune={self.finetune}, rate={self.rate} are not allowed; give "
                "epochs from 0 and a learning rate above 0"
            )

    def harden(self, draft: Draft) -> None:
        if self.prune:
            scores = self._scores(draft) if draft.scores is None else draft.scores
            cut(replace(draft, scores=scores), self.prune, self.prune, "scores")
        if self.finetune:
            finetune(draft, self.finetune, self.rate)
        # A new workload, whose golden outputs are those of the pruned and fine-tuned model.
        remaining = replace(
            draft,
            workload=replace(draft.workload),
            scores=self._scores(draft) if self.share else None,
        )
        # Computed on first access, which must precede the duplication.
        _ = remaining.workload.golden
        if self.share:
            ChannelDuplication(share=self.share, edac="min").harden(remaining)
        Ranger().harden(remaining)

    def _scores(self, draft: Draft) -> Scores:
        return self.analysis(
            draft.model,
            draft.workload.data,
            call=draft.workload.steady,
            batch=draft.workload.batch,
            seed=draft.workload.seed,
            progress=draft.workload.bar.shown,
            deterministic=draft.workload.deterministic,
        )
