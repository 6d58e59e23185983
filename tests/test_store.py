"""Does a run file keep what it was given, whatever happens to the process, the disk, the file?"""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from radhard.errors import InputError
from radhard.store import DamagedError, Store, repair

FIGURES = ["a", 'odd "name"; DROP TABLE trials; --']
numbers = st.floats(allow_nan=False, width=64)


def one_line(raised):
    assert "\n" not in str(raised.value)


@contextlib.contextmanager
def at_work(path):
    """A reader in the middle of reading."""
    db = sqlite3.connect(path)
    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    yield
    db.close()


@pytest.fixture
def path(tmp_path):
    """A run file with three trials."""
    path = tmp_path / "run.db"
    with Store(path, write=True) as store:
        store.begin({"seed": 1}, FIGURES)
        store.add([(n, 10 * n, 1, n / 3, 0.0) for n in range(3)])
    return path


@pytest.fixture
def unprivileged():
    """A folder that this process owns, in which permissions bind, also where tests run as root."""
    folder = Path(tempfile.mkdtemp())
    user = os.geteuid()
    if user == 0:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    yield folder
    if user == 0:
        os.seteuid(0)
    folder.chmod(0o700)
    shutil.rmtree(folder)


class AnyOrder(RuleBasedStateMachine):
    """A store beside a dictionary, through any order of additions, commits, and reopenings."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "run.db")
        self.store = Store(self.path, write=True)
        assert self.store.empty
        self.store.begin({"seed": 1}, FIGURES)
        self.model, self.committed, self.notes = {}, {}, {"seed": 1}

    @rule(chunk=st.dictionaries(st.integers(0, 2**62), st.tuples(numbers, numbers), max_size=5))
    def add(self, chunk):
        fresh = {n: figures for n, figures in chunk.items() if n not in self.model}
        self.store.add([(n, None, 2, *figures) for n, figures in fresh.items()])
        self.model |= fresh

    @rule()
    def commit(self):
        self.store.commit()
        self.committed = dict(self.model)

    @rule(key=st.text(max_size=5), value=st.recursive(st.none() | numbers | st.text(), st.lists))
    def note(self, key, value):
        self.store.note(key, value)
        self.notes[key] = value
        self.committed = dict(self.model)  # a note is written with all that was added before

    @rule()
    def close_and_reopen(self):
        self.store.close()
        self.store = Store(self.path, write=True)
        self.committed = dict(self.model)

    @precondition(lambda self: self.model)
    @rule()
    def die(self):
        """What a process that is killed leaves: nobody commits, nobody closes."""
        self.store._db.rollback()
        self.store._db.close()
        with contextlib.suppress(InputError):
            self.store.close()
        self.store = Store(self.path, write=True)
        self.model = dict(self.committed)

    @invariant()
    def the_writer_sees_everything(self):
        assert self.store.manifest() == self.notes
        assert self.store.done().tolist() == sorted(self.model)
        found = self.store.frame()
        assert list(found.columns) == ["trial", "fault", "faults", *FIGURES]
        assert found["trial"].tolist() == sorted(self.model)
        expected = [self.model[n] for n in sorted(self.model)]
        assert found[FIGURES].to_numpy().tolist() == [list(row) for row in expected]

    @invariant()
    def a_reader_sees_what_is_committed(self):
        with Store(self.path) as reader:
            assert reader.done().tolist() == sorted(self.committed)

    def teardown(self):
        self.store.close()
        self.folder.cleanup()


AnyOrder.TestCase.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)
TestAnyOrder = AnyOrder.TestCase


@given(names=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)))
def test_any_name_of_a_figure_is_only_a_name(names):
    distinct = list({name.lower(): name for name in names}.values())
    distinct = [n for n in distinct if n.lower() not in ("trial", "fault", "faults")]
    with Store(None, write=True) as store:
        store.begin({}, distinct)
        store.add([(0, 0, 1, *range(len(distinct)))])
        assert list(store.frame().columns) == ["trial", "fault", "faults", *distinct]
        assert store.frame().iloc[0, 3:].tolist() == list(range(len(distinct)))


def test_a_lock_is_gone_after_closing_and_nothing_else_is_left(path):
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_reading_leaves_nothing_behind_and_changes_nothing(path):
    before = path.read_bytes()
    with Store(path) as store:
        store.frame()
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_writer_that_adds_nothing_changes_nothing(path):
    before = path.read_bytes()
    with Store(path, write=True) as store:
        store.manifest()
    assert path.read_bytes() == before


def test_reader_that_stays_does_not_keep_the_writer_from_closing(path):
    with Store(path) as reader:
        reader.done()
        with Store(path, write=True) as writer:
            writer.add([(3, 30, 1, 0.5, 0.5)])
            writer.commit()
            assert len(reader.done()) == 4
        assert len(reader.done()) == 4
    with Store(path) as reader:
        assert len(reader.done()) == 4


def test_folders_on_the_way_are_made(tmp_path):
    with Store(tmp_path / "a" / "b" / "run.db", write=True) as store:
        assert store.empty


def test_trials_in_memory_are_read_again_after_more_were_added():
    with Store(None, write=True) as store:
        store.begin({"seed": 1}, FIGURES)
        for n in range(3):
            store.add([(n, 10 * n, 1, n / 3, 0.0)])
            assert store.frame()["fault"].tolist() == [10 * m for m in range(n + 1)]
            assert store.frame()["trial"].tolist() == store.done().tolist()


def test_a_second_writer_is_told_and_the_first_is_unharmed(path):
    with Store(path, write=True) as first:
        with pytest.raises(InputError, match="another process is writing") as raised:
            Store(path, write=True)
        one_line(raised)
        first.add([(3, 30, 1, 0.5, 0.5)])
    with Store(path, write=True) as again:
        assert again.done().tolist() == [0, 1, 2, 3]


def test_a_reader_sees_a_growing_run(path):
    with Store(path, write=True) as writer:
        for n in range(3, 6):
            writer.add([(n, n, 1, 0.0, 0.0)])
            with Store(path) as reader:
                assert len(reader.done()) == n  # what is not committed yet is not there yet
            writer.commit()
            with Store(path) as reader:
                assert len(reader.done()) == n + 1


@pytest.mark.parametrize("write", [False, True])
def test_a_folder_is_no_run_file(tmp_path, write):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="is a folder; name a file") as raised:
        Store(tmp_path / "folder", write=write)
    one_line(raised)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_missing_file_cannot_be_read_and_is_not_made(tmp_path):
    with pytest.raises(InputError, match="there is no run file"):
        Store(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    "content", [b"a text file, and a long one\n" * 500, b"short", b"\0" * 5000]
)
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path, write, content):
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a radhard run file") as raised:
        Store(path, write=write)
    one_line(raised)
    assert "repair" not in str(raised.value)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_run_file_whose_first_words_are_damaged_is_one_and_can_be_repaired(path):
    content = bytearray(path.read_bytes())
    content[3] ^= 1
    path.write_bytes(content)
    for write in (False, True):
        with pytest.raises(DamagedError, match="repair"):
            Store(path, write=write)
    assert "damaged as a whole" in repair(path)
    assert path.with_name(path.name + ".damaged").read_bytes() == content
    assert not path.exists()


@pytest.mark.parametrize("write", [False, True])
def test_a_database_of_somebody_else_is_refused_and_left_as_it_is(tmp_path, write):
    path = tmp_path / "addresses.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE manifest (key, value)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="is not a radhard run file"):
        Store(path, write=write)
    assert path.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no such file system")
def test_where_no_file_can_be_made_nobody_else_is_blamed():
    with pytest.raises(InputError, match="cannot be written") as raised:
        Store("/proc/x.db", write=True)
    assert "another process" not in str(raised.value)


def test_a_file_of_another_layout_is_refused(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(InputError, match="another version of radhard"):
        Store(path, write=True)


def test_an_empty_file_may_become_a_run_file(tmp_path):
    (tmp_path / "run.db").touch()
    with Store(tmp_path / "run.db", write=True) as store:
        assert store.empty


@settings(max_examples=25)
@given(data=st.data(), truncated=st.booleans())
def test_damage_ends_in_an_input_error_or_leaves_the_trials_readable(data, truncated):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.db")
        with Store(path, write=True) as store:
            store.begin({"seed": 1}, FIGURES)
            store.add([(n, n, 1, 0.5, 0.25) for n in range(40)])
        good = bytearray(path.read_bytes())
        if truncated:
            good = good[: data.draw(st.integers(1, len(good) - 1))]
        else:
            for at in data.draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=20)):
                good[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(good)
        for write in (False, True):
            with contextlib.suppress(InputError), Store(path, write=write) as store:
                store.manifest()
                store.done()
                store.frame()


@pytest.mark.parametrize("value", ["{", "[" * 100_000, "nan!", "9" * 10_000, None, b"\xff\xfe"])
def test_a_damaged_manifest_is_told_in_one_line(path, value):
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE manifest")
        db.execute("CREATE TABLE manifest (key, value)")
        db.execute("INSERT INTO manifest VALUES ('seed', ?)", (value,))
    db.close()
    with Store(path) as store, pytest.raises(InputError, match="damaged") as raised:
        store.manifest()
    one_line(raised)


def test_damaged_trial_numbers_are_told_in_one_line(path):
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE trials")
        db.execute("CREATE TABLE trials (trial)")
        db.execute("INSERT INTO trials VALUES ('first')")
    db.close()
    with Store(path) as store, pytest.raises(InputError, match="damaged"):
        store.done()


def test_a_full_disk_is_told_keeps_what_is_there_and_lets_the_run_go_on(path):
    with Store(path, write=True) as store:
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages + 1}")
        store.add([(3, 3, 1, 0.5, 0.5)])
        store.commit()
        with pytest.raises(InputError, match="the disk is full; make room") as raised:
            store.add([(n, n, 1, 0.5, 0.5) for n in range(4, 5000)])
        one_line(raised)
    with Store(path, write=True) as store:
        assert store.done().tolist()[:4] == [0, 1, 2, 3]
        left = set(range(4, 5000)) - set(store.done().tolist())
        store.add([(n, n, 1, 0.5, 0.5) for n in left])
    with Store(path) as store:
        assert store.done().tolist() == list(range(5000))


def test_a_read_only_file_is_told_and_can_still_be_read(unprivileged):
    path = unprivileged / "run.db"
    with Store(path, write=True) as store:
        store.begin({"seed": 1}, FIGURES)
    path.chmod(0o444)
    with pytest.raises(InputError, match="cannot be written") as raised:
        Store(path, write=True)
    one_line(raised)
    with Store(path) as store:
        assert store.manifest() == {"seed": 1}


def test_a_read_only_folder_is_told_and_its_runs_can_still_be_read(unprivileged):
    path = unprivileged / "run.db"
    with Store(path, write=True) as store:
        store.begin({"seed": 1}, FIGURES)
    unprivileged.chmod(0o555)
    for name in ("run.db", "other.db"):
        with pytest.raises(InputError, match="Permission denied; choose another place") as raised:
            Store(unprivileged / name, write=True)
        one_line(raised)
    with Store(path) as store:
        assert store.manifest() == {"seed": 1}


def test_trials_in_a_log_that_cannot_be_read_are_never_overlooked(unprivileged):
    path, copy = unprivileged / "run.db", unprivileged / "copy.db"
    with Store(path, write=True) as store:
        store.begin({"seed": 1}, FIGURES)
        store.add([(0, 0, 1, 0.5, 0.5)])
        store.commit()
        with at_work(path):  # it keeps the log from being taken over into the file
            store.add([(1, 1, 1, 0.5, 0.5)])
            store.commit()
            # As if killed here, and copied by hand.
            shutil.copy(path, copy)
            shutil.copy(f"{path}-wal", f"{copy}-wal")
    unprivileged.chmod(0o555)
    with pytest.raises(InputError, match=r"last trials are in 'copy.db-wal'"):
        Store(copy)
    unprivileged.chmod(0o700)
    with Store(copy) as store:
        assert np.array_equal(store.done(), [0, 1])
