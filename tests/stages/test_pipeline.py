"""The seven commands walk from nothing to a report, each reading what the one before wrote."""

import json

import nibabel
import numpy as np
import pandas as pd
import pytest

from xrmri.runs.record import read_record
from xrmri.storage.files import sha256

STAGES = ["oai", "knees", "dataset", "vae", "ldm", "volumes", "evaluation"]
TINY = ["--preset", "tiny", "--device", "cpu", "--no-progress"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_finished_and_its_record_vouches_for_each_file(chain, stage):
    folder = getattr(chain, stage)
    record = read_record(folder)
    assert record.status == "finished"
    assert record.outputs and all(sha256(folder / name) == found for name, found in record.outputs.items())
    told = json.loads((folder / "run.json").read_bytes())
    assert {"command", "command_line", "config", "inputs", "versions", "seconds"} <= set(told)


def test_each_of_ten_participants_becomes_one_pair_with_a_volume_of_six_slices(chain):
    index = pd.read_csv(chain.dataset / "index.csv", dtype=str)
    assert len(index) == index["participant"].nunique() == 10
    test = index[index["split"] == "test"]
    assert len(test) >= 1
    for pair_id in test["pair_id"]:
        volume = nibabel.load(chain.volumes / f"{pair_id}.nii.gz")
        assert volume.shape == (64, 64, 6)
        assert np.allclose(volume.header.get_zooms(), (2.5, 2.5, 1.5 * 49 / 5), atol=1e-4)


def test_a_generated_volume_lies_where_the_acquired_one_does(chain):
    import h5py

    index = pd.read_csv(chain.dataset / "index.csv", dtype={"participant": str})
    pair = index[index["split"] == "test"].iloc[0]
    with h5py.File(chain.dataset / pair["shard"], locking=False) as shard:
        affine, mri = shard["affine"][pair["row"]], shard["mri"]
        columns = mri.shape[-1] - 1
        acquired = [affine @ [k, row, column, 1] for k in (0, 49) for row in (0, 63) for column in (0, columns)]
    drawn = nibabel.load(chain.volumes / f"{pair['pair_id']}.nii.gz")
    corners = [drawn.affine @ [column, row, k, 1] for k in (0, 5) for row in (0, 63) for column in (0, 63)]
    if pair["side"] == "left":  # stored mirrored, drawn as it lies
        corners = [corners[i ^ 1] for i in range(8)]
    assert np.allclose(acquired, corners, atol=1e-3)


def test_the_same_commands_again_have_nothing_to_do(chain, xrmri, monkeypatch):
    monkeypatch.chdir(chain.root)
    for command in (["generate", "dataset", "--model", "ldm", "-o", "volumes"],
                    ["evaluate", "volumes", "dataset", "-o", "evaluation"],
                    ["train-ldm", "dataset", "vae", "-o", "ldm"]):  # fmt: skip
        said = xrmri(*command, *TINY)
        assert (said.code, "already done" in said.err) == (0, True), said
        assert said.out.strip() == command[-1]


def test_other_settings_in_a_finished_folder_are_refused_naming_the_first_difference(chain, xrmri, monkeypatch):
    monkeypatch.chdir(chain.root)
    said = xrmri("train-ldm", "dataset", "vae", "-o", "ldm", *TINY, "--batch-size", "3")
    assert said.code == 2
    assert "batch_size was 4, now 3" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_the_summary_holds_every_metric_beside_its_baselines(chain):
    summary = json.loads((chain.evaluation / "summary.json").read_bytes())
    text = json.dumps(summary)
    for name in ("psnr", "ssim", "rssim", "adjacent_correlation", "psnr_as_in_paper", "generated", "wrong_patient",
                 "mean_volume", "nearest_training", "vae_ceiling", "identification_accuracy"):  # fmt: skip
        assert name in text, name
    volumes = pd.read_csv(chain.evaluation / "volumes.csv")
    assert {"pair_id", "psnr", "ssim"} <= set(volumes.columns)
    assert (chain.evaluation / "report.html").stat().st_size > 10_000


def test_a_dry_run_writes_nothing_and_reports_parameter_counts(chain, xrmri, monkeypatch, tmp_path):
    monkeypatch.chdir(chain.root)
    said = xrmri("train-ldm", "dataset", "vae", "-o", tmp_path / "new", *TINY, "--dry-run", "--json")
    assert said.code == 0
    assert all(count > 1000 for count in said.result["parameters"].values())
    assert not (tmp_path / "new").exists()
