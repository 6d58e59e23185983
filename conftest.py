"""How does pytest, which looks for doctests in every module, come by the modules of the package?"""

import importlib
from pathlib import Path

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    """Import a module's package before pytest imports the module.

    The package then has it, and pytest takes it from there. Else pytest makes a module of its own
    and puts it into the package under its name, where many packages have a function of this name:
    `radhard.stats.allocation` would be a module for all tests that follow.
    """
    if not file_path.is_relative_to(parent.config.rootpath):
        return
    folders = file_path.relative_to(parent.config.rootpath).parts[:-1]
    if folders[:1] == ("radhard",) and file_path.suffix == ".py":
        importlib.import_module(".".join(folders))
