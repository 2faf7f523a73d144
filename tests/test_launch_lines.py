"""Every line of README, docs and batch scripts that launches several processes does so as it stands, on a tiny chain.

Folders are put in for their names, and two processes for four; nothing else is changed.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from xrmri.config import TrainLdm, TrainVae
from xrmri.errors import StoppedEarly
from xrmri.runs.folder import begin
from xrmri.runs.record import read_record

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LAUNCHERS = ("accelerate-launch", "torchrun")
TWO = {"accelerate-launch": ["--multi_gpu", "--num_processes", "2"], "torchrun": []}
TINY = ["--preset", "tiny", "--device", "cpu", "--no-progress"]
FAST = {"train-ldm": ["--max-steps", "2"], "train-vae": ["--max-steps", "2"], "generate": []}


def launch_lines() -> list[str]:
    """Commands of several processes, in a block or between backticks, each once."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^ {4}(\S.*)$|`([^`\n]+)`", text, re.MULTILINE)
        found += [line.strip() for pair in blocks for line in pair if line.startswith(LAUNCHERS) and " -m " in line]
    return list(dict.fromkeys(found))


def on_the_path(folder: Path | None = None) -> dict[str, str]:
    own = f"{folder}:" if folder else ""
    path = f"{own}{Path(sys.executable).resolve().parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "ACCELERATE_"))}
    return clean | {"PATH": path, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


MODULES = {"accelerate-launch": "accelerate.commands.launch", "torchrun": "torch.distributed.run"}


def test_the_documents_name_both_launchers():
    assert {line.split()[0] for line in launch_lines()} == set(LAUNCHERS) and len(launch_lines()) >= 3


def adapted(line: str, chain, out: Path) -> list[str]:
    launcher, *words = shlex.split(line)
    command = words[words.index("xrmri") + 1]
    if "--num_processes" not in words:
        words = TWO[launcher] + words
    words = ["2" if words[place - 1] in ("--nproc_per_node", "--num_processes") else word
             for place, word in enumerate(words)]  # fmt: skip
    if words[-1] == "...":
        words[-1:] = ["dataset", "vae", "-o", "ldm"]
    folders = {"dataset": chain.dataset, "vae": chain.vae, "ldm": chain.ldm}
    place = words.index("-o") + 1
    words = [str(out) if at == place else str(folders.get(word.rstrip("/"), word)) for at, word in enumerate(words)]
    program = Path(sys.executable).parent / launcher
    start = [str(program)] if program.exists() else [sys.executable, "-m", MODULES[launcher]]
    return [*start, *words, *TINY, *FAST[command]]


LINES = [pytest.param(line, marks=[pytest.mark.heavy] * (number > 0)) for number, line in enumerate(launch_lines())]


@pytest.mark.parametrize("line", LINES)  # one in every run, and all with `make faults`
def test_a_documented_line_starts_two_processes_that_finish_the_work(line, chain, tmp_path):
    command = adapted(line, chain, tmp_path / "out")
    said = subprocess.run(command, env=on_the_path(), capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    record = read_record(tmp_path / "out")
    assert record.status == "finished"
    assert "2 process(es)" in said.stderr or record.shares == 2


STAND_INS = {
    "srun": 'exec "$@"',
    "scontrol": "echo localhost",
    "xrmri": f'exec {sys.executable} -m xrmri "$@"',
    "sbatch": 'for word in "$@"; do [ -f "$word" ] && break; shift; done\n'
    'for SLURM_ARRAY_TASK_ID in 0 1; do export SLURM_ARRAY_TASK_ID; bash "$@" >&2 || exit; done; echo 7',
}
"""What a one-node Slurm does, without its queue: every task of an array at once, and the job's number."""


@pytest.fixture
def cluster(tmp_path, monkeypatch) -> dict[str, str]:
    """The environment of a job on one node, with stand-ins for Slurm's programs."""
    (tmp_path / "bin").mkdir()
    for name, text in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    job = {"SLURM_JOB_ID": "7", "SLURM_NNODES": "1", "SLURM_JOB_NODELIST": "localhost", "XRMRI_PROCESSES": "2"}
    return on_the_path(tmp_path / "bin") | job


@pytest.mark.heavy
@pytest.mark.parametrize("script", ["train-ldm.sbatch", "train-vae.sbatch"])
def test_a_batch_script_trains_on_two_processes(script, chain, tmp_path, cluster):
    inputs = [chain.dataset] + [chain.vae] * (script == "train-ldm.sbatch")
    command = ["bash", ROOT / "docs" / "slurm" / script, *inputs, tmp_path / "out", *TINY, "--max-steps", "2"]
    said = subprocess.run(command, env=cluster, capture_output=True, text=True, check=False)
    assert said.returncode == 0 and "2 process(es)" in said.stderr, said.stderr
    assert f"{tmp_path / 'out'}: finished (exit code 0, restart 0)" in said.stdout


@pytest.mark.parametrize("script", ["train-ldm.sbatch", "train-vae.sbatch"])
def test_a_batch_script_whose_command_is_refused_leaves_the_queue(script, tmp_path, cluster):
    config = TrainVae if script == "train-vae.sbatch" else TrainLdm
    with pytest.raises(StoppedEarly), begin(tmp_path / "out", config.load(preset="tiny"), {}):
        raise StoppedEarly("as a signal would")  # what an earlier job left: its run.json says stopped
    inputs = [tmp_path / "nothing"] * (1 + (script == "train-ldm.sbatch"))
    command = ["bash", ROOT / "docs" / "slurm" / script, *inputs, tmp_path / "out", *TINY]
    environment = cluster | {"XRMRI_PROCESSES": "1"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "stopped (exit code 2, restart 0)" in said.stdout and said.returncode == 1
    assert "localhost" not in said.stdout  # what the stand-in for `scontrol requeue` says


@pytest.mark.heavy
def test_the_script_that_builds_a_dataset_in_an_array_builds_and_merges_it(chain, tmp_path, cluster):
    script, out = ROOT / "docs" / "slurm" / "build-dataset.sh", tmp_path / "dataset"
    command = ["bash", script, chain.oai, out, "2", "--knees", chain.knees, "--preset", "tiny", "--workers", "1"]
    said = subprocess.run(command, env=cluster, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert read_record(out).status == "finished" and len(list(out.glob("pairs-*.h5"))) == 2
