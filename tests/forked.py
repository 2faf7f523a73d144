"""Processes that begin as copies of one which has imported the libraries, so that tests do not wait for each to do so.

`on_two_processes` stands for `torchrun --nproc_per_node 2 -m xrmri`; that launchers do start it, `test_launch_lines`
shows.
"""

import os
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any, NoReturn

IMPORTED = ("xrmri.stages.train_ldm", "xrmri.stages.train_vae", "xrmri.stages.generate", "xrmri.stages.build_dataset",
            "xrmri.stages.evaluate", "xrmri.stages.detect_knee", "xrmri.stages.phantom", "xrmri.models.bundle",
            "xrmri.making.cohort", "xrmri.making.films")  # fmt: skip


def processes_for(_: object = None) -> ForkServerContext:
    """In place of `parallel._processes_for`: everything is imported, whoever asks first."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", *IMPORTED])
    return context


def on_two_processes(*arguments: object) -> CompletedProcess[str]:
    """`xrmri ARGUMENTS` on two processes that train or draw together."""
    return work_on_two_processes(on_one_of_several, [str(argument) for argument in arguments])


def work_on_two_processes(work: Callable[[Any], None], given: object) -> CompletedProcess[str]:
    """A function of a module on two processes that find each other as those of a launcher do.

    Its return code is the first that is not 0, what it says is what both say.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        ranks = [processes_for().Process(target=_ranked, args=(rank, port, folder, work, given)) for rank in (0, 1)]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
        out, err = ("".join(Path(folder, f"{kind}-{rank}").read_text("utf-8") for rank in (0, 1)) for kind in "12")
    return CompletedProcess(given, next((rank.exitcode for rank in ranks if rank.exitcode), 0), out, err)


def in_a_copy(arguments: list[str], folder: Path, limit_s: float) -> tuple[int | None, str]:
    """`xrmri ARGUMENTS` in a folder: its exit code, None where it took longer, and what it says on stderr."""
    with NamedTemporaryFile("r", encoding="utf-8", errors="replace") as said:
        process = processes_for().Process(target=_alone, args=(arguments, str(folder), said.name))
        process.start()
        process.join(limit_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            return None, ""
        return process.exitcode, said.read()


def _alone(arguments: list[str], folder: str, said: str) -> None:
    """What it does; one thread each, as the others have cores of their own."""
    import torch

    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND), 2)
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    leave_by(lambda: on_one_of_several(arguments))


def leave_by(command: Callable[[], object]) -> NoReturn:
    """Do what a command does, and end as Python does.

    A process of multiprocessing would first join the workers of a command that failed, who wait for it.
    """
    code: object = 0
    try:
        command()
    except SystemExit as ended:
        code = ended.code
        if code is not None and not isinstance(code, int):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _ranked(rank: int, port: int, folder: str, work: Callable[[object], None], given: object) -> None:
    """What one of them does."""
    for stream in (1, 2):
        said = os.open(f"{folder}/{stream}-{rank}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, stream)
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()} | {"MASTER_ADDR": "127.0.0.1"}
    work(given)


def on_one_of_several(arguments: list[str]) -> None:
    """The command, on the process that this one is."""
    from xrmri.cli.main import main

    sys.argv = ["xrmri", *arguments]
    main()
