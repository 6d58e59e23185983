"""Which operations of a graph belong to which call of a module?"""

from torch import nn

from radhard.replay.graph.operation_graph import Graph

__all__ = ["module_calls"]


def module_calls(graph: Graph, model: nn.Module, layer: str) -> list[list[int]]:
    """The positions of the operations of each call of a module, those of modules inside as well."""
    module = model.get_submodule(layer)
    names = {name for name, one in model.named_modules(remove_duplicate=False) if one is module}
    calls: dict[tuple[str, ...], list[int]] = {}
    for at, node in enumerate(graph.nodes):
        for depth, name in enumerate(node.modules):
            if name in names:
                calls.setdefault(node.calls[: depth + 1], []).append(at)
    return list(calls.values())
