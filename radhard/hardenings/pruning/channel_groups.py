"""Which channels of several layers can only be removed together?"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from radhard.errors import InputError
from radhard.hardenings.draft import Draft

__all__ = ["ChannelGroup", "groups"]

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.PReLU)


@dataclass
class ChannelGroup:
    """Channels that are removed together, of layers coupled by sums, norms or depthwise layers."""

    channels: int
    linear: bool
    """Whether it starts at a linear layer rather than a convolution."""
    makers: dict[str, tuple[int, ...]]
    """For each layer that computes them, by name, its channel for each channel of the group."""
    graph: Any
    found: Any

    def prune(self, gone: list[int]) -> None:
        """Remove these channels from all layers that compute, normalise or read them."""
        # The group was found with all of its channels; where those to remove are in the other
        # layers is worked out anew.
        root = self.found[0].dep
        self.graph.get_pruning_group(root.target.module, root.handler, gone).prune()


def groups(draft: Draft) -> tuple[list[ChannelGroup], dict[str, str]]:
    """All groups of a model that can be pruned, and for the layers of the others why they cannot.

    Not pruned are groups that compute the outputs, and those that contain grouped convolutions
    (except depthwise ones), shared tensors, or layers other than convolutions, linear layers, batch
    norms and PReLU.

    Raises:
        InputError: torch-pruning is missing, or cannot read the model.
    """
    try:
        torch_pruning: Any = importlib.import_module("torch_pruning")
    except ImportError as error:
        raise InputError(
            f"{draft.by} needs torch-pruning: pip install 'radhard[pruning]'"
        ) from error
    names = {module: name for name, module in draft.model.named_modules()}
    shared = _sharing(draft.model)
    _, batch = next(draft.workload.data.batches(2))
    try:
        with _wanting_gradients(draft.model), torch.enable_grad():
            graph = torch_pruning.DependencyGraph().build_dependency(
                draft.model, batch, forward_fn=draft.workload.call, verbose=False
            )
            all_groups = list(
                graph.get_all_groups(root_module_types=[nn.Linear, *Convolution.__args__])
            )
    except Exception as error:  # torch-pruning may raise anything for an unsupported model
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{draft.by}: torch-pruning does not support {type(draft.model).__name__}: {line}"
        ) from error
    left_whole: dict[str, str] = {}
    made = []
    for item in all_groups:
        group = _group(graph, item, names, shared)
        if isinstance(group, ChannelGroup):
            made.append(group)
        else:
            left_whole[names.get(item[0].dep.target.module, "?")] = group
    return made, left_whole


def _group(
    graph: Any, members: Any, names: dict[nn.Module, str], shared: set[nn.Module]
) -> ChannelGroup | str:
    """A group, or why its channels cannot be removed."""
    root = members[0]
    makers = {}
    for at in range(len(members)):
        item = members[at]
        node, module = item.dep.target, item.dep.target.module
        written = graph.is_out_channel_pruning_fn(item.dep.handler)
        if written and not node.outputs:
            return "it gives the outputs"
        if isinstance(module, nn.Parameter) or module in shared:
            return "its tensors are shared, or belong to no layer"
        if module not in names:
            continue  # an operation without tensors
        if isinstance(module, nn.Linear | Convolution):
            if isinstance(module, Convolution) and not _simple(module):
                return "a convolution in groups"
            if written:
                # A layer may number the channels differently, as behind a concatenation, and
                # scores are looked up by its own numbering.
                places = dict(zip(item.root_idxs, item.idxs, strict=True))
                # Each channel of the layer for exactly one of the group; otherwise scores cannot be
                # assigned.
                if not len(places) == len(root.idxs) == len(module.weight):
                    return "only some of its channels are its own"
                makers[names[module]] = tuple(places[at] for at in range(len(root.idxs)))
        elif not isinstance(module, _NORMS):
            return f"it is followed by {type(module).__name__}"
    return ChannelGroup(
        channels=len(root.idxs),
        linear=isinstance(root.dep.target.module, nn.Linear),
        makers=makers,
        graph=graph,
        found=members,
    )


def _sharing(model: nn.Module) -> set[nn.Module]:
    """Modules that share a parameter with another one; pruning would replace it in only one."""
    owners: dict[nn.Parameter, set[nn.Module]] = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            owners.setdefault(parameter, set()).add(module)
    return {module for modules in owners.values() if len(modules) > 1 for module in modules}


def _simple(module: Convolution) -> bool:
    """Whether channels can be removed individually: there is one group, or one per channel."""
    return module.groups in (1, module.in_channels) and (
        module.groups == 1 or module.in_channels == module.out_channels
    )


@contextmanager
def _wanting_gradients(model: nn.Module) -> Iterator[None]:
    """Enable gradients, by which torch-pruning traces operations; then restore the flags."""
    was = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    try:
        model.requires_grad_(True)
        yield
    finally:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(was[name])
