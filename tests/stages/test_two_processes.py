"""One training on two processes (gloo): the slices, losses and weights of one process, within rounding.

With the moments of AdamW shared out it is the same training, bit for bit.
"""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.forked import on_one_of_several, on_two_processes, work_on_two_processes
from tests.stages.made_dataset import make_dataset
from tests.stages.test_shards import SLURM, has_slurm
from xrmri.config import Execution, TrainLdm, TrainVae
from xrmri.errors import StoppedEarly
from xrmri.models.bundle import load_bundle
from xrmri.runs.folder import begin
from xrmri.runs.record import read_record
from xrmri.stages import train_ldm, train_vae
from xrmri.training.checkpoint import latest_checkpoint
from xrmri.training.tracking import read_metrics

ON_CPU = Execution(device="cpu")
SETTINGS = ["--preset", "tiny", "--device", "cpu", "--precision", "fp32", "--max-steps", "12", "--no-progress"]
CONFIG = TrainLdm.load(preset="tiny", precision="fp32", max_steps=12)


def rows(folder):
    return {(row["step"], name): row[name] for row in read_metrics(folder / "metrics.jsonl")
            for name in ("loss", "validation_loss") if name in row}  # fmt: skip


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """A folder with a dataset and an autoencoder."""
    root = tmp_path_factory.mktemp("given")
    make_dataset(root / "dataset")
    vae = TrainVae.load(preset="tiny", max_steps=1, picture_steps=0)
    train_vae.run(root / "dataset", root / "vae", vae, ON_CPU)
    return root


def one_process(given, out, config, execution=ON_CPU):
    train_ldm.run(given / "dataset", given / "vae", out, config, execution=execution)


def two_processes(given, out, *options):
    return on_two_processes("train-ldm", given / "dataset", given / "vae", "-o", out, *SETTINGS, *options)


def state(folder):
    """Step, weights, average and moments of the newest checkpoint, in one flat dict."""
    found = latest_checkpoint(folder)
    moments = {(place, name): value for place, kept in found.optimiser["state"].items() for name, value in kept.items()}
    assert {name for _, name in moments} == {"step", "exp_avg", "exp_avg_sq"}
    average = {f"average {name}": value for name, value in found.average.items()}
    return {"step": torch.tensor(found.step)} | found.weights | average | moments


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def test_two_processes_stop_together_and_one_goes_on_as_if_it_had_been_one_all_along(given, tmp_path):
    one_process(given, tmp_path / "one", CONFIG)
    out = tmp_path / "two"
    out.mkdir()
    said = two_processes(given, out, "--time-limit", "1e-9")
    assert read_record(out).status == "stopped", said.stderr
    assert said.stdout == "" and said.returncode == 75
    assert [folder.name for folder in (out / "checkpoints").iterdir()] == ["step-0000010"]
    limited = replace(CONFIG, time_limit_minutes=1e-9)
    with pytest.raises(StoppedEarly, match="after step 11 of 12"):  # the limit is one of the run's settings
        one_process(given, out, limited)
    one_process(given, out, limited)
    wanted, found = rows(tmp_path / "one"), rows(out)
    assert list(found) == list(wanted)
    assert found == pytest.approx(wanted, rel=1e-4)
    straight, together = (load_bundle(tmp_path / name).denoiser for name in ("one", "two"))
    for one, other in zip(straight.parameters(), together.parameters(), strict=True):
        assert torch.allclose(one, other, atol=2e-4)


def test_a_sharded_optimiser_gives_the_same_bits(given, tmp_path):
    two_processes(given, tmp_path / "whole")
    sharded, share = stopped_while_sharded(given, tmp_path)
    two_processes(given, sharded, *share, "--time-limit", "1e-9")
    assert same(state(sharded), state(tmp_path / "whole")) and rows(sharded) == rows(tmp_path / "whole")


def stopped_while_sharded(given, tmp_path):
    """A training that shared its moments out and was stopped after ten steps, and its options."""
    (tmp_path / "shard.toml").write_text("shard_optimiser = true")
    share = ["--config", tmp_path / "shard.toml"]
    two_processes(given, tmp_path / "sharded", *share, "--time-limit", "1e-9")
    assert read_record(tmp_path / "sharded").status == "stopped" and latest_checkpoint(tmp_path / "sharded").step == 10
    return tmp_path / "sharded", share


