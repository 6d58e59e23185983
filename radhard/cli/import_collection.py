"""How are modules imported without looking for garbage among them?"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["imports_uncollected"]


@contextmanager
def imports_uncollected() -> Iterator[None]:
    """Import modules within this context without garbage collection, then leave them out of it.

    They stay until the end, and looking through a million objects of torch and others again and
    again takes a seventh of the time of a page.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()
