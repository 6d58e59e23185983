"""How are ranges stored in a file?"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.files import replaced
from radhard.json_values import parse_json

__all__ = ["read", "write"]

_FORMAT = "radhard ranges 1"

Arrays = Mapping[str, Mapping[str, npt.NDArray[Any]]]


def write(path: str | Path, plain: Mapping[str, Any], arrays: Arrays) -> None:
    """Write plain values as JSON text, and the arrays of each layer, into one ``.npz``.

    Raises:
        InputError: the file cannot be written.
    """
    header = json.dumps({"format of file": _FORMAT, "layers": list(arrays), **plain})
    # By number, as names of layers may contain dots and what no file name may.
    flat = {
        f"{at}.{name}": array
        for at, named in enumerate(arrays.values())
        for name, array in named.items()
    }
    try:
        with replaced(path) as beside, beside.open("wb") as file:
            np.savez_compressed(file, said=np.array(header), **flat)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror or error}") from error


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, dict[str, npt.NDArray[Any]]]]:
    """The plain values and the arrays that `write` wrote; nothing in the file is executed.

    Raises:
        InputError: no such file, or it is not a file of ranges.
    """
    try:
        # A pickled object could execute code.
        with np.load(Path(path), allow_pickle=False) as file:
            header = parse_json(str(file["said"][()]))
            if not isinstance(header, dict) or header.get("format of file") != _FORMAT:
                raise ValueError("it says that it is something else")
            arrays: dict[str, dict[str, npt.NDArray[Any]]] = {}
            for at, layer in enumerate(header["layers"]):
                names = [name for name in file.files if name.startswith(f"{at}.")]
                arrays[str(layer)] = {name.partition(".")[2]: file[name] for name in names}
            return header, arrays
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{str(path)!r} contains no value ranges ({error}); give a file that ranges.save(...) "
            "wrote"
        ) from error
