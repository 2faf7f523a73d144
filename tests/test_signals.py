"""However a command ends, its workers end with it, run.json tells, and a person reads one line.

A process is signalled once its workers are there, and looked at until they are gone.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.world import children

TINY = ["phantom", "--preset", "tiny", "--participants", "40", "--workers", "2", "--no-progress"]
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to look at processes in")


def is_worker(pid: int) -> bool:
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def alive(pids: list[int]) -> list[int]:
    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    return [pid for pid in pids if lives(pid)]


def within(limit_s: float, holds) -> bool:
    """Whether something comes to hold before the time is over."""
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def working(tmp_path):
    """A command at work with two workers: the process, and everything that it started."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "xrmri", *TINY, "-o", str(tmp_path / "oai")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    drawn = tmp_path / "oai" / "cache" / "boxes"
    assert within(60, lambda: drawn.is_dir() and any(drawn.iterdir()))  # both are there, and at work
    yield process, children(process.pid)
    process.kill()
    process.wait()


def one_line(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=20)
    assert out == "" and len(err.splitlines()) == 1, err
    return err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_command_and_workers_with_one_line_and_75(working, tmp_path, number):
    process, started = working
    assert len([pid for pid in started if is_worker(pid)]) == 2
    process.send_signal(number)
    assert number.name in one_line(process) and process.returncode == 75
    assert within(5, lambda: not alive(started))
    assert json.loads((tmp_path / "oai" / "run.json").read_text())["status"] == "stopped"


def test_workers_leave_when_their_parent_is_killed(working):
    process, started = working
    process.kill()
    assert within(5, lambda: not alive(started))


def test_a_killed_worker_is_one_line_and_75(working, tmp_path):
    process, started = working
    os.kill(next(pid for pid in started if is_worker(pid)), signal.SIGKILL)
    assert "a worker process was killed" in one_line(process) and process.returncode == 75
    assert json.loads((tmp_path / "oai" / "run.json").read_text())["status"] == "stopped"
