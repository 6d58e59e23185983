"""How are the faults of a campaign repeated on a hardened model?"""

from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from radhard.arguments import named_options, share, whole
from radhard.campaign import run
from radhard.cost import Overhead, overhead
from radhard.datasets.data import Data
from radhard.datasets.load_data import load
from radhard.engines.excerpt import like_excerpt
from radhard.errors import InputError
from radhard.faults import faults_in_words
from radhard.forward import Forward, plain
from radhard.hardenings import applied, overlap_note, profile_line, records
from radhard.hardenings.hardened_files import is_hardened
from radhard.hardenings.hardened_files import load as load_hardened
from radhard.manifest import fingerprint
from radhard.metrics import METRICS
from radhard.models import load as load_model
from radhard.module import usable_module
from radhard.progress import Shown
from radhard.results import Results
from radhard.samplers import Exhaustive, Sampler, Uniform
from radhard.space import FaultSpace
from radhard.targets import Site
from radhard.verification.added_faults import (
    added_tensors,
    stored_formats,
    stored_space,
    words_without_faults,
)
from radhard.verification.verification import Verification, hardening_entry, hardening_in
from radhard.workload import Workload, fault_free_outputs

__all__ = ["verify"]


@named_options()
def verify(
    before: Results | str | Path,
    model: nn.Module | str | Path,
    data: Any,
    *,
    base: nn.Module | str | None = None,
    call: Forward = plain,
    store: str | Path | None = None,
    added: int = 400,
    timed: bool = True,
    workers: int = 1,
    worker_timeout: float | None = None,
    audit: float = 0.0025,
    progress: Shown = None,
    names: dict[str, Any] | None = None,
    foreign: bool = False,
    deterministic: bool | None = None,
    repair: bool = False,
) -> Verification:
    """Repeat the faults of a campaign on a hardened model, and measure its cost.

    A second campaign injects faults into the tensors that the hardening added, because more bits
    have more upsets. If the hardened model lacks tensors of the original (after pruning), new
    faults are drawn from it, and the runs are compared without pairs. If no verdict of the campaign
    was inferred, none is here (``exact`` in `run`).

    Args:
        before: the campaign on the unprotected model, or the path of its run file.
        model: the hardened model, or the folder in which `radhard.hardenings.save` wrote it.
        data: the data of that campaign.
        base: the unprotected model, for the cost; also as text, ``"lenet5"``.
        call: for models that do not return one tensor.
        store: run file of the hardened model; that of the faults in what was added lies beside it,
            named ``...-added.db`` (or ``...-own.db`` at error rates).
        added: trials in what was added; 0 leaves them out.
        timed: also measure the time per forward pass.
        workers, worker_timeout, audit, progress, names, repair: as for `run`.
        foreign: allow metrics of other packages that the run names, and code that the recipe in
            the folder of the hardened model names.
        deterministic: refuse a model whose fault-free passes differ; by default as that campaign.

    Raises:
        InputError: other data than before, or a model that the faults cannot be tried on.
    """
    given = {"model": model, "data": data}
    texts = {name: str(value) for name, value in given.items() if isinstance(value, str | Path)}
    names = {**texts, **(names or {})}
    before = _opened(before, foreign=foreign)
    model = _loaded(model, foreign=foreign)
    base = load_model(base) if isinstance(base, str) else base
    data, batch = _data_of_campaign(data, before), _batch(before)
    workload = Workload.of(model, data, call=call, batch=batch)
    model = workload.model
    base = None if base is None else usable_module(base)
    added, workers = whole(added, "added", least=0), whole(workers, "workers", least=1)
    audit = share(audit, "audit")
    if deterministic is None:
        deterministic = before.manifest.get("deterministic") is not False
    metrics = [METRICS.parse(str(m), foreign=foreign) for m in before.manifest.get("metrics", ())]
    by, covers, notes = _hardenings(model, data, before)
    profiles = [profile_line(record, data) for record in records(model)]
    # Outputs that differ from pass to pass cannot be compared with recorded ones.
    if base is not None and deterministic:
        notes += _check_base(base, data, before, call, batch)
    cost = _cost(workload, base, before, timed=timed)
    names = {**names, "hardening": hardening_entry(by, cost, covers, profiles)}
    repeat = partial(run, model, data, metrics=metrics or None, seed=before.seed, call=call)
    repeat = partial(repeat, batch=batch, deterministic=deterministic, names=names, audit=audit)
    repeat = partial(repeat, workers=workers, worker_timeout=worker_timeout)
    # Executed like the campaign before, so that both know the figures of the same samples.
    exact = not before.means.infers and before.measured is None
    repeat = partial(repeat, progress=progress, repair=repair, exact=exact)
    space, space_notes, paired = _space_of(before, workload)
    after = repeat(space, before.sampler, store=store)
    added_space, added_notes = _added_space(before, model) if added and paired else (None, [])
    own = None
    if added_space is not None:
        beside = _beside(store, by_rate=before.by_rate)
        own = repeat(added_space, _sampler(before, added_space, added), store=beside)
    return Verification(before, after, own, cost, by, (*notes, *space_notes, *added_notes), covers)


def _opened(before: object, *, foreign: bool) -> Results:
    """The campaign on the unprotected model.

    Raises:
        InputError: it is something else, or the run file cannot be read.
    """
    if isinstance(before, str | Path):
        return Results.open(before, foreign=foreign)
    if not isinstance(before, Results):
        raise InputError(
            f"the campaign is {type(before).__name__}; give its Results, as run returns them or "
            "Results.open(...) reads them"
        )
    return before


