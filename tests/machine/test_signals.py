"""A signal ends a command wherever it comes: it waits while HDF5 writes, and is repeated where it was swallowed."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.world import all_gone, children
from xrmri.machine.signals import STOPPING, signals_wait
from xrmri.making.parcel import pack

ROOT = Path(__file__).parents[2]
WRITES = """
import signal, sys
from pathlib import Path
import numpy as np
from xrmri.formats import hdf5
from xrmri.errors import Signalled
from xrmri.machine.signals import SignalsEnd

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
from xrmri.machine.signals import SignalsEnd

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
ENDS = """
import errno, signal, sys
from xrmri.runs.ending import exit_code_of
from xrmri.errors import InconsistentError

def program():
    if sys.argv[1].isdecimal():
        signal.raise_signal(int(sys.argv[1]))
    raise {"full": OSError(errno.ENOSPC, "No space left on device", "a"), "bug": OSError("b"),
           "odd": InconsistentError("c\\n\\x1bd")}[sys.argv[1]]

sys.exit(exit_code_of(program))
"""
AT_THE_IMPORT_OF_TORCH = """
import runpy, signal, sys

class AtTorch:
    def find_spec(self, name, *_):
        if name == "torch":
            signal.raise_signal(signal.SIGTERM)

sys.meta_path.insert(0, AtTorch())
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
AGAIN = "run the same command to go on"


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


@pytest.mark.parametrize(
    ("how", "code", "line"),
    [
        (str(int(signal.SIGTERM)), 75, f"stopped by SIGTERM: {AGAIN}"),
        (str(int(signal.SIGINT)), 75, f"stopped by SIGINT: {AGAIN}"),
        ("full", 2, "a: No space left on device"),
        ("odd", 3, "c \\x1bd"),
    ],
)
def test_what_python_runs_as_a_module_ends_as_a_command_does(how, code, line):
    done = run(ENDS, how)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"{line}\n")


def test_a_bug_in_it_keeps_its_traceback():
    done = run(ENDS, "bug")
    assert done.returncode == 1 and done.stderr.startswith("Traceback") and done.stderr.endswith("OSError: b\n")


def test_a_signal_while_libraries_load_ends_bundle_in_its_line(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "README.md").write_text("a model")
    pack(tmp_path / "model", tmp_path, 10**6)
    done = run(AT_THE_IMPORT_OF_TORCH, "xrmri.stages.bundle", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (75, "", f"stopped by SIGTERM: {AGAIN}\n")


@pytest.mark.parametrize(
    ("module", "options", "signs"),
    [
        ("xrmri", ("phantom", "--preset", "tiny", "--participants", "3", "-q"), "cache/boxes/*.json"),
        # By the same function as phantom, so `make faults` alone runs it.
        pytest.param("xrmri.stages.draw_films", ("--people", "5"), "cache/films/*.npz", marks=pytest.mark.heavy),
    ],
)
def test_a_signal_amid_the_drawing_leaves_no_worker_and_the_same_command_goes_on(
    tmp_path, monkeypatch, module, options, signs
):
    out, draw = tmp_path / "out", [sys.executable, "-m", module, *options, "--workers", "2", "-o"]
    for number in STOPPING:
        before = len([*out.glob(signs)])
        with subprocess.Popen([*draw, out], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            while len([*out.glob(signs)]) == before and process.poll() is None:
                time.sleep(0.01)
            workers = children(process.pid)
            process.send_signal(number)
            said = process.communicate()[1]
        assert process.returncode == 75, said
        assert said.removeprefix("xrmri: ") == f"stopped by {number.name}: {AGAIN}\n"
        assert len(workers) >= 4 and all_gone(workers) and not [*out.rglob("*.partial*")]
        assert json.loads((out / "run.json").read_bytes())["status"] == "stopped"
    subprocess.run([*draw, out], check=True, capture_output=True, cwd=ROOT)
    monkeypatch.setattr(sys, "argv", [module, *options, "--workers", "1", "-o", str(tmp_path / "whole")])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__")
    made, whole = (json.loads((tmp_path / name / "run.json").read_bytes())["outputs"] for name in ("out", "whole"))
    assert not ended.value.code and made == whole and len(made) > 4


def said_by(program: str, *arguments: str) -> str:
    """What a program says on stdout; it says nothing on stderr and ends well."""
    done = run(program, *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own, ended."""
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
