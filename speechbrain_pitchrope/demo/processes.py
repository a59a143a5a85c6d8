"""A `map` over worker processes that leaves nothing running behind it."""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait

__all__ = ["mapping", "usable_cores"]

# Items handed to a worker at a time.
CHUNK = 4


def usable_cores():
    """Returns the number of cores that this process may use.

    Returns
    -------
    int
        1 or more.

    Example
    -------
    >>> usable_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def mapping(workers):
    """Gives a `map` that works in as many processes, fresh ones.

    Arguments
    ---------
    workers : int
        Number of processes, 1 or more; with 1 the work is done in this process.

    Yields
    ------
    callable
        Like the built-in `map`: results come in the order of the items. Functions and
        items have to be such that pickle takes them.

    Example
    -------
    >>> with mapping(1) as parallel_map:
    ...     list(parallel_map(abs, [-1, -2]))
    [1, 2]
    """
    if workers == 1:
        yield map
        return
    # Forking a process that has threads, as torch starts them, can deadlock.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker)

    def parallel_map(function, items):
        # It is here that the workers start, and they inherit what is ignored.
        with _interruptions_ignored():
            return pool.map(function, items, chunksize=CHUNK)

    try:
        yield parallel_map
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interruptions_ignored():
    """Ignores Ctrl-C for a moment; only the main thread is able to."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _start_worker():
    """Leaves interruptions to the parent process, and ends when that one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not inherited
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
