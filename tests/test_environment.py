"""The program in odd surroundings: streams that are closed, no locks, no room, what Jupyter leaves behind."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stages.made_dataset import make_dataset
from xrmri.errors import InputError
from xrmri.machine import parallel

ROOT = Path(__file__).parents[1]
DRY_RUN = f"{sys.executable} -m xrmri phantom --participants 1 --matrix 32 -o Größe --dry-run"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess:
    told = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(["bash", "-c", line], capture_output=True, encoding="utf-8", env=told, check=False)


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    told = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    return subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=told, check=False)


@pytest.mark.parametrize(
    ("streams", "out"),
    [(">&-", ""), ("2>&-", "stand in Größe.\n"), ("0>&- >&- 2>&-", ""), ("| true; exit ${PIPESTATUS[0]}", "")],
)
def test_streams_that_are_closed_end_no_command(streams, out):
    said = shell(f"{DRY_RUN} {streams}")
    assert (said.returncode, said.stderr) == (0, "") and out in said.stdout


def test_a_stream_that_knows_few_letters_gets_the_others_by_their_numbers():
    said = shell(DRY_RUN, PYTHONIOENCODING="ascii")
    assert said.returncode == 0 and "stand in Gr\\xf6\\xdfe" in said.stdout


def test_a_backend_that_jupyter_leaves_in_the_environment_is_not_taken():
    code = """
import sys
from xrmri.cli.main import main
sys.argv = ["xrmri", "--version"]
try:
    main()
except SystemExit:
    import xrmri.report.figures
"""
    said = python(code, MPLBACKEND="module://nowhere.backend_inline")
    assert said.returncode == 0, said.stderr


def test_no_room_for_the_queues_of_workers_is_one_true_line(monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", full)
    with pytest.raises(InputError, match=r"cannot be started \(No space left on device\): make room in /dev/shm"):
        list(parallel.in_order(abs, [1], 2))


NO_LOCKS = "#include <errno.h>\nint flock(int file, int operation) { errno = ENOLCK; return -1; }\n"


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler to make a file system without locks with")
def test_a_file_system_without_locks_is_written_and_read(tmp_path):
    (tmp_path / "no_locks.c").write_text(NO_LOCKS)
    library = tmp_path / "no_locks.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "no_locks.c"], check=True)
    code = f"""
import fcntl, sys
from pathlib import Path
from tests.stages.made_dataset import make_dataset
from xrmri.data.store import open_dataset
try:
    fcntl.flock(sys.stderr, fcntl.LOCK_SH)
except OSError:
    folder = Path({str(tmp_path)!r}) / "dataset"
    make_dataset(folder)
    dataset = open_dataset(folder)
    print(dataset.volume(dataset.pairs()[0]).shape)
"""
    said = python(code, LD_PRELOAD=str(library))
    assert said.returncode == 0 and said.stdout.startswith("("), said.stderr


def test_trouble_of_the_system_is_not_called_damage(tmp_path, monkeypatch):
    from xrmri.data.store import open_dataset
    from xrmri.formats import hdf5

    make_dataset(tmp_path)
    dataset = open_dataset(tmp_path)

    def gone(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Can't read data")

    monkeypatch.setattr(hdf5.h5py, "File", gone)
    with pytest.raises(Exception, match=r"cannot be read now \(Input/output error\): run the same command") as told:
        dataset.volume(dataset.pairs()[0])
    assert "damaged" not in str(told.value) and "--force" not in str(told.value)


TOO_SMALL = """
import resource, sys
from pathlib import Path
import numpy as np
import torch
from safetensors.torch import save_file
from xrmri.formats.hdf5 import new_h5
from xrmri.formats.nifti import write_volume

from xrmri.geometry import Geometry
from xrmri.records import Volume
from xrmri.storage.files import complete_or_absent

folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
noise = np.random.default_rng(0).integers(0, 30000, (20, 64, 64)).astype(np.int16)

def h5(file):
    with new_h5(file) as content:
        array = content.create_dataset("a", (0, 64, 64), "<i2", maxshape=(None, 64, 64), chunks=(1, 64, 64))
        for row, pixels in enumerate(noise):
            array.resize(row + 1, axis=0)
            array[row] = pixels

volume = Volume(voxels=noise, geometry=Geometry(affine=np.eye(4), shape=noise.shape), side="right")
ways = {
    "a.h5": h5,
    "a.safetensors": lambda file: save_file({"a": torch.zeros(10**6)}, file),
    "a.npy": lambda file: np.save(file, noise),
    "a.nii.gz": None,
    "a.nii": None,
}
for name, write in ways.items():
    try:
        if write is None:
            write_volume(folder / name, volume, "synthetic")
        else:
            with complete_or_absent(folder / name) as partial:
                write(partial)
    except OSError as error:
        print(name, error.errno, error.filename == str(folder / name))
print("left", sorted(file.name for file in folder.iterdir()))
"""


def test_a_file_that_there_is_no_room_for_is_an_error_with_its_name_and_leaves_nothing(tmp_path):
    told = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", TOO_SMALL, tmp_path]
    said = subprocess.run(command, capture_output=True, encoding="utf-8", env=told, check=False)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["a.h5", "a.safetensors", "a.npy", "a.nii.gz", "a.nii", "left"]
    codes = (str(errno.ENOSPC), str(errno.EFBIG))
    assert all(line.split()[1] in codes and line.endswith("True") for line in lines[:-1])
    assert lines[-1] == "left []"
