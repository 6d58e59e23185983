"""Which clock tells how long a part of a campaign takes?"""

import time

import torch

__all__ = ["clock"]


def clock() -> float:
    """Seconds since some moment.

    With one thread and no GPU those of the processor, as other processes would make a pilot of
    seconds look longer, by more than the differences that are measured.
    """
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    return time.process_time() if alone else time.perf_counter()
