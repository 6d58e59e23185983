"""Does a file that cannot be written leave what was there before?"""

import os
from pathlib import Path

import pytest

from radhard.files import check_writable, replaced, write_texts


def test_an_interrupted_writer_leaves_the_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def write_half():
        with replaced(path) as beside:
            beside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_new_file_has_the_usual_rights_and_an_old_one_its_own(tmp_path):
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.write_text("x")
    old.chmod(0o640)
    plain.write_text("x")
    write_texts({old: "1", new: "2"})
    assert (old.read_text(), new.read_text()) == ("1", "2")
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_text("before")
    link.symlink_to(path)
    write_texts({link: "after"})
    assert link.is_symlink()
    assert path.read_text() == "after"


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no file"):
        write_texts({pipe: "x"})
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_of_several_texts_none_is_put_in_place_where_one_cannot_be_written(tmp_path):
    good = tmp_path / "a"
    good.write_text("before")
    with pytest.raises(OSError, match="none"):
        write_texts({good: "after", tmp_path / "none" / "b": "after"})
    assert good.read_text() == "before"


@pytest.mark.parametrize("place", ["folder", "file/a.txt", os.devnull])
def test_places_that_cannot_be_written_are_refused_before_the_work(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"it is|no folder"):
        check_writable(tmp_path / place)


@pytest.mark.parametrize("place", ["/proc/none", "/proc/none/a.txt", "/proc/self/none/b/a.txt"])
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no such file system")
def test_a_file_system_that_takes_no_files_is_named_even_to_root(place):
    with pytest.raises(PermissionError) as raised:
        check_writable(place)
    assert "cannot be written" in str(raised.value.strerror)
    assert "No such file" not in str(raised.value.strerror)


@pytest.mark.parametrize("place", ["n" * 300, f"none/{'n' * 300}/a.txt"])
def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path, place):
    with pytest.raises(OSError, match="too long"):
        check_writable(tmp_path / place)


def test_trying_leaves_nothing(tmp_path):
    check_writable(tmp_path / "a" / "b.txt")
    assert not list(tmp_path.iterdir())
