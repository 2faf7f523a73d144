"""One training on two processes (gloo, torchrun): the slices, losses and weights of one process, within rounding."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.stages.made_dataset import make_dataset
from xrmri.config import Execution, TrainLdm, TrainVae
from xrmri.errors import StoppedEarly
from xrmri.models.bundle import load_bundle
from xrmri.run import read_record
from xrmri.stages import train_ldm, train_vae
from xrmri.training.tracking import read_metrics

ON_CPU = Execution(device="cpu")
SETTINGS = ["--preset", "tiny", "--device", "cpu", "--precision", "fp32", "--max-steps", "12", "--no-progress"]
CONFIG = TrainLdm.load(preset="tiny", precision="fp32", max_steps=12)


def rows(folder):
    return {(row["step"], name): row[name] for row in read_metrics(folder / "metrics.jsonl")
            for name in ("loss", "validation_loss") if name in row}  # fmt: skip


def on_two_processes(*arguments):
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "xrmri"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run([*start, *map(str, arguments)], capture_output=True, text=True, env=environment, check=False)


def test_two_processes_stop_together_and_one_goes_on_as_if_it_had_been_one_all_along(tmp_path):
    make_dataset(tmp_path / "dataset")
    vae = TrainVae.load(preset="tiny", max_steps=1, picture_steps=0)
    train_vae.run(tmp_path / "dataset", tmp_path / "vae", vae, ON_CPU)
    train_ldm.run(tmp_path / "dataset", tmp_path / "vae", tmp_path / "one", CONFIG, ON_CPU)
    out = tmp_path / "two"
    out.mkdir()
    limit = ["--time-limit", "1e-9"]
    said = on_two_processes("train-ldm", tmp_path / "dataset", tmp_path / "vae", "-o", out, *SETTINGS, *limit)
    assert read_record(out)["status"] == "stopped", said.stderr
    assert said.stdout == "" and said.returncode != 0  # the launcher makes 1 of 75: run.json has the truth
    assert [folder.name for folder in (out / "checkpoints").iterdir()] == ["step-0000010"]
    limited = replace(CONFIG, time_limit_minutes=1e-9)
    with pytest.raises(StoppedEarly, match="after step 11 of 12"):  # the limit is one of the run's settings
        train_ldm.run(tmp_path / "dataset", tmp_path / "vae", out, limited, ON_CPU)
    train_ldm.run(tmp_path / "dataset", tmp_path / "vae", out, limited, ON_CPU)
    wanted, found = rows(tmp_path / "one"), rows(out)
    assert list(found) == list(wanted)
    assert found == pytest.approx(wanted, rel=1e-4)
    straight, together = (load_bundle(tmp_path / name).denoiser for name in ("one", "two"))
    for one, other in zip(straight.parameters(), together.parameters(), strict=True):
        assert torch.allclose(one, other, atol=2e-4)
