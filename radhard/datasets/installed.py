"""Where are the data files of another package?"""

from importlib.util import find_spec
from pathlib import Path

from radhard.errors import InputError

__all__ = ["installed_file"]


def installed_file(package: str, path: str, *, install: str) -> Path:
    """A file in an installed package, found without importing the package.

    So a package is of use also where it was installed without all that it asks for.

    Args:
        package: the name that one would import.
        path: the file, below the package's folder.
        install: what the user can type to get it.

    Raises:
        InputError: the package is not installed, or has no such file.

    >>> installed_file("numpy", "__init__.py", install="pip install numpy").name
    '__init__.py'
    """
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise InputError(f"the package {package} is not installed: {install}")
    for folder in spec.submodule_search_locations:
        if (Path(folder) / path).is_file():
            return Path(folder) / path
    raise InputError(
        f"the package {package} that is installed has no {path}; this version has it: {install}"
    )
