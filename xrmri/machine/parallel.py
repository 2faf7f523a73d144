"""The same work on many items in several processes: results in order, memory for a few items, one thread each.

Processes that know nothing of one another each take a shard of the items, named I/N.
"""

import atexit
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.forkserver import _forkserver, ensure_running
from threading import Thread
from typing import Any, TypeVar

from xrmri.errors import InconsistentError, InputError, StoppedEarly
from xrmri.machine.memory import keep_memory
from xrmri.machine.signals import STOPPING, signals_wait

T = TypeVar("T")
R = TypeVar("R")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# What copies begin from is waited for at the end, or the time that they take would count as nobody's.
atexit.register(_forkserver._stop)  # type: ignore[attr-defined]


def worker_count(wanted: int) -> int:
    """Processes to use: as wanted, or for 0 one for each core that this process, or this Slurm task, may use."""
    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if not wanted and allotted.isdecimal():
        return int(allotted)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return wanted or usable


def parse_shard(text: str) -> tuple[int, int]:
    """--shard I/N as numbers; InputError where it is not one."""
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not match or int(match[1]) >= int(match[2]):
        raise InputError(f"--shard must be I/N with I from 0 to N - 1, such as 0/4, not {text!r}")
    return int(match[1]), int(match[2])


def array_task(environment: Mapping[str, str], begun: int | None) -> tuple[int, int] | None:
    """The share of this task of a Slurm array, and how many shares there are; None outside of an array.

    Tasks are numbered from where the array begins, except when it is a part of one: a resubmission of some tasks, which
    keep the numbers they had in an array from 0.

    Args:
        environment: with SLURM_ARRAY_TASK_ID, _COUNT and _MIN.
        begun: how many shares the work was begun in, where it was.

    Raises:
        InconsistentError: a task that an array of its size does not have.
    """
    task = environment.get("SLURM_ARRAY_TASK_ID", "")
    if not task.isdecimal():
        return None
    tasks = int(environment.get("SLURM_ARRAY_TASK_COUNT") or 1)
    whole = begun or tasks
    number = int(task) - (int(environment.get("SLURM_ARRAY_TASK_MIN") or 0) if tasks == whole else 0)
    if not 0 <= number < whole:
        raise InconsistentError(f"task {task} has no share of a work begun in {whole}: number the array 0-{whole - 1}")
    return number, whole


def in_order(work: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """work(item) for each item, in the order of the items.

    However this ends, the processes end with it: on a signal or an error at once, whatever they are at.

    Args:
        work: a function of a module, so that a new process can import it.
        items: what to work on; taken as results are fetched, so there may be any number.
        workers: as in `worker_count`. One thread each, so that the number of workers never changes a result.

    Raises:
        InputError: no process can be started.
        StoppedEarly: somebody, or the system for want of memory, killed one.
    """
    count = worker_count(workers)
    remaining = iter(items)
    others = set(active_children())
    done = False
    with _single_threads(), _executor(count, work) as pool:
        try:
            with _signals_held():  # processes inherit it: a signal to all of a job is the first one's to obey
                waiting: deque[Future[R]] = deque(pool.submit(work, item) for item in islice(remaining, count + 1))
            while waiting:
                result = waiting.popleft().result()
                # Before the result is used: nobody waits for work while it is.
                waiting.extend(pool.submit(work, item) for item in islice(remaining, 1))
                yield result
            done = True
        except BrokenProcessPool as error:
            advice = "run the same command again to go on, with fewer --workers where memory is short"
            raise StoppedEarly(f"a worker process was killed: {advice}") from error
        finally:
            if not done:
                for worker in set(active_children()) - others:
                    worker.kill()
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do some work in another process meanwhile, and wait for it; an error here, or a signal, ends it too.

    Args:
        work: what a new process can import.

    Raises:
        StoppedEarly: that process has not finished its work.
    """
    other = _processes_for(work).Process(target=_work_beside, args=(work,))
    with _signals_held():  # as in `in_order`
        other.start()
    try:
        yield
    except BaseException:
        other.kill()
        raise
    finally:
        other.join()
    if other.exitcode:
        raise StoppedEarly("a process beside this one was stopped: run the same command again to go on")


def _work_beside(work: Callable[[], object]) -> None:
    """What that process does."""
    _begin_worker()
    work()


def _executor(count: int, work: Callable[[Any], object]) -> ProcessPoolExecutor:
    """Processes to come, that share nothing; InputError where the system has no room for their queues."""
    try:
        return ProcessPoolExecutor(count, _processes_for(work), _begin_worker)
    except OSError as error:
        advice = "make room in /dev/shm, where processes talk to each other"
        raise InputError(f"worker processes cannot be started ({error.strerror}): {advice}") from error


def _processes_for(work: Callable[..., object]) -> ForkServerContext | SpawnContext:
    """Processes that begin as copies of one which has imported the work's module, and done nothing else.

    Importing takes seconds, and would be done by each. So it is where that one has no place for its socket: a folder
    for temporary files that is read-only, full, or has a name of more than some 80 letters.
    """
    while isinstance(work, partial):
        work = work.func
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", work.__module__])
    try:
        with _signals_held():
            ensure_running()
    except OSError:
        return get_context("spawn")
    return context


def _begin_worker() -> None:
    """Leave signals to the first process, and end when it does; keep memory from item to item."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    Thread(target=_end_with_parent, daemon=True).start()
    keep_memory()


def _end_with_parent() -> None:
    """Wait until the process that started this one is gone, killed perhaps, and end."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block ends, in what is started in it too.

    That they are blocked is what new processes inherit. It is not enough here: another thread is told of them, and then
    this one leaves amid a start, with a process that nobody knows of.
    """
    with signals_wait():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _single_threads() -> Iterator[None]:
    """Let new processes compute with one thread each; numerical libraries read this when they are loaded."""
    before: dict[str, Any] = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
