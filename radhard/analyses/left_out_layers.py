"""Which layers does an analysis of selected tensors leave out, and why?"""

from radhard.space import FaultSpace
from radhard.workload import Workload

__all__ = ["record_left_out"]


def record_left_out(workload: Workload, space: FaultSpace) -> None:
    """Record, for every layer without a weight in the space, why it has none."""
    for tensor, why in space.left_out.items():
        workload.left_out[tensor.rpartition(".")[0]] = f"{tensor}: {why}"
    names = {name for site in space.sites for name in (site.name, *site.aliases)}
    for layer, module in workload.model.named_modules():
        weights = [n for n, p in module.named_parameters(recurse=False) if p.ndim >= 2]
        selected = any(f"{layer}.{name}".removeprefix(".") in names for name in weights)
        if weights and not selected:
            # A reason that is known already is more specific.
            workload.left_out.setdefault(layer, "not selected")
