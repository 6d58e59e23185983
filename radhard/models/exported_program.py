"""How is an exported program loaded without running code from its file?"""

import io
import json
import logging
import math
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from radhard.errors import InputError
from radhard.models.harmless import Harmful, harmless_program, plain_inputs

__all__ = ["load_exported"]

PROGRAM = "models/model.json"
CONFIGS = {
    "data/weights/": ("data/weights/model_weights_config.json", re.compile(r"weight_\d+")),
    "data/constants/": ("data/constants/model_constants_config.json", re.compile(r"tensor_\d+")),
}
EXAMPLES = "data/sample_inputs/model.pt"


def load_exported(path: str | Path) -> nn.Module:
    """The module in a file that ``torch.export.save`` wrote, in evaluation mode.

    torch's own loader unpickles parts of the archive and evaluates text in it. Here only plain
    tensors and a graph of torch's own operators are taken over, into an archive made anew; whatever
    else a file holds is either left behind (such as stack traces) or refused.

    Raises:
        InputError: no such file, not such an archive, written by another version of torch, exported
            in training mode, or holding anything that could run code.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        archive = _rebuilt(_records(path))
    except Harmful as error:
        raise InputError(
            f"{path} was not loaded because it contains {error}, which could run code; export the "
            "model with torch.export from plain tensors, or, if you trust it, give a "
            "file.py:factory that builds the model"
        ) from None
    except InputError:
        raise
    except Exception as error:  # a broken file can raise any exception
        raise InputError(
            f"{path} is not an archive in the form in which torch.export.save of "
            f"{torch.__version__} writes it: {_line(error)}; export the model again with this "
            "version of torch"
        ) from None
    with _silent():
        try:
            module = torch.export.load(archive).module()
        except Exception as error:  # whatever a broken graph makes torch raise
            raise InputError(f"{path} cannot be loaded: {_line(error)}") from None
    for part in module.modules():  # set directly, because exported programs do not support eval()
        part.training = False
    return module


def _records(path: Path) -> dict[str, bytes]:
    """The archive's records without their common root folder."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        # Readers differ in which of two they take: what is checked might not be what is loaded.
        if len(set(names)) != len(names):
            raise ValueError("it contains two records with the same name")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("records are compressed, which torch never does")
        # Stored and not packed, records cannot be larger than their file: a header that says so
        # lies.
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("records are larger than the file")
        if "version" in names:
            raise ValueError("it has the layout of torch before 2.8")
        return {entry.filename.partition("/")[2]: archive.read(entry) for entry in entries}


def _rebuilt(records: dict[str, bytes]) -> io.BytesIO:
    """A new archive with the contents that have been checked to be harmless."""
    # Imported here, because older versions of torch lack it.
    try:
        from torch.export.pt2_archive import PT2ArchiveWriter
    except ImportError:
        raise InputError(
            f"exported programs need torch 2.8 or newer; this is {torch.__version__}"
        ) from None
    if records.get("archive_format") != b"pt2" or PROGRAM not in records:
        raise ValueError("it does not contain an exported program")
    if any(name.startswith("data/aotinductor/") for name in records):
        raise Harmful("compiled machine code")
    buffer = io.BytesIO()
    with PT2ArchiveWriter(buffer) as writer:
        # Written anew from what was checked, not copied: what the check does not know of cannot be
        # in it.
        program = harmless_program(json.loads(records[PROGRAM]))
        writer.write_bytes(PROGRAM, json.dumps(program).encode())
        for folder, (config, allowed) in CONFIGS.items():
            if f"{folder}model.pt" in records:
                raise Harmful("pickled weights of an older version of torch")
            payloads = json.loads(records[config])
            for name in _payloads(payloads, folder, allowed, records):
                writer.write_bytes(name, records[name])
            writer.write_bytes(config, json.dumps(payloads).encode())
        writer.write_bytes(EXAMPLES, _examples(records[EXAMPLES]))
    buffer.seek(0)
    return buffer


def _payloads(
    config: Any, folder: str, allowed: re.Pattern[str], records: dict[str, bytes]
) -> set[str]:
    """The records that a configuration of plain tensors refers to."""
    if not isinstance(config, dict) or list(config) != ["config"]:
        raise ValueError(f"the list of {folder} cannot be read")
    names = set()
    for tensor, meta in config["config"].items():
        if meta["use_pickle"] is not False or not allowed.fullmatch(meta["path_name"]):
            raise Harmful(f"{tensor} as a pickled object")
        sizes = [size["as_int"] for size in meta["tensor_meta"]["sizes"]]
        name = folder + meta["path_name"]
        # torch fills a tensor without bytes with zeros, of any size.
        if not records[name] and math.prod(sizes) != 0:
            raise ValueError(f"{tensor} has no content")
        names.add(name)
    return names


def _examples(record: bytes) -> bytes:
    """The example inputs, without which torch does not check later inputs, saved anew."""
    if not record:
        return b""
    try:
        # torch's own loader would go on to unpickle everything where this fails.
        examples = torch.load(io.BytesIO(record), weights_only=True)
    except Exception as error:
        raise Harmful(f"example inputs that are not tensors ({_line(error)})") from None
    plain_inputs(examples)
    buffer = io.BytesIO()
    torch.save(examples, buffer)
    return buffer.getvalue()


@contextmanager
def _silent() -> Iterator[None]:
    """Prevent torch from logging a stack trace in addition to the raised error."""
    logger = logging.getLogger("torch.export")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
