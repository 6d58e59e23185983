"""Which channels, of several layers, can only be taken away together?"""

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
    """Channels that go together: of layers that are added up, normalised, or each channel apart."""

    channels: int
    linear: bool
    """Whether it begins at a linear layer rather than at a convolution."""
    makers: dict[str, tuple[int, ...]]
    """By the name of a layer that computes them, which of its channels is each of the group's."""
    graph: Any
    found: Any

    def prune(self, gone: list[int]) -> None:
        """Take these channels away, with all that computes, normalises or reads them."""
        root = self.found[0].dep
        self.graph.get_pruning_group(root.target.module, root.handler, gone).prune()


def groups(draft: Draft) -> tuple[list[ChannelGroup], dict[str, str]]:
    """Every group of a model that can be cut, and by layer of the others why it cannot.

    Whole stay those that give the outputs, those with convolutions in several groups (but not
    depthwise ones), tensors that are shared, or layers of other kinds than convolution, linear
    layer, batch norm and PReLU.

    Raises:
        InputError: the package that finds them is missing, or it cannot read the model.
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
            found = list(graph.get_all_groups(root_module_types=[nn.Linear, *Convolution.__args__]))
    except Exception as error:  # whatever it meets in a model that it does not know
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{draft.by}: torch-pruning cannot read {type(draft.model).__name__}: {line}"
        ) from error
    whole: dict[str, str] = {}
    made = []
    for one in found:
        group = _group(graph, one, names, shared)
        if isinstance(group, ChannelGroup):
            made.append(group)
        else:
            whole[names.get(one[0].dep.target.module, "?")] = group
    return made, whole


def _group(
    graph: Any, found: Any, names: dict[nn.Module, str], shared: set[nn.Module]
) -> ChannelGroup | str:
    """A group, or why its channels stay."""
    root = found[0]
    makers = {}
    for at in range(len(found)):
        item = found[at]
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
        found=found,
    )


def _sharing(model: nn.Module) -> set[nn.Module]:
    """Modules with a parameter that another one has too, which would no longer be the same."""
    owners: dict[nn.Parameter, set[nn.Module]] = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            owners.setdefault(parameter, set()).add(module)
    return {module for own in owners.values() if len(own) > 1 for module in own}


def _simple(module: Convolution) -> bool:
    """Whether channels go one by one: all are in one group, or each in its own."""
    return module.groups in (1, module.in_channels) and (
        module.groups == 1 or module.in_channels == module.out_channels
    )


@contextmanager
def _wanting_gradients(model: nn.Module) -> Iterator[None]:
    """Operations are found by their gradients; afterwards flags are as they were."""
    was = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    try:
        model.requires_grad_(True)
        yield
    finally:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(was[name])
