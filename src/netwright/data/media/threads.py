"""Work on many small things in threads: decoders of pictures and sounds leave Python's lock alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 16
TOGETHER = 32  # items that a thread takes at once


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The function's results, in the items' order.

    Arguments:
        function: has no state that threads could mix up.
        items: what it is called with.

    Example:
        >>> in_threads(len, ["a", "bc"])
        [1, 2]
    """
    parts = [items[start : start + TOGETHER] for start in range(0, len(items), TOGETHER)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(cores, THREADS, len(parts))
    if threads <= 1:
        return [function(item) for item in items]
    pool = ThreadPoolExecutor(threads)
    try:
        done = list(pool.map(lambda part: [function(item) for item in part], parts))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C need not wait for the rest
    return [result for part in done for result in part]
