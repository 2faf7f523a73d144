"""A script whose commands are copies of one process that has imported what they need: each would take seconds to start.

    python -m tests.reproduction.served SCRIPT ARGUMENT...

runs `sh SCRIPT PYTHON ARGUMENT...`, where PYTHON -m MODULE ... asks for a copy, hands it its streams, folder and
environment, and ends with its exit code. What a command does is the same as by `sh SCRIPT python ...`, which is what
is run where there is a GPU: copies cannot share it, and starts are nothing beside its hours.
"""

import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import forked

IMPORTED = (*forked.IMPORTED, "xrmri.cli.main", "skimage.metrics", "matplotlib.pyplot")
TO_ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""They reach the whole group: commands save and end, while this waits for the script."""
STREAMS, _AT_ONCE = 3, 1 << 16


def main(script: str, arguments: list[str], imported: Sequence[str] = IMPORTED) -> int:
    """The exit code of the script, whose commands need not import some modules."""
    for number in TO_ALL:
        signal.signal(number, lambda *_: None)  # and not ignored: a shell would keep to that
    if shutil.which("nvidia-smi"):
        return subprocess.run(["sh", script, sys.executable, *arguments], check=False).returncode
    os.environ["MPLBACKEND"] = "agg"
    for name in imported:
        __import__(name)
    with TemporaryDirectory(prefix="xrmri-") as folder, socket.socket(socket.AF_UNIX) as asked:
        asked.bind(f"{folder}/asked")
        asked.listen()
        python = Path(folder, "python")
        ask = Path(__file__).with_name("ask.py")
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{ask}" "{folder}/asked" "$@"\n')
        python.chmod(0o755)
        with _script(["sh", script, str(python), *arguments]) as (running, over):
            _serve(asked, over)
            return running.wait()


@contextmanager
def _script(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The script, and what can be read from once it and all that it started have ended."""
    over, held = os.pipe()
    with subprocess.Popen(command, pass_fds=[held]) as running:
        os.close(held)
        yield running, over
    os.close(over)


def _heed() -> None:
    """Signals do again what they do."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)


def _serve(asked: socket.socket, over: int) -> None:
    """Start a copy for each who asks, and tell it how that ended."""
    running: dict[int, tuple[socket.socket, object]] = {}
    while True:
        for ready in wait([asked, over, *running]):
            if ready == over:
                return
            if ready is asked:
                client, _ = asked.accept()
                said, streams, _, _ = socket.recv_fds(client, _AT_ONCE, STREAMS)
                while more := client.recv(_AT_ONCE):
                    said += more
                copy = get_context("fork").Process(target=_command, args=(json.loads(said), streams))
                copy.start()
                for stream in streams:
                    os.close(stream)
                running[copy.sentinel] = client, copy
                continue
            client, copy = running.pop(ready)
            copy.join()
            client.sendall(f"{copy.exitcode}\n".encode())
            client.close()


def _command(given: dict, streams: list[int]) -> None:
    """What `python -m MODULE ARGUMENT...` does."""
    _heed()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - copies are given none
    os.chdir(given["folder"])
    os.environ.clear()
    os.environ |= given["environment"]
    sys.path[0] = given["folder"]
    if (torch := sys.modules.get("torch")) and (threads := os.environ.get("OMP_NUM_THREADS")):
        torch.set_num_threads(int(threads))  # it has read this when it was imported
    _, module, *arguments = given["arguments"]
    sys.argv = [module, *arguments]
    forked.leave_by(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
