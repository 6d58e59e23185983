"""How is a hardened model loaded from its folder?"""

import warnings
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from radhard.errors import InputError, RadhardWarning
from radhard.formats import Format, format_for, is_stored_as, stored_as
from radhard.formats.stored_as import tied
from radhard.hardenings.hardened_files import base_of, is_hardened
from radhard.hardenings.hardened_files import load as load_hardened
from radhard.hardenings.part import parts
from radhard.models import listed
from radhard.models import load as load_model

__all__ = ["built", "is_folder", "source", "stored"]


def is_folder(text: str) -> bool:
    """Whether a model's text names a folder that `radhard harden` wrote."""
    return is_hardened(text) and text not in dict(listed())


def source(text: str) -> str:
    """The text of the unprotected model: that of the recipe where a folder is named."""
    return base_of(text) if is_folder(text) else text


def built(text: str, weights: str | Path | None, *, again: bool = False) -> nn.Module:
    """The model that a command line names, hardened or not.

    ``again``: a run file names the weights, and when it was made, it was said where in their file
    they were found.

    Raises:
        InputError: there is nothing of that name, or weights for a folder that has its own.
    """
    if not is_folder(text):
        with warnings.catch_warnings():
            if again:
                warnings.filterwarnings("ignore", "the weights in .* were ", RadhardWarning)
            return load_model(text, weights=weights)
    if weights is not None:
        raise InputError(
            f"--weights {str(weights)!r} cannot be combined with the hardened model {text!r}, "
            "which contains its weights; leave out --weights"
        )
    # Whoever took the text from a file has checked that it is trusted.
    return load_hardened(text, foreign=True)


def stored(model: nn.Module, formats: Mapping[str, Format]) -> nn.Module:
    """The model stored in formats by pattern, where it is not already.

    What a hardening added does not decide: a bound may have no word in the format of the weights,
    and stays as it is where these are stored already.

    Raises:
        InputError: a hardened model that is stored otherwise: rounded now, what was added would no
            longer suit what it protects.
    """
    hardening_parts = [part for _, part in parts(model)]
    added = {id(t) for part in hardening_parts for t in (*part.parameters(), *part.buffers())}
    every = dict([*model.named_parameters(), *model.named_buffers()])
    tensors = {n: t for n, t in every.items() if t.is_floating_point() and id(t) not in added}
    if all(is_stored_as(tensors[names[0]], _of(formats, names)) for names in tied(model, tensors)):
        return model
    shown = formats["*"] if list(formats) == ["*"] else formats
    if hardening_parts:
        raise InputError(
            f"the hardened model contains values that {shown!r} cannot represent, and rounding "
            "them would change its protection; harden the model in that format: radhard harden "
            f"... --format {shown!r}"
        )
    return stored_as(model, formats)


def _of(formats: Mapping[str, Format], names: tuple[str, ...]) -> Format:
    return format_for(formats, *names, *(name.rpartition(".")[0] for name in names))
