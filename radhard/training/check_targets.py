"""Can the faults of a space be injected into a training of this model?"""

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import ProtectedFormat
from radhard.module import module_at
from radhard.space import FaultSpace, Region
from radhard.targets import Site
from radhard.targets.stored import stored_tensor

__all__ = ["check_same", "check_targets", "parameter_of"]


def check_targets(model: nn.Module, optimizer: torch.optim.Optimizer, space: FaultSpace) -> None:
    """Check that the tensors of a space belong to the model and the optimizer.

    Raises:
        InputError: a tensor is missing, has another shape or dtype, is not trained by the
            optimizer, or its words are not those of its dtype.
    """
    in_optimizer = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for region in space.regions:
        site = region.site
        if not region.exposure.always_present:
            raise InputError(
                f"faults in {site.name!r} are {region.exposure!r}, which has no meaning in a "
                "training; leave exposure out of the fault space"
            )
        if site.role == "register":
            raise InputError(
                f"{site.name!r} is a register that computes a quantized model, and such a model is "
                "not trained; choose Activations or Weights"
            )
        _check_format(region)
        if site.in_training:
            parameter = parameter_of(model, site)
            check_same(site, parameter)
            if not parameter.requires_grad:
                raise InputError(f"{site.name!r}: its parameter is not trained (requires_grad)")
            # A gradient exists without an optimizer; its state does not.
            if site.role == "optimizer state" and id(parameter) not in in_optimizer:
                raise InputError(
                    f"{site.name!r}: its parameter is not among those of the optimizer "
                    f"{type(optimizer).__name__}; leave it out of the pattern"
                )
        elif site.flows:
            module_at(model, site.layer)
        else:
            check_same(site, stored_tensor(model, site.name))


def parameter_of(model: nn.Module, site: Site) -> nn.Parameter:
    """The parameter to which a gradient or a state of the optimizer belongs."""
    name = site.name.rpartition(".")[0]
    try:
        return model.get_parameter(name)
    except AttributeError:
        raise InputError(f"{type(model).__name__} has no parameter {name!r}") from None


def check_same(site: Site, tensor: Tensor) -> None:
    """Check that a tensor has the shape and dtype of the site, and words in memory of its own.

    Raises:
        InputError: it does not.
    """
    kind, shape = str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)
    if (kind, shape) != (site.dtype, site.shape):
        raise InputError(
            f"{site.name!r} is {kind} {shape} in this training, {site.dtype} {site.shape} in the "
            "fault space"
        )
    if tensor.layout != torch.strided:
        raise InputError(
            f"{site.name!r} is {str(tensor.layout).removeprefix('torch.')}, in which no fault can "
            "be injected; make it dense, such as with sparse=False, or leave it out"
        )


def _check_format(region: Region) -> None:
    """Check that every value of the tensor, also after an update, is a word of the format."""
    format, dtype = region.format, getattr(torch, region.site.dtype)
    plain = not format.has_scale and not isinstance(format, ProtectedFormat)
    if plain and format.bits == 8 * dtype.itemsize:
        # The width alone does not tell: Float16 and BFloat16 have as many bits.
        plain = format.decode(torch.zeros(1, dtype=torch.int64)).dtype == dtype
    else:
        plain = False
    if not plain:
        raise InputError(
            f"{region.site.name!r} is {region.site.dtype}, and a training gives it values that "
            f"{format!r} lacks; choose the format of that dtype, such as Float32()"
        )
