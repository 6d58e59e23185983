"""Which faults are possible, as given by the options of a command?"""

from collections.abc import Sequence

from radhard.cli.model_and_data import Loaded, ModelAndData
from radhard.faults import FAULTS
from radhard.forward import faultless
from radhard.space import FaultSpace
from radhard.targets import TARGETS

__all__ = ["fault_space", "injects_into_registers_only"]


def fault_space(given: ModelAndData, loaded: Loaded, planes: Sequence[str]) -> FaultSpace:
    """The fault space of the options ``--target``, ``--fault``, ``--format`` and ``--plane``."""
    return FaultSpace.of(
        loaded.model,
        given.parts("target", TARGETS),
        given.parts("fault", FAULTS),
        given.formats(),
        planes=tuple(planes) or None,
        data=loaded.data,
        # The first forward pass if faults are injected into activations or inputs.
        call=faultless(loaded.call),
    )


def injects_into_registers_only(given: ModelAndData) -> bool:
    """Whether the formats of the faults are not those of the tensors that are multiplied."""
    return all(target.role == "register" for target in given.parts("target", TARGETS))
