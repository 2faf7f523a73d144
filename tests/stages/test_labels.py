"""Label maps: learnt from drawn people, written beside the volume, refused where nobody knows."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from tests.conftest import TINY
from tests.faults.models import flip_a_bit
from xrmri.config import Execution, TrainTissues
from xrmri.facts.folders import read_model_facts, write_model_facts
from xrmri.models.bundle import load_bundle
from xrmri.models.tissues import TissueReader, TissueSizes, load_tissue_reader, tissues_of
from xrmri.phantom.tissue import Tissue
from xrmri.stages import train_tissues

ON_CPU = Execution(device="cpu", workers=2)


@pytest.fixture(scope="module")
def labelled(chain, tmp_path_factory):
    """The tiny model, taught to tell tissues apart."""
    ldm = tmp_path_factory.mktemp("labelled") / "ldm"
    shutil.copytree(chain.ldm, ldm)
    config = TrainTissues(people=8, max_steps=60, batch_size=8, validate_steps=60, warmup_steps=5, learning_rate=3e-3)
    assert train_tissues.run(ldm, config, ON_CPU)["status"] == "finished"
    assert train_tissues.run(ldm, config, ON_CPU)["status"] == "already done"
    return ldm


def test_a_model_of_drawn_knees_learns_tissues_and_its_card_says_how_well(labelled):
    facts = read_model_facts(labelled).tissues
    assert facts.codes["femur"] == Tissue.FEMUR and facts.people == 6
    assert facts.dice["air"] > 0.8 and facts.dice["muscle"] > 0.5  # after 60 steps; by chance 0.3 and less
    card = (labelled / "README.md").read_text(encoding="utf-8")
    assert f"| muscle | {facts.dice['muscle']:.2f} |" in card
    assert load_bundle(labelled).tissues is not None


def test_a_bit_that_flipped_since_is_told_by_the_same_command(labelled, tmp_path, capsys, monkeypatch):
    shutil.copytree(labelled, tmp_path / "ldm")
    flip_a_bit(next((tmp_path / "ldm" / "tissues").glob("*.safetensors")))
    monkeypatch.setattr("sys.argv", ["train_tissues", str(tmp_path / "ldm"), "--people", "8"])
    assert train_tissues.main() == 3
    assert "has changed since it was written" in capsys.readouterr().err


def test_a_label_map_lies_on_the_volume_and_holds_the_codes_it_names(labelled, chain, xrmri, tmp_path):
    film = next(iter(sorted(chain.knees.glob("*_left.png"))))
    out = tmp_path / "knee.nii.gz"
    said = xrmri("generate", film, "--side", "left", "--as-is", "--model", labelled, "--labels", "-o", out, *TINY)
    assert said.code == 0, said.err
    volume, labels = (sitk.ReadImage(str(tmp_path / name)) for name in ("knee.nii.gz", "knee_labels.nii.gz"))
    assert labels.GetSize() == volume.GetSize() and labels.GetDirection() == volume.GetDirection()
    assert np.allclose(labels.GetOrigin(), volume.GetOrigin())
    sidecar = json.loads((tmp_path / "knee.json").read_bytes())
    found = set(np.unique(sitk.GetArrayFromImage(labels)).tolist())
    assert found <= set(sidecar["labels"].values()) and len(found) >= 2
    assert sidecar["outputs"]["knee_labels.nii.gz"]
    # The map is of this volume, turned back as the left knee was: read again from the file, the network says the same.
    low, high = sidecar["window"]
    looking_right = sitk.GetArrayFromImage(volume)[:, :, ::-1].astype(np.float32)
    again = tissues_of(load_tissue_reader(labelled), (looking_right - low) / (high - low) * 2 - 1, trained_slices=50)
    assert (again[:, :, ::-1] == sitk.GetArrayFromImage(labels)).mean() > 0.98


def test_labels_of_a_model_that_has_not_learnt_them_are_refused_in_one_line(chain, xrmri, tmp_path):
    film = next(iter(chain.knees.glob("*.png")))
    out = tmp_path / "a.nii.gz"
    said = xrmri("generate", film, "--side", "left", "--model", chain.ldm, "--labels", "-o", out, *TINY)
    assert said.code == 2 and "train_tissues" in said.err and len(said.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_nobody_knows_the_voxels_of_acquired_knees(chain, tmp_path, capsys, monkeypatch):
    shutil.copytree(chain.ldm, tmp_path / "ldm")
    facts = read_model_facts(tmp_path / "ldm")
    write_model_facts(tmp_path / "ldm", replace(facts, sequence="COR_IW_TSE"))
    monkeypatch.setattr("sys.argv", ["train_tissues", str(tmp_path / "ldm")])
    assert train_tissues.main() != 0
    assert "nobody knows" in capsys.readouterr().err


@pytest.mark.parametrize("count", [2, 7, 21])
def test_a_map_has_a_code_for_each_voxel_whatever_the_number_of_slices_and_pixels(count):
    reader = TissueReader(TissueSizes(tissues=5, widths=(8, 16))).eval()
    volume = np.random.default_rng(0).uniform(-1, 1, (count, 30, 34)).astype(np.float32)
    labels = tissues_of(reader, volume, trained_slices=7)
    assert labels.shape == volume.shape and labels.dtype == np.uint8 and labels.max() < 5