@pytest.mark.heavy  # the checkpoint is that of one process, which the test above compares in all its parts
def test_anybody_goes_on_with_a_sharded_checkpoint_and_it_with_anybodys(given, tmp_path):
    whole, early = tmp_path / "whole", tmp_path / "early"
    two_processes(given, whole)
    alone, share = stopped_while_sharded(given, tmp_path)
    limited = replace(CONFIG, time_limit_minutes=1e-9)
    with pytest.raises(StoppedEarly, match="after step 11 of 12"):
        one_process(given, alone, limited)
    one_process(given, alone, limited)

    stop = replace(ON_CPU, progress=lambda name, step, *_: (early / "STOP").touch() if name == "train-ldm" else None)
    with pytest.raises(StoppedEarly, match="after step 1 of 12"):
        one_process(given, early, CONFIG, stop)
    two_processes(given, early, *share)
    for mixed in (alone, early):
        assert rows(mixed) == pytest.approx(rows(whole), rel=1e-4)
        found, wanted = state(mixed), state(whole)
        assert found.keys() == wanted.keys()
        assert all(torch.allclose(value, wanted[name], atol=2e-4) for name, value in found.items())


def test_what_the_first_process_refuses_is_said_once(given, tmp_path):
    with pytest.raises(StoppedEarly), begin(tmp_path / "out", CONFIG, {"dataset": "another"}):
        raise StoppedEarly("as a signal would")
    said = two_processes(given, tmp_path / "out")
    assert said.returncode == 2 and said.stdout == ""
    assert len(said.stderr.splitlines()) == 1 and "(input dataset has changed)" in said.stderr


def _die_as_second(arguments: list[str]) -> None:
    """The command, whose second process goes without a word at its first step."""
    if os.environ["RANK"] == "1":
        torch.optim.AdamW.step = lambda *_, **__: os._exit(9)
    on_one_of_several(arguments)


def test_a_process_that_goes_is_told_in_one_line_by_the_other(given, tmp_path):
    command = ["train-ldm", given / "dataset", given / "vae", "-o", tmp_path / "out", *SETTINGS]
    said = work_on_two_processes(_die_as_second, [str(word) for word in command])
    told = [line for line in said.stderr.splitlines() if line.startswith("xrmri:")]
    assert said.returncode == 2 and "Traceback" not in said.stderr
    assert told == ["xrmri: another process of this training has ended, and says why; the same command goes on"]
    assert read_record(tmp_path / "out").status == "failed"


@pytest.mark.slurm
@pytest.mark.skipif(not has_slurm(), reason="no Slurm answers on this machine")
def test_a_job_that_is_signalled_and_requeues_itself_gives_the_bits_of_one_that_is_not(given, tmp_path):
    longer = ["--max-steps", "400"]
    two_processes(given, tmp_path / "straight", *longer)
    out, log = tmp_path / "requeued", tmp_path / "job.log"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "XRMRI_PROCESSES": "2"}
    submit = ["sbatch", "--parsable", "--gres=none", "--cpus-per-task=1", "--time=9", f"--output={log}"]
    command = [*submit, SLURM / "train-ldm.sbatch", given / "dataset", given / "vae", out, *SETTINGS, *longer]
    said = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    job = said.stdout.strip()

    def waits_or_runs() -> bool:
        """Whether the job is in the queue; a requeued one would wait two minutes there."""
        subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=False, capture_output=True)
        return bool(subprocess.run(["squeue", "-h", "-j", job], check=False, capture_output=True).stdout)

    deadline = time.monotonic() + 300
    while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    subprocess.run(["scancel", "--batch", "--signal=USR1", job], check=True)
    while waits_or_runs() and time.monotonic() < deadline:
        time.sleep(1)
    told = log.read_text(encoding="utf-8")
    assert f"{out}: stopped (exit code 1, restart 0)" in told and f"{out}: finished" in told
    assert same(state(out), state(tmp_path / "straight")) and rows(out) == rows(tmp_path / "straight")
