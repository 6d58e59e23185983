"""Are files of other packages found without importing the package?"""

import sys

import pytest

from radhard.datasets.installed import installed_file
from radhard.errors import InputError


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "never_imported_before"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "data" / "file.txt").write_text("content")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def test_a_file_is_found_in_a_package_that_cannot_be_imported(package):
    found = installed_file(package.name, "data/file.txt", install="pip install it")
    assert found == package / "data" / "file.txt"
    assert package.name not in sys.modules


def test_what_is_missing_is_named_with_how_to_get_it(package):
    with pytest.raises(InputError, match=r"no data/other\.txt.*pip install it==1"):
        installed_file(package.name, "data/other.txt", install="pip install it==1")
    with pytest.raises(InputError, match="no_such_package is not installed: pip install it==1"):
        installed_file("no_such_package", "file.txt", install="pip install it==1")
