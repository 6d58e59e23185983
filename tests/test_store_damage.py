"""Is damage to a run file noticed, named, and put right?"""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from radhard.cli import main
from radhard.engines.serial import SerialSession
from radhard.errors import InputError
from radhard.results import Results
from radhard.samplers import Exhaustive, Uniform
from radhard.store import DamagedError, Store, repair
from radhard.store.checksums import BLOCK, block_sums, frame_sums, merged
from tests.small import campaign, digest
from tests.store_damage import half_finished, tried


def change(path, statement, *values):
    """Change a run file behind the back of its checksums."""
    with sqlite3.connect(path) as db:
        db.execute(statement, values)
    db.close()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "whole.db"
    campaign(path, sampler=Exhaustive())
    return path


@pytest.fixture
def path(finished, tmp_path):
    return Path(shutil.copy(finished, tmp_path / "run.db"))


def test_no_figure_of_a_damaged_file_is_ever_another_one_without_a_word():
    found = tried(54, seed=1)
    assert not [what for what in found if what[2].isupper()]
    assert sum(count for what, count in found.items() if what[2] == "refused") > 20


@pytest.mark.parametrize(
    "statement",
    [
        'UPDATE trials SET "Outcome().critical" = 1 - "Outcome().critical" WHERE trial = 300',
        "UPDATE trials SET fault = fault + 1 WHERE trial = 300",
        "UPDATE trials SET faults = 2 WHERE trial = 300",
        "UPDATE trials SET \"Accuracy().drop\" = 'text' WHERE trial = 300",
        "UPDATE trials SET \"Accuracy().drop\" = x'00ff' WHERE trial = 300",
        'UPDATE trials SET "Accuracy().drop" = NULL WHERE trial = 300',
        "DELETE FROM trials WHERE trial = 300",
        "UPDATE checksums SET digest = digest + 1 WHERE part = 'trials' AND block = 1",
        "DELETE FROM checksums WHERE part = 'trials' AND block = 1",
        "UPDATE checksums SET rows = rows - 1 WHERE part = 'trials' AND block = 1",
    ],
)
def test_damaged_trials_are_named_with_what_can_be_trusted(path, statement):
    change(path, statement)
    with pytest.raises(DamagedError) as raised:
        Results.open(path)
    said = str(raised.value)
    assert "trials 256-511 of 960 are damaged" in said
    assert f"the other {960 - 256}" in said
    assert "--repair" in said
    with pytest.raises(DamagedError, match="256-511"):
        campaign(path, sampler=Exhaustive())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE manifest SET value = '4' WHERE key = 'seed'",
        "UPDATE manifest SET value = '[1]' WHERE key = 'notes'",
        "DELETE FROM manifest WHERE key = 'inferred'",
        "UPDATE checksums SET digest = 0 WHERE part = 'manifest'",
        'ALTER TABLE trials RENAME COLUMN "Accuracy().drop" TO "Accuracy().drip"',
        "ALTER TABLE trials RENAME TO trails",
        "DROP TABLE checksums",
        "CREATE TABLE more (value)",
    ],
)
def test_a_damaged_description_of_the_run_leaves_nothing_to_trust(path, statement):
    change(path, statement)
    with pytest.raises(DamagedError, match="none of its trials can be trusted"):
        Results.open(path)


def test_only_damaged_trials_are_run_again_and_the_rows_are_as_before(path, finished, monkeypatch):
    change(path, 'UPDATE trials SET "Outcome().critical" = 0.123 WHERE trial IN (300, 959)')
    executed = []
    whole = SerialSession.run

    def watched(session, trials):
        for part in whole(session, trials):
            executed.extend(part.numbers)
            yield part

    monkeypatch.setattr(SerialSession, "run", watched)
    results = campaign(path, sampler=Exhaustive(), repair=True)
    assert sorted(executed) == [*range(256, 512), *range(768, 960)]
    assert digest(path) == digest(finished)
    assert any("256-511, 768-959" in note for note in results.manifest["notes"])
    assert Results.open(path).rate() == Results.open(finished).rate()
    assert (path.parent / "run.db.damaged").is_file()
    assert not repair(path)


