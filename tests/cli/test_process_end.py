"""Does a process end with its exit code, its output, and what it had registered?"""

import os
import subprocess
import sys

import pytest

_CODE = """
import atexit, sys, threading, time
from radhard.cli.process_end import end_process
class Slow:
    def __del__(self):
        print("taken apart")
kept = Slow()
atexit.register(lambda: print("registered"))
print("written")
{}
end_process(3)
"""
_THREAD = "threading.Thread(target=lambda: (time.sleep(0.2), print('waited'))).start()"


@pytest.mark.parametrize(
    ("before", "printed"),
    [
        ("", ["written", "registered"]),
        (_THREAD, ["written", "waited", "registered", "taken apart"]),
    ],
)
def test_a_process_ends_with_its_code_and_its_output(before, printed):
    code = [sys.executable, "-c", _CODE.format(before)]
    done = subprocess.run(code, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split("\n"), done.stderr) == (3, [*printed, ""], "")


def test_where_its_reader_has_gone_a_process_ends_without_a_traceback():
    code = "import radhard.cli.process_end as p; print('x'); p.end_process(0)"
    reader, writer = os.pipe()
    os.close(reader)
    command, buffered = [sys.executable, "-c", code], {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=buffered)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
