"""How are the faults of a campaign repeated on a hardened model?"""

from pathlib import Path
from typing import Any

from torch import nn

from radhard.arguments import share, whole
from radhard.campaign import run
from radhard.cost import Overhead, overhead
from radhard.datasets.data import Data
from radhard.engines.excerpt import like_excerpt
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import faultless, plain
from radhard.hardenings import applied, overlap_note, records
from radhard.manifest import fingerprint
from radhard.metrics import METRICS
from radhard.module import usable_module
from radhard.results import Results
from radhard.samplers import Exhaustive, Sampler, Uniform
from radhard.space import FaultSpace
from radhard.targets import Forward, Site
from radhard.verification.added_faults import added_tensors, stored_space
from radhard.verification.verification import Verification
from radhard.workload import device_of, fault_free_outputs

__all__ = ["verify"]


def verify(
    before: Results,
    model: nn.Module,
    data: Any,
    *,
    base: nn.Module | None = None,
    call: Forward = plain,
    store: str | Path | None = None,
    added: int = 400,
    timed: bool = True,
    workers: int = 1,
    worker_timeout: float | None = None,
    audit: float = 0.0025,
    progress: bool | None = None,
    names: dict[str, Any] | None = None,
    foreign: bool = False,
    deterministic: bool | None = None,
    repair: bool = False,
) -> Verification:
    """Repeat the faults of a campaign on a hardened model, and measure its cost.

    A second campaign injects faults into the tensors that the hardening added, because more bits
    have more upsets. If the hardened model lacks tensors of the original (after pruning), new
    faults are drawn from it, and the runs are compared without pairs.

    Args:
        before: the campaign on the unprotected model.
        model: the hardened model.
        data: the data of that campaign.
        base: the unprotected model, for the cost.
        call: for models that do not return one tensor.
        store: run file of the hardened model; that of the faults in what was added lies beside it,
            named ``...-added.db`` (or ``...-own.db`` at error rates).
        added: trials in what was added; 0 leaves them out.
        timed: also measure the time per forward pass.
        workers, worker_timeout, audit, progress, names, repair: as for `run`.
        foreign: allow metrics of other packages that the run names.
        deterministic: refuse a model whose fault-free passes differ; by default as that campaign.

    Raises:
        InputError: other data than before, or a model that the faults cannot be tried on.
    """
    if not isinstance(before, Results):
        raise InputError(
            f"the campaign is {type(before).__name__}; give its Results, as run returns them or "
            "Results.open(...) reads them"
        )
    model = usable_module(model)
    base = None if base is None else usable_module(base)
    added, workers = whole(added, "added", least=0), whole(workers, "workers", least=1)
    audit = share(audit, "audit")
    if deterministic is None:
        deterministic = before.manifest.get("deterministic") is not False
    data = Data.of(data)
    known = before.manifest.get("data fingerprint")
    if known is not None and known != data.fingerprint():
        raise InputError(
            f"{data.name} is not the data of the campaign; the same faults on other samples would "
            "say nothing of the hardening (give the data, and --n, of the campaign)"
        )
    batch = before.manifest.get("batch")
    batch = batch if isinstance(batch, int) and batch > 0 else 100
    metrics = [
        METRICS.parse(str(text), foreign=foreign) for text in before.manifest.get("metrics", ())
    ]
    by, notes = tuple(applied(model)), []
    if before.manifest.get("model fingerprint") == fingerprint(model):
        notes.append("This is the very model that the campaign struck: nothing was hardened.")
    known_records = records(model)
    covers = tuple(line for record in known_records for line in record.lines())
    notes += [text for record in known_records if (text := overlap_note(record, data))]
    if base is not None and deterministic:
        notes += _check_base(base, data, before, call, batch)
    cost = _cost(model, base, data, before, call, batch, timed)
    names = {
        **(names or {}),
        "hardening": {
            "by": list(by),
            "cost": None if cost is None else cost.to_dict(),
            "covers": list(covers),
        },
    }

    def campaign(space: FaultSpace, sampler: Sampler, at: str | Path | None) -> Results:
        return run(
            model,
            data,
            space,
            sampler,
            metrics=metrics or None,
            seed=before.seed,
            store=at,
            call=call,
            batch=batch,
            progress=progress,
            deterministic=deterministic,
            names=names,
            workers=workers,
            worker_timeout=worker_timeout,
            audit=audit,
            repair=repair,
        )

    space = before.space
    if missing := _missing(space, model, data, call):
        notes.append(
            f"{missing} is not as it was in the unprotected model, so that other faults were drawn."
        )
        space = space.again(model, data=data, call=faultless(call))
    after = campaign(space, before.sampler, store)
    own = None
    if added and not missing and (names_added := added_tensors(model)):
        if any(site.flows for site in space.sites):
            notes.append(
                "Faults were tried in values that flow; what the hardening stores was not struck."
            )
        else:
            every = (
                (*(s.name for s in space.sites), *names_added) if before.by_rate else names_added
            )
            more = stored_space(model, every, space)
            if more is not None:
                sampler = _sampler(before, more, added)
                own = campaign(more, sampler, _beside(store, by_rate=before.by_rate))
                held = [format for format in more.formats if format not in space.formats]
                if held:
                    notes.append(f"What was added was struck as {' and '.join(map(repr, held))}.")
    return Verification(before, after, own, cost, by, tuple(notes), covers)


def _check_base(
    base: nn.Module, data: Data, before: Results, call: Forward, batch: int
) -> list[str]:
    """Check that the outputs of the unprotected model are the golden outputs of its campaign.

    Raises:
        InputError: the same model and the same data give other outputs, as with another ``call``.
    """
    if before.manifest.get("model fingerprint") != fingerprint(base):
        return ["The cost is that beside another model (base) than the one of the campaign."]
    golden = fault_free_outputs(base, data, call=call, batch=batch)
    if not like_excerpt(golden, before.manifest.get("golden")):
        raise InputError(
            "the fault-free outputs of the unprotected model are not those of its campaign; give "
            "the call= that the campaign was run with"
        )
    return []


def _cost(
    model: nn.Module,
    base: nn.Module | None,
    data: Data,
    before: Results,
    call: Forward,
    batch: int,
    timed: bool,
) -> Overhead | None:
    if base is None:
        return None
    formats = before.space.formats_by_pattern
    return overhead(model, base, data, format=formats, call=call, batch=batch, timed=timed)


def _sampler(before: Results, space: FaultSpace, added: int) -> Sampler:
    if before.by_rate:
        return before.sampler
    return Uniform(added) if added < len(space) else Exhaustive()


def _beside(store: str | Path | None, *, by_rate: bool) -> Path | None:
    if store is None:
        return None
    path = Path(store)
    return path.with_stem(f"{path.stem}-{'own' if by_rate else 'added'}")


def _missing(space: FaultSpace, model: nn.Module, data: Data, call: Forward) -> str:
    """The first place of the faults that the model lacks, or nothing."""
    device = device_of(model)
    inputs = data.inputs if device is None else data.to(device).inputs
    with evaluating(model):
        found: dict[str, Site] = {}
        for target in space.targets:
            try:
                sites = target.sites(model, inputs, faultless(call))
            except InputError:
                continue  # a target that finds nothing any more; its sites are missing
            found |= {name: site for site in sites for name in (site.name, *site.aliases)}
    for site in space.sites:
        if site.name not in found or found[site.name].shape != site.shape:
            return site.name
    return ""
