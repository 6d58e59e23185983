"""What if a network is pruned first, and what is left is protected where it is vulnerable?"""

from dataclasses import replace

from radhard.analyses import Analysis, DeepVigorPlus
from radhard.engines.golden import golden_outputs
from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.ranger import Ranger
from radhard.hardenings.pruning.channel_removal import cut
from radhard.hardenings.pruning.finetuning import finetune
from radhard.hardenings.redundancy.duplication import ChannelDuplication
from radhard.hardenings.workpiece import Workpiece
from radhard.scores import Scores
from radhard.spec import component

__all__ = ["SentinelNN"]


@component
class SentinelNN(Hardening):
    """Prunes, and duplicates and bounds what is left (Ahmadilivani, TalTech, 2025, 5.4).

    The ``analysis`` ranks the channels, unless scores are given; the least vulnerable share
    ``prune`` of those of every layer is taken away as by `VulnerabilityPruning`, and what is left
    is trained for ``finetune`` epochs at learning rate ``rate``. Ranked again, its most vulnerable
    share ``share`` is computed twice, of two copies the smaller counting, without intervals
    (`ChannelDuplication`), and activations are bounded layer by layer (`Ranger`).
    """

    prune: float = 0.05
    share: float = 0.15
    analysis: Analysis = DeepVigorPlus()
    finetune: int = 0
    rate: float = 0.001

    def check(self) -> None:
        for name, most in (("prune", "less than 1"), ("share", "1")):
            given = getattr(self, name)
            if not 0 <= given <= 1 or (name == "prune" and given == 1):
                raise InputError(
                    f"SentinelNN: {name}={given} is not allowed; a share of the channels, from 0 "
                    f"to {most}"
                )
        if self.finetune < 0 or not self.rate > 0:
            raise InputError(
                f"SentinelNN: finetune={self.finetune}, rate={self.rate} are not allowed; epochs "
                "from 0, a learning rate above 0"
            )

    def harden(self, work: Workpiece) -> None:
        if self.prune:
            scores = self._scores(work) if work.scores is None else work.scores
            cut(replace(work, scores=scores), self.prune, self.prune, "scores")
        if self.finetune:
            finetune(work, self.finetune, self.rate)
        logits = golden_outputs(
            work.model, work.data, work.call, work.batch, deterministic=work.deterministic
        )
        left = replace(work, logits=logits, scores=self._scores(work) if self.share else None)
        if self.share:
            ChannelDuplication(share=self.share, edac="min").harden(left)
        Ranger().harden(left)

    def _scores(self, work: Workpiece) -> Scores:
        return self.analysis(
            work.model,
            work.data,
            call=work.call,
            batch=work.batch,
            seed=work.seed,
            progress=work.progress,
            deterministic=work.deterministic,
        )
