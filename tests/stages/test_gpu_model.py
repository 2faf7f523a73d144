"""A model in minutes of a GPU, here in seconds of a CPU, where what the script must not need is not installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from xrmri.data.store import open_dataset
from xrmri.facts.folders import TEMPLATE
from xrmri.making.parcel import unpack
from xrmri.models.bundle import load_bundle
from xrmri.stages.gpu_model import run, tiny_plan
from xrmri.storage.files import sha256

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """out/ and out-work/."""
    out = tmp_path_factory.mktemp("gpu") / "out"
    start = [sys.executable, str(ROOT / "tests/making/bare_machine.py"), "--tiny", "--device", "cpu", "-o", str(out)]
    clean = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    said = subprocess.run(start, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return out


def test_it_leaves_a_model_in_parts_and_what_it_found(made):
    assert {file.name for file in made.iterdir()} == {"model.tar.00", "table.json", "table.md"}
    assert max(file.stat().st_size for file in made.iterdir()) <= 15_000_000
    found = json.loads((made / "table.json").read_bytes())
    assert set(found) == {"check", "dataset", "cohort", "vae", "sharper", "ldm", "model", "judged"}
    assert all(one["limit"] is None or one["measured"] <= one["limit"] for one in found["check"]["findings"])
    assert (found["dataset"]["people"], found["dataset"]["knees"], found["cohort"]["knees"]) == (3, 6, 4)
    assert set(found["judged"]) == {"expected volume", "one sample", "seconds"}
    assert found["judged"]["one sample"]["pairs"] == 2
    assert "| expected volume |" in (made / "table.md").read_text(encoding="utf-8")


def test_its_datasets_hold_both_knees_of_each_person_in_one_frame_and_one_split(made):
    folders = [made.with_name("out-work") / name for name in ("dataset", "cohort")]
    data = open_dataset(folders[0])
    assert data.facts.frame == "knee" and data.facts.is_synthetic
    assert len({sha256(folder / TEMPLATE) for folder in folders}) == 1
    assert data.index.groupby("participant")["split"].nunique().tolist() == [1, 1, 1]
    assert sorted(data.index["side"]) == ["left"] * 3 + ["right"] * 3
    assert data.index["radiograph_mm"].between(75, 125).all()
    assert data.covariates(data.pairs()[0])["sex"] in ("female", "male")


def test_the_parts_make_a_model_that_knows_its_frame(made, tmp_path):
    unpack(made, tmp_path / "model")
    model = load_bundle(tmp_path / "model")
    assert model.anchor is not None and model.facts.frame == "knee" and model.facts.is_synthetic
    assert (tmp_path / "model" / "template.nii.gz").is_file()


def test_the_same_command_goes_on_and_draws_and_trains_nothing_again(made, tmp_path):
    work, out = made.with_name("out-work"), tmp_path / "out"
    before = {file: sha256(file) for file in work.glob("*/*.*5") if file.is_file()} | {
        file: sha256(file) for file in work.rglob("*.safetensors") if "in-16-bits" not in file.parts
    }
    found = run(out, work, tiny_plan(), minutes=8, device="cpu")
    assert found["ldm"]["status"] == "already done" and (out / "model.tar.00").is_file()
    assert {file: sha256(file) for file in before} == before and len(before) > 8
