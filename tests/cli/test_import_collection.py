"""Claims of what imports leave behind."""

import gc

import pytest

from radhard.cli.import_collection import imports_uncollected


def test_what_was_imported_is_no_longer_looked_through_and_collection_goes_on():
    before = gc.get_freeze_count()
    try:
        with imports_uncollected():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()


def test_collection_goes_on_after_an_import_that_fails():
    with pytest.raises(ImportError), imports_uncollected():
        raise ImportError
    assert gc.isenabled()


def test_collection_that_was_off_stays_off():
    gc.disable()
    try:
        with imports_uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
