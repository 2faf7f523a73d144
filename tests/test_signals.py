"""A signal ends a command wherever it comes: it waits while HDF5 writes, and is repeated where it was swallowed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xrmri.signals import STOPPING, signals_wait

ROOT = Path(__file__).parents[1]
WRITES = """
import signal, sys
from pathlib import Path
import numpy as np
from xrmri.data import hdf5
from xrmri.errors import Signalled
from xrmri.signals import SignalsEnd

written = 0

class Told(hdf5._Disk):
    def write(self, data):
        global written
        written += 1
        if written == int(sys.argv[2]):
            signal.raise_signal(signal.SIGTERM)
        return super().write(data)

hdf5._Disk = Told
try:
    with SignalsEnd(), hdf5.new_h5(Path(sys.argv[1])) as content:
        with hdf5.written():
            data = content.create_dataset("a", (0, 64, 64), "u2", maxshape=(None, 64, 64), chunks=(1, 64, 64))
        for row in range(8):
            with hdf5.written():
                data.resize(row + 1, axis=0)
                data[row] = row
except Signalled as error:
    print(error, end="")
"""
SWALLOWED = """
import signal, sys, time
from xrmri.errors import Signalled
from xrmri.signals import SignalsEnd

class Told:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def destroy():
    Told()

def import_it():
    try:
        signal.raise_signal(signal.SIGINT)
    except:
        pass

try:
    with SignalsEnd():
        locals()[sys.argv[1]]()
        try:
            while True:
                time.sleep(0.01)
        finally:
            time.sleep(2.5)  # closing takes longer than the wait until the wish is uttered again
            print("closed, ", end="")
except Signalled as error:
    print(error, end="")
"""


@pytest.fixture
def handled():
    """Signals as a handler is told of them."""
    told: list[int] = []
    before = {number: signal.signal(number, lambda number, frame: told.append(number)) for number in STOPPING}
    yield told
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_waits_until_the_block_ends_and_comes_once(handled, number):
    with signals_wait():
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert handled == []
    assert handled == [number]
    os.kill(os.getpid(), number)
    assert handled == [number, number]


@pytest.mark.parametrize("write", (1, 6, 8))
def test_a_signal_while_hdf5_writes_ends_the_command_without_a_fault_of_memory(tmp_path, write):
    assert said_by(WRITES, str(tmp_path / "a.h5"), str(write)) == "SIGTERM"


@pytest.mark.parametrize("swallow", ("destroy", "import_it"))
def test_a_signal_that_a_library_swallows_ends_the_command_all_the_same_and_lets_it_close(swallow):
    assert said_by(SWALLOWED, swallow) == "closed, SIGINT"


def said_by(program: str, *arguments: str) -> str:
    """What a program says on stdout; it says nothing on stderr and ends well."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout
