"""Which tensors exist only while a model is trained?"""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager

from torch import Tensor, nn

from radhard.errors import InputError
from radhard.globs import matches
from radhard.targets.base import Site, Target, TensorFaults
from radhard.targets.patterns import admits, check_matches
from radhard.targets.stored import identity
from radhard.workload import Workload

__all__ = ["TrainingTarget"]


class TrainingTarget(Target):
    """Tensors that belong to the trainable parameters and exist only while these are trained.

    ``pattern``: globs of names of parameters or of their layers, joined by ``|``; ``layers``: globs
    of layer classes. Faults are injected by `radhard.training`.
    """

    pattern: str
    layers: str | None

    @property
    @abstractmethod
    def entry(self) -> str:
        """The last part of the name of a site, after the name of its parameter."""

    def sites(self, workload: Workload) -> list[Site]:
        model = workload.model
        names: dict[object, list[str]] = {}
        tensors: dict[str, Tensor] = {}
        for name, parameter in _trainable(model):
            names.setdefault(identity(parameter), []).append(name)
            tensors[name] = parameter
        sites = []
        for first, *others in names.values():
            layer = first.rpartition(".")[0]
            kind = type(model.get_submodule(layer)).__name__
            if self._wants(kind, first, *others):
                sites.append(
                    Site(
                        name=f"{first}.{self.entry}",
                        shape=tuple(tensors[first].shape),
                        role=self.role,
                        layer=layer,
                        kind=kind,
                        dtype=str(tensors[first].dtype).removeprefix("torch."),
                        aliases=tuple(f"{name}.{self.entry}" for name in others),
                    )
                )
        available = [f"{name}.{self.entry}" for name in tensors]
        check_matches([site.name for site in sites], self, available, f"{self.role}")
        return sites

    def left_out(self, model: nn.Module) -> dict[str, str]:
        return {
            f"{name}.{self.entry}": "its parameter is not trained"
            for name, parameter in model.named_parameters()
            if not parameter.requires_grad
            and self._wants(type(model.get_submodule(name.rpartition(".")[0])).__name__, name)
        }

    def _wants(self, kind: str, *names: str) -> bool:
        ours = [f"{name}.{self.entry}" for name in names]
        layers = [name.rpartition(".")[0] for name in names]
        return matches(self.pattern, *names, *ours, *layers) and admits(self.layers, kind)

    def reach(
        self,
        model: nn.Module,
        site: Site,
        faults: TensorFaults,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        raise InputError(
            f"{site.name!r} exists only while {type(model).__name__} is trained; inject faults "
            "into it with radhard.training.inject or radhard.training.run"
        )


def _trainable(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter.requires_grad and parameter.is_floating_point() and parameter.numel():
            yield name, parameter