def _loaded(model: Any, *, foreign: bool) -> Any:
    """The hardened model, read if it is given as a folder or as text."""
    if not isinstance(model, str | Path):
        return model
    return load_hardened(model, foreign=foreign) if is_hardened(model) else load_model(str(model))


def _data_of_campaign(data: Any, before: Results) -> Data:
    """The data; they must be those of the campaign.

    Raises:
        InputError: they are not.
    """
    samples = load(data) if isinstance(data, str) else Data.of(data)
    recorded = before.manifest.get("data fingerprint")
    if recorded is not None and recorded != samples.fingerprint():
        raise InputError(
            f"{samples.name} is not the data of the campaign, and the effect of the same faults on "
            "other samples does not show what the hardening changes; give the data (and --n) of "
            "the campaign"
        )
    return samples


def _batch(before: Results) -> int:
    batch = before.manifest.get("batch")
    return batch if isinstance(batch, int) and batch > 0 else 100


def _hardenings(
    model: nn.Module, data: Data, before: Results
) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The hardenings of a model, which layers they protect, one line each, and notes on them."""
    notes = []
    if before.manifest.get("model fingerprint") == fingerprint(model):
        notes.append("This is the model of the campaign itself: nothing was hardened.")
    before_by, _ = hardening_in(before.manifest)
    if before_by:
        notes.append(
            f"The campaign was run on a model that is hardened already, by {', '.join(before_by)}; "
            "for the effect of that hardening give the campaign on the unprotected model."
        )
    of_hardenings = records(model)
    covers = tuple(line for record in of_hardenings for line in record.lines())
    notes += [text for record in of_hardenings if (text := overlap_note(record, data))]
    return tuple(applied(model)), covers, notes


def _space_of(before: Results, workload: Workload) -> tuple[FaultSpace, list[str], bool]:
    """The fault space in the hardened model, notes on it, and whether it has the same faults."""
    missing = _missing(before.space, workload)
    if not missing:
        return before.space, [], True
    note = (
        f"{missing} is missing or has another shape in the hardened model, so new faults were "
        "drawn from that model."
    )
    new = before.space.again(workload.model, data=workload.data, call=workload.call)
    return new, [note], False


def _added_space(before: Results, model: nn.Module) -> tuple[FaultSpace | None, list[str]]:
    """The faults in what the hardening added (at error rates in everything stored), and notes."""
    space, names = before.space, added_tensors(model)
    if not names:
        return None, []
    if any(site.flows for site in space.sites):
        note = (
            "The campaign has faults in activations or other values of a pass; none in what the "
            "hardening stores."
        )
        return None, [note]
    if before.by_rate:
        # A rate is per bit: more memory means more faults in a trial, in the original tensors and
        # in what was added.
        names = (*(site.name for site in space.sites), *names)
    added = stored_space(model, names, space)
    notes = []
    if skipped := words_without_faults(model, space):
        kinds = " or ".join(dict.fromkeys(map(repr, skipped.values())))
        notes.append(
            f"No fault was injected into {len(skipped)} of the tensors that the hardening added "
            f"({', '.join(list(skipped)[:3])}{', ...' if len(skipped) > 3 else ''}): "
            f"{faults_in_words(space.faults, None)} are not possible in words of {kinds}."
        )
    if added is None:
        return None, notes
    formats = [format for format in added.formats if format not in space.formats]
    if formats:
        notes.append(f"What was added is stored as {' and '.join(map(repr, formats))}.")
    return added, notes


def _check_base(
    base: nn.Module, data: Data, before: Results, call: Forward, batch: int
) -> list[str]:
    """Check that the outputs of the unprotected model are the golden outputs of its campaign.

    Raises:
        InputError: the same model and the same data give other outputs, as with another ``call``.
    """
    if before.manifest.get("model fingerprint") != fingerprint(base):
        return ["The cost is relative to base, which is not the model of the campaign."]
    golden = fault_free_outputs(base, data, call=call, batch=batch)
    if not like_excerpt(golden, before.manifest.get("golden")):
        raise InputError(
            "the fault-free outputs of the unprotected model differ from those of its campaign; "
            "give the call= of the campaign"
        )
    return []


def _cost(
    workload: Workload, base: nn.Module | None, before: Results, *, timed: bool
) -> Overhead | None:
    if base is None:
        return None
    return overhead(
        workload.model,
        base,
        workload.data,
        format=stored_formats(workload.model, before.space.formats_by_pattern),
        call=workload.call,
        batch=workload.batch,
        timed=timed,
    )


def _sampler(before: Results, space: FaultSpace, added: int) -> Sampler:
    if before.by_rate:
        return before.sampler
    # Few added words are tried one by one, without sampling error.
    return Uniform(added) if added < len(space) else Exhaustive()


def _beside(store: str | Path | None, *, by_rate: bool) -> Path | None:
    if store is None:
        return None
    path = Path(store)
    return path.with_stem(f"{path.stem}-{'own' if by_rate else 'added'}")


def _missing(space: FaultSpace, workload: Workload) -> str:
    """The first site that the model lacks, or that has another shape; empty if there is none."""
    sites: dict[str, Site] = {}
    for target in space.targets:
        try:
            of_target = target.sites(workload)
        except InputError:
            continue  # the target has no tensor any more, so its sites are missing
        sites |= {n: site for site in of_target for n in (site.name, *site.aliases)}
    for site in space.sites:
        if site.name not in sites or sites[site.name].shape != site.shape:
            return site.name
    return ""