@pytest.mark.parametrize("content", [b"\0" * 4096, b"radh" * 2000])
def test_a_file_of_somebody_else_is_never_repaired_away(tmp_path, content):
    path = tmp_path / "mine.txt"
    path.write_bytes(content)
    with pytest.raises(InputError):
        campaign(path, sampler=Exhaustive(), repair=True)
    assert path.read_bytes() == content


def test_where_nothing_can_be_trusted_everything_is_run_again(path, finished):
    change(path, "UPDATE manifest SET value = '4' WHERE key = 'seed'")
    results = campaign(path, sampler=Exhaustive(), repair=True)
    assert digest(path) == digest(finished)
    assert any("all trials were executed again" in note for note in results.manifest["notes"])


def test_repair_of_a_whole_file_changes_nothing(path):
    before = path.read_bytes()
    assert repair(path) == ""
    assert campaign(path, sampler=Exhaustive(), repair=True).complete
    assert path.read_bytes() == before
    assert not repair(path.with_name("none.db"))
    assert [p.name for p in path.parent.iterdir()] == ["run.db"]


def test_commits_that_a_damaged_log_lost_are_noticed_and_run_again(tmp_path, finished):
    path = tmp_path / "run.db"
    half_finished(finished, path)
    assert len(Results.open(path)) == 600
    log = Path(f"{path}-wal")
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    log.write_bytes(damaged)
    with pytest.raises(DamagedError, match="log"):
        Results.open(path)
    with pytest.raises(DamagedError, match="log"):
        campaign(path, sampler=Exhaustive())
    campaign(path, sampler=Exhaustive(), repair=True)
    assert digest(path) == digest(finished)


def test_a_file_without_checksums_is_read_and_continued_and_says_so(path, finished):
    change(path, "DROP TABLE checksums")
    change(path, "DELETE FROM trials WHERE trial > 700")
    change(path, "PRAGMA user_version = 1")
    early = Results.open(path)
    assert len(early) == 701
    assert any("no checksums" in note for note in early.manifest["notes"])
    assert campaign(path, sampler=Exhaustive()).complete
    assert digest(path) == digest(finished)
    notes = Results.open(path).manifest["notes"]
    assert sum("no checksums" in note for note in notes) == 1


def test_sums_of_rows_do_not_depend_on_their_order_or_on_how_they_came():
    chance = np.random.default_rng(0)
    rows = [(n, 3 * n, 1, float(chance.random()), float("nan")) for n in range(3 * BLOCK)]
    shuffled = [rows[n] for n in chance.permutation(len(rows))]
    found: dict[int, tuple[int, int]] = {}
    for at in range(0, len(rows), 100):
        found |= merged(found, block_sums(shuffled[at : at + 100]))
    assert found == block_sums(rows)
    with Store(None, write=True) as store:
        store.begin({}, ["a", "b"])
        store.add(shuffled)
        assert frame_sums(store.frame()) == found


@pytest.mark.parametrize("column", range(1, 5))
def test_any_other_number_is_another_sum(column):
    row = [7, 21, 1, 0.5, -1.5]
    other = list(row)
    other[column] = np.nextafter(row[column], 9) if column > 2 else row[column] + 1
    assert block_sums([tuple(row)]) != block_sums([tuple(other)])
    swapped = [7, 21, 1, -1.5, 0.5]
    assert block_sums([tuple(row)]) != block_sums([tuple(swapped)])


def test_damage_ends_the_command_line_in_one_line_and_a_repair_in_a_run(
    path, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    line = ["run", "lenet5", "--data", "mnist", "--n", "5", "--sampler", "Uniform(30)"]
    line += ["--store", "b.db"]
    assert main(line) == 0
    change("b.db", "UPDATE trials SET faults = 9 WHERE trial = 3")
    for verb in (line, ["report", "b.db"], ["run", "--from", "b.db", "--store", "b.db"]):
        capsys.readouterr()
        assert main(verb) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "trials 0-29 of 30" in said
    assert main([*line, "--repair"]) == 0
    assert main(["report", "b.db"]) == 0
    assert json.loads(json.dumps(Results.open("b.db").manifest["notes"]))[-1].startswith("The run")
    assert repr(Results.open("b.db").sampler) == repr(Uniform(30))
