"""How often does a fault change a prediction, while a model is trained with Lightning?"""

from pathlib import Path
from typing import Any, Literal

import torch

from radhard.campaign import run
from radhard.errors import InputError
from radhard.forward import Forward, plain
from radhard.metrics import Metric
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.space import FaultSpace
from radhard.tracking.tracked_figures import tracked_figures

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:
    raise InputError(
        "CampaignCallback needs the package lightning: pip install 'radhard[lightning]'"
    ) from None

__all__ = ["CampaignCallback"]


class CampaignCallback(Callback):  # type: ignore[misc]
    """Runs a campaign after training or after validation epochs, and logs its figures.

    The arguments are those of `radhard.run`, with its defaults: one flipped bit in a weight. The
    figures (`tracked_figures`) are logged with all loggers of the trainer; after validation they
    are metrics as well, such as ``ModelCheckpoint(monitor="radhard/critical")`` reads (with
    ``every_n_epochs`` if the campaign has ``every``). The model continues as it was. Every process
    of a distributed training executes the same trials, so that all have the same metrics.

    Args:
        data: the samples of the campaign: as few as tell, since each trial evaluates all of them.
        when: after the "fit", or after each "validation" epoch but the sanity check.
        every: with ``when="validation"``, run after every n-th epoch.
        store: a folder for the run files, one for each epoch; of process 0 only.
        prefix: what the names of all metrics begin with.
    """

    def __init__(
        self,
        data: Any,
        *,
        space: FaultSpace | None = None,
        sampler: Sampler | str = "PerTensor(n=400)",
        metrics: Metric | str | list[Metric | str] | None = None,
        when: Literal["fit", "validation"] = "fit",
        every: int = 1,
        seed: int = 0,
        call: Forward = plain,
        batch: int = 100,
        store: str | Path | None = None,
        prefix: str = "radhard",
    ) -> None:
        if when not in ("fit", "validation") or every < 1:
            raise InputError(
                f"when={when!r}, every={every}: give when='fit' or when='validation', and every=1 "
                "or more epochs"
            )
        super().__init__()
        self.when, self.every, self.prefix = when, every, prefix
        self.store = None if store is None else Path(store)
        self.results: Results | None = None
        """Those of the last campaign."""
        self._data = data
        self._options: dict[str, Any] = {
            "space": space,
            "sampler": sampler,
            "metrics": metrics,
            "seed": seed,
            "call": call,
            "batch": batch,
        }

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run the campaign of an epoch."""
        due = trainer.current_epoch % self.every == self.every - 1
        if self.when == "validation" and due and not trainer.sanity_checking:
            pl_module.log_dict(self._figures(trainer, pl_module))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Run the campaign of the trained model."""
        if self.when == "fit":
            figures = self._figures(trainer, pl_module)
            # Here a module may log no metrics.
            for logger in trainer.loggers:
                logger.log_metrics(figures, step=trainer.global_step)
                logger.save()

    def _figures(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, float]:
        store = None
        if self.store is not None and trainer.is_global_zero:
            store = self.store / f"epoch{trainer.current_epoch}.db"
        # Validation is executed in inference mode, in which no graph of a model can be made.
        with torch.inference_mode(mode=False):
            self.results = run(pl_module, self._data, store=store, progress=False, **self._options)
        return {f"{self.prefix}/{k}": v for k, v in tracked_figures(self.results).items()}
