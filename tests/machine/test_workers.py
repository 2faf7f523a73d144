"""Workers whose start is disturbed: by a signal, or as the process they are copied from has no place for its socket."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
from xrmri.machine.parallel import in_order
if __name__ == "__main__":
    print(*in_order(abs, [-1, 2, -3], 2))
"""

SLOW = """
import time
time.sleep(1.5)
def work(number):
    time.sleep(9)
"""
SIGNALLED = """
import os, signal, sys, threading, time
from multiprocessing.forkserver import _forkserver
from tests.faults.world import children
from xrmri.errors import Signalled
from xrmri.machine.parallel import in_order
from xrmri.machine.signals import SignalsEnd

def main():
    from slow import work
    another_that_is_told = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    another_that_is_told.start()
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with SignalsEnd():
            list(in_order(work, range(3), 2))
    except Signalled as error:
        print(error)
    time.sleep(0.5)
    print(len(children(_forkserver._forkserver_pid)))

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("letters", [1, 200])
def test_workers_start_whatever_the_length_of_the_name_of_the_temporary_folder(tmp_path, letters):
    place = tmp_path / ("a" * letters)
    place.mkdir()
    (tmp_path / "program.py").write_text(PROGRAM)
    told = os.environ | {"TMPDIR": str(place)}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")], env=told, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1 2 3\n"), done.stderr


def test_a_signal_that_comes_while_workers_start_leaves_none_behind_and_nothing_else_is_said(tmp_path):
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "program.py").write_text(SIGNALLED)
    program = [sys.executable, str(tmp_path / "program.py")]
    found = os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"}  # where workers begin, slow.py is looked for there alone
    done = subprocess.run(program, env=found, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "SIGINT\n0\n", "")
