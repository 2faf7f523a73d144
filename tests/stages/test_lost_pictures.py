"""Pictures and rows of a training that are gone, or in whose place something else lies: told, never passed over."""

import json
import os
from functools import partial

import pytest

from tests.stages.made_dataset import make_dataset
from xrmri.config import Execution, TrainVae
from xrmri.stages import train_vae

MADE = {"max_steps": 4, "picture_steps": 2, "log_steps": 1}


@pytest.fixture
def command(xrmri, tmp_path):
    """`xrmri train-vae` with pictures of steps 2 and 4 and a checkpoint of step 4, finished; called, the same again."""
    config = tmp_path / "config.toml"
    config.write_text("[train-vae]\n" + "".join(f"{name} = {value}\n" for name, value in MADE.items()))
    make_dataset(tmp_path / "dataset")
    trained = train_vae.run(
        tmp_path / "dataset", tmp_path / "vae", TrainVae.load(preset="tiny", **MADE), Execution(device="cpu")
    )
    assert trained["status"] == "finished"
    words = ["--preset", "tiny", "--config", config, "--device", "cpu", "--no-progress", "--json"]
    return partial(xrmri, "train-vae", tmp_path / "dataset", "-o", tmp_path / "vae", *words)


def test_a_picture_that_is_gone_is_drawn_again_or_told_and_what_lies_in_its_place_is_refused(command, tmp_path):
    vae = tmp_path / "vae"
    early, late = (vae / f"samples/step-000000{step}.png" for step in (2, 4))
    drawn = late.read_bytes()
    assert command().result["status"] == "already done"
    late.unlink()
    again = command()
    assert (again.code, again.result["status"]) == (0, "finished") and "lost" not in again.err
    assert late.read_bytes() == drawn

    early.unlink()
    again = command()
    assert again.code == 0 and not early.exists()
    assert [line for line in again.err.splitlines() if "lost" in line] == [
        f"warning: {early} is lost: the network of that step is no longer kept, only training anew draws it (--force)"
    ]
    assert command().result["status"] == "already done"

    for put in (os.mkfifo, os.mkdir):
        late.unlink()
        put(late)
        refused = command()
        assert refused.code == 2 and json.loads(refused.err)["error"] == (
            f"{late} is no file any more: move away what lies there, and run the same command again"
        )
        os.rmdir(late) if late.is_dir() else late.unlink()
        assert command().code == 0 and late.read_bytes() == drawn


def test_rows_of_metrics_that_are_gone_are_told(command, tmp_path):
    (tmp_path / "vae/metrics.jsonl").unlink()
    told = command()
    assert told.code == 0
    assert f"{tmp_path}/vae/metrics.jsonl is gone: what it told of the first 4 steps is lost" in told.err
