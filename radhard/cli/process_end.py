"""How does the process of a command end?"""

import atexit
import os
import sys
import threading
from typing import NoReturn

__all__ = ["end_process"]


def end_process(code: int) -> NoReturn:
    """End the process with an exit code, without taking its objects apart one by one.

    With torch imported, that takes a tenth of the time of a page, and frees what the system frees
    anyway. Functions registered with `atexit` are called, output is flushed; where threads still
    run, the process ends as usual, which waits for them.
    """
    others = [thread for thread in threading.enumerate() if not thread.daemon]
    if len(others) > 1:
        sys.exit(code)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Its reader has gone: as a process that is ended by SIGPIPE.
            code = code or 141
    os._exit(code)
