"""Work beside this process ends with it, however that ends, and is told where it was not finished."""

import os
import subprocess
import sys
import time
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest

from tests.faults.world import all_gone
from xrmri.errors import Signalled, StoppedEarly
from xrmri.machine.parallel import beside

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys, time
from functools import partial
from multiprocessing import active_children
from xrmri.machine.parallel import beside

if __name__ == "__main__":
    with beside(partial(time.sleep, 600)):
        print(active_children()[0].pid, flush=True)
        time.sleep(float(sys.argv[1]))
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_done_beside_is_done_when_the_block_ends(tmp_path):
    with beside(partial(os.mkdir, tmp_path / "a")):
        pass
    assert (tmp_path / "a").is_dir()


def test_an_error_here_ends_it_and_an_error_there_is_told(tmp_path):
    with pytest.raises(Signalled), beside(partial(time.sleep, 600)):
        raise Signalled("SIGTERM")
    assert not active_children()
    with pytest.raises(StoppedEarly, match="run the same command again"), beside(partial(os.mkdir, tmp_path)):
        pass


def test_it_does_not_outlive_a_killed_parent(tmp_path):
    (tmp_path / "program.py").write_text(KILLED)
    command = [sys.executable, str(tmp_path / "program.py"), "2"]
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == -9 and all_gone([int(ended.stdout)])
