"""What does a process that is killed while it saves a hardened model leave behind?"""

import os
import shutil
import signal

import pytest

from radhard.errors import InputError
from radhard.hardenings import BoundedReLU, Ranger, load, save
from radhard.manifest import fingerprint
from tests.conformance.hardening_subject import network, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

STEPS = ("rename", "replace", "unlink", "rmdir", "link", "mkdir", "fsync", "chmod")


@pytest.fixture
def folder(tmp_path):
    """A hardened model of which not all is as in the one that replaces it."""
    once = BoundedReLU()(network(), samples())
    save(once, tmp_path / "hard", base="own.py:network")
    return tmp_path / "hard"


def killing(step, allowed):
    """A step on the disk before which the process is killed once no more are allowed."""

    def counted(*args, **kwargs):
        if next(allowed, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*args, **kwargs)

    return counted


def states_after_a_kill(folder, hard):
    """Wait for what is left by a process killed before its first, second, ... step on the disk."""
    for last in range(200):
        child = os.fork()
        if child == 0:  # pragma: no cover
            allowed = iter(range(last))
            for name in STEPS:
                setattr(os, name, killing(getattr(os, name), allowed))
            try:
                save(hard, folder, base="own.py:network")
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        yield
        if not os.WIFSIGNALED(status):
            return
    raise AssertionError("more steps than any save takes")


@pytest.mark.parametrize("others", [False, True])
def test_a_process_killed_at_any_step_leaves_the_old_the_new_or_says_where_it_is(folder, others):
    old = load(folder, model=network())
    hard = Ranger()(network(), samples())
    if others:
        (folder / "notes.txt").write_text("mine")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    known, found = {fingerprint(old): "old", fingerprint(hard): "new"}, []
    for _ in states_after_a_kill(folder, hard):
        try:
            found.append(known[fingerprint(load(folder, model=network()))])
        except InputError as error:
            said = str(error)
            found.append("line" if str(folder / ".earlier") in said else said)
            earlier = load(folder / ".earlier", model=network())
            assert fingerprint(earlier) == fingerprint(old)
        if others:
            assert (folder / "notes.txt").read_text() == "mine"
        shutil.rmtree(folder)
        folder.mkdir()
        for name, content in before.items():
            (folder / name).write_bytes(content)
    assert set(found) == {"old", "new", "line"}
    assert found == sorted(found, key=["old", "line", "new"].index)


def test_a_process_killed_at_any_step_leaves_no_new_folder_or_a_whole_one(tmp_path):
    hard, folder, found = Ranger()(network(), samples()), tmp_path / "hard", []
    for _ in states_after_a_kill(folder, hard):
        found.append(folder.exists())
        if folder.exists():
            assert fingerprint(load(folder, model=network())) == fingerprint(hard)
            shutil.rmtree(folder)
    assert found[0] is False
    assert found[-1] is True
