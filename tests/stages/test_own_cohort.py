"""A cohort by a person's own table walks the whole chain, whatever its files are, and ends where it was acquired."""

import json

import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import TINY
from tests.stages.own_cohort import (
    brightness,
    knee,
    lay_cohort,
    oblique,
    write_dicom,
    write_enhanced,
    write_image,
    write_joint,
    write_manifest,
)
from tests.test_cli import one_line
from xrmri.data.store import open_dataset
from xrmri.data.volume_file import read_volume_file
from xrmri.errors import UnusableError
from xrmri.facts.folders import read_dataset_facts, read_model_facts
from xrmri.geometry import PLANES, Geometry

KEPT = range(4, 19)
"""Of 24 slices, 16 to 78 % of the way from the first to the last."""


def built(xrmri, root, rows, *options, name="dataset", **table):
    """The dataset of a table, and what the command said."""
    write_manifest(root / "cohort.csv", rows, **table)
    out = root.parent / name
    said = xrmri("build-dataset", "--manifest", root / "cohort.csv", "-o", out, *TINY, *options)
    return (open_dataset(out) if said.code == 0 else None), said


def lies(dataset, pair_id):
    """Where the voxels of a pair lie, a left knee turned back."""
    stored = dataset.geometry(pair_id)
    return stored.flipped(stored.across) if dataset.index.at[pair_id, "side"] == "left" else stored


def rejected(root, name="dataset"):
    """series -> reason."""
    table = pd.read_csv(root.parent / name / "rejected.csv")
    return dict(zip(table["series"], table["reason"], strict=True))


@pytest.fixture
def root(tmp_path):
    """The folder of a cohort."""
    return tmp_path / "cohort"


def test_every_kind_of_file_walks_the_chain_and_ends_where_it_was_acquired(xrmri, root, tmp_path):
    data, said = built(xrmri, root, lay_cohort(root))
    assert said.code == 0, said.err
    facts = read_dataset_facts(data.folder)
    assert facts.slices == len(KEPT) and facts.plane == "coronal" and facts.sequence == "unknown / COR T1 TSE"
    assert facts.extent_mm == pytest.approx((3.8 * 14, 96, 96), abs=1e-4)
    assert not facts.is_synthetic and data.pairs("train") == ["P0_00m_right", "P1_00m_left", "P2_00m_right"]
    assert data.pairs("val") == ["P3_00m_left"] and data.pairs("test") == ["P4_00m_right", "P5_00m_left"]
    for person, pair_id in enumerate(data.pairs()):
        assert data.grades(pair_id)["V00XRKL"] == person % 5
        assert data.covariates(pair_id) == {"age": 50.0 + person, "sex": ("female", "male")[person % 2], "bmi": 27.5}
        stored, wanted = data.geometry(pair_id), oblique().cropped(0, KEPT[0], KEPT[-1] + 1)
        assert lies(data, pair_id).orientation == PLANES["coronal"]
        assert lies(data, pair_id).extent_mm == pytest.approx((3.8 * 14, 96, 96), abs=1e-4)
        assert lies(data, pair_id).centre_mm == pytest.approx(wanted.centre_mm, abs=1e-4)
        for index in [(0, 20, 20), (14, 40, 50), (7, 10, 33)]:
            assert data.volume(pair_id)[index] == pytest.approx(brightness(stored.at(index), person), abs=2)

    vae, ldm, volumes = (tmp_path / name for name in ("vae", "ldm", "volumes"))
    for command in (
        ["build-dataset", "--verify", data.folder],
        ["train-vae", data.folder, "--max-steps", 2, "-o", vae],
        ["train-ldm", data.folder, vae, "--max-steps", 2, "-o", ldm],
        ["generate", data.folder, "--model", ldm, "-o", volumes],
        ["generate", root / "films" / "0.png", "--side", "left", "--model", ldm, "-o", tmp_path / "knee.nii.gz"],
        ["evaluate", volumes, data.folder, "-o", tmp_path / "evaluation"],
    ):
        done = xrmri(*command, *TINY)
        assert done.code == 0, done.err
    assert read_model_facts(ldm).sequence == facts.sequence
    for pair_id in data.pairs("test"):
        drawn = nibabel.load(volumes / f"{pair_id}.nii.gz")
        found = Geometry(affine=drawn.affine[:, [2, 1, 0, 3]], shape=drawn.shape[::-1])
        wanted = lies(data, pair_id).resampled((6, 64, 64))
        assert found.spacing_mm == pytest.approx(wanted.spacing_mm, abs=1e-4)
        assert found.corners_mm == pytest.approx(wanted.corners_mm, abs=1e-4)
    alone = nibabel.load(tmp_path / "knee.nii.gz")
    assert alone.header.get_zooms() == pytest.approx((1.5, 1.5, 3.8 * 14 / 5), abs=1e-4)
    assert pd.read_csv(tmp_path / "evaluation" / "volumes.csv")["psnr"].notna().all()


def test_a_bare_array_is_the_same_knee_as_a_nifti_once_its_owner_says_how_it_lies(xrmri, root):
    rows = lay_cohort(root)[:2]
    for row in rows:
        row.update(side="right", slice_mm="", row_mm="", column_mm="", axes="")
    write_image(root / "mri" / "0.nii.gz", knee(0, Geometry.centred("coronal", (24, 48, 40), (3.8, 2.0, 2.5))))
    whole = knee(0, Geometry.centred("coronal", (24, 48, 40), (3.8, 2.0, 2.5)))
    turned = np.flip(np.transpose(whole.voxels, (2, 0, 1)), 2)  # left, anterior, superior
    np.save(root / "mri" / "1.npy", turned.astype(np.float32))
    rows[1].update(mri="mri/1.npy", slice_mm="3,8", row_mm="2", column_mm="2,5", axes="LAS")
    data, said = built(xrmri, root, rows, separator=";")
    assert said.code == 0, said.err
    assert np.array_equal(data.volume("P0_00m_right"), data.volume("P1_00m_right"))
    assert data.geometry("P1_00m_right").affine == pytest.approx(data.geometry("P0_00m_right").affine, abs=1e-4)


def test_a_file_with_all_slices_is_the_same_knee_in_whatever_order_they_stand(xrmri, root):
    rows = lay_cohort(root)[:3]
    for row, mri in zip(rows, ("mri/0.nii.gz", "mri/one", "mri/two.dcm"), strict=True):
        row.update(mri=mri, side="right")
    write_enhanced(root / "mri" / "one" / "IM_0001", knee(0))
    write_enhanced(root / "mri" / "two.dcm", knee(0))
    data, said = built(xrmri, root, rows)
    assert said.code == 0, said.err
    assert data.facts.slices == len(KEPT)
    for pair_id in ("P1_00m_right", "P2_00m_right"):
        assert np.array_equal(data.volume(pair_id), data.volume("P0_00m_right"))
        assert data.geometry(pair_id).affine == pytest.approx(data.geometry("P0_00m_right").affine, abs=1e-4)


def test_intensities_that_no_dataset_holds_are_stretched_and_others_kept(xrmri, root):
    rows = lay_cohort(root)[:3]
    volume = knee(0)
    for number, voxels in enumerate((volume.voxels, volume.voxels / np.float32(4000) - 1, volume.voxels - 1300.0)):
        changed = type(volume)(voxels=voxels.astype(np.float32), geometry=volume.geometry, side="unknown")
        write_image(root / "mri" / f"{number}.nii.gz", changed)
        rows[number].update(mri=f"mri/{number}.nii.gz", side="right")
    data, said = built(xrmri, root, rows)
    assert said.code == 0, said.err
    inside = np.s_[:, :, 8:-8]  # the field of view is not square, and has black margins
    plain, small, negative = (data.volume(f"P{number}_00m_right")[inside].astype(float) for number in range(3))
    assert plain.max() < 2000 and 20_000 < small.max() <= 32767 and 20_000 < negative.max() <= 32767
    for other in (small, negative):
        assert np.corrcoef(plain.ravel(), other.ravel())[0, 1] > 0.9999


@pytest.mark.parametrize(
    ("window", "kept"), [("all", range(24)), ("2:20", range(2, 20)), ("0-0.5", range(13)), ("0.16-0.78", KEPT)]
)
def test_the_slice_window_may_be_all_numbers_or_shares_of_the_way(xrmri, root, window, kept):
    data, said = built(xrmri, root, lay_cohort(root)[:1], "--slice-window", window)
    assert said.code == 0, said.err
    wanted = oblique().cropped(0, kept[0], kept[-1] + 1)
    found = data.geometry("P0_00m_right")
    assert found.shape == (len(kept), 64, 64) and found.extent_mm[0] == pytest.approx(3.8 * (len(kept) - 1), abs=1e-4)
    assert found.centre_mm == pytest.approx(wanted.centre_mm, abs=1e-4)


def test_series_with_other_numbers_of_slices_get_as_many_as_most_have_and_stay_in_their_place(xrmri, root):
    rows = lay_cohort(root)[:3]
    thick = oblique(shape=(17, 48, 40), spacing_mm=(5.0, 2.0, 2.0))
    write_image(root / "mri" / "2.mha", knee(2, thick))
    data, said = built(xrmri, root, rows, "--slice-window", "all", "--sequence", "T1")
    assert said.code == 0, said.err
    assert data.facts.slices == 24 and data.facts.sequence == "T1"
    stored = data.geometry("P2_00m_right")
    assert stored.extent_mm[0] == pytest.approx(5 * 16, abs=1e-4)
    assert stored.spacing_mm[0] == pytest.approx(80 / 23, abs=1e-4)
    for index in [(0, 30, 30), (11, 20, 40), (23, 35, 25)]:
        assert data.volume("P2_00m_right")[index] == pytest.approx(brightness(stored.at(index), 2), abs=2)


@pytest.mark.parametrize("plane", ["sagittal", "axial"])
def test_another_plane_is_kept_as_it_is_and_never_resliced(xrmri, root, plane):
    rows = lay_cohort(root)[:2]
    rows[1]["side"] = "left"
    for number in range(2):
        write_image(root / "mri" / f"{number}.nii.gz", knee(number, oblique(plane)), axes=(2, 0, 1), flips=(1,))
    data, said = built(xrmri, root, rows, "--plane", plane)
    assert said.code == 0, said.err
    assert {lies(data, pair_id).orientation for pair_id in data.pairs()} == {PLANES[plane]}
    for number, pair_id in enumerate(data.pairs()):
        index = (7, 22, 41)
        seen = brightness(data.geometry(pair_id).at(index), number)
        assert data.volume(pair_id)[index] == pytest.approx(seen, abs=2)
    _, said = built(xrmri, root, rows, name="again")
    assert said.code == 4 and "other plane" in one_line(said, 4)
    assert f"{plane}, not coronal" in " ".join(rejected(root, "again").values())


def test_slices_thinner_than_their_square_pixels_are_wide_are_of_the_plane_that_was_asked_for(tmp_path):
    write_image(tmp_path / "thin.nii.gz", knee(0, oblique("coronal", (60, 20, 22), (0.5, 0.8, 0.8))), axes=(2, 0, 1))
    read = read_volume_file(tmp_path / "thin.nii.gz", "left", "coronal")
    assert read.geometry.shape == (60, 20, 22)
    assert read.geometry.spacing_mm == pytest.approx((0.5, 0.8, 0.8), abs=1e-4)
    write_image(tmp_path / "oblong.nii.gz", knee(0, oblique("coronal", (20, 20, 22), (0.5, 0.5, 0.8))))
    with pytest.raises(UnusableError, match="other plane: sagittal, not coronal: its slices lie 0.80 mm apart"):
        read_volume_file(tmp_path / "oblong.nii.gz", "left", "coronal")


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8-sig", ";"), ("utf-16", "\t"), ("cp1252", ";"), ("utf-8", "|"), ("utf-8", ",")],
)
def test_a_table_is_read_in_whatever_encoding_and_with_whatever_separator_it_was_saved(
    xrmri, root, encoding, separator
):
    (row,) = lay_cohort(root)[:1]
    (root / "films" / "0.png").rename(root / "films" / "Füße 0.png")
    row.update(radiograph="films\\Füße 0.png", bmi="31,5", age="60.5", visit="after surgery")
    data, said = built(xrmri, root, [row], encoding=encoding, separator=separator)
    assert said.code == 0, said.err
    (pair_id,) = data.pairs()
    assert pair_id == "P0_after surgery_right"
    assert data.covariates(pair_id) == {"age": 60.5, "sex": "female", "bmi": 31.5}
    assert data.grades(pair_id)["V00XRKL"] == 0 and data.grades(pair_id)["V00XRJSM"] is None


def test_a_row_that_cannot_be_used_is_told_by_its_line_and_stops_nobody(xrmri, root):
    good, *_ = rows = lay_cohort(root)
    (root / "empty").mkdir()
    write_image(root / "mri" / "sagittal.nii.gz", knee(0, oblique("sagittal")))
    write_dicom(root / "mri" / "sagittal", knee(0, oblique("sagittal")))
    write_dicom(root / "two" / "a", knee(0), "COR T1", 2)
    write_dicom(root / "two" / "b", knee(0), "COR PD", 3)
    (root / "mri" / "broken.nii.gz").write_bytes(b"nothing of the kind")
    (root / "mri" / "flat.npy").write_bytes(b"nothing of the kind")
    for pixels in (1, 2):
        write_joint(root / "films" / f"more{pixels}.png", 30 + pixels)
    odd = {
        8: ({"side": "both"}, "side: 'both' is neither left nor right"),
        9: ({"mri": "mri/none.nii.gz"}, "missing file: there is no MRI"),
        10: ({"radiograph": "films/none.png"}, "missing file: there is no radiograph"),
        11: ({"mri": "empty"}, "no DICOM: empty holds no DICOM file"),
        12: ({"mri": "mri/0.nii.gz"}, "repeated MRI: line 2 has this MRI for another knee"),
        13: ({"participant": "P1", "side": "left"}, "repeated knee: line 3 has this participant, visit and side"),
        14: ({"radiograph": "films/1.png"}, "repeated radiograph: line 3 has it for another participant"),
        15: ({"participant": "../P9"}, "name: '../P9_00m_left' cannot name a file"),
        16: ({"participant": ""}, "cells: nothing stands in participant"),
        17: ({"mri": "mri/sagittal.nii.gz"}, "other plane: sagittal, not coronal: its slices lie 3.80 mm apart"),
        18: ({"mri": "two"}, "several series: two has COR T1 (24), COR PD (24): name one by --series"),
        19: ({"split": "holdout"}, "split: 'holdout' is none of train, val, test"),
        20: ({"crop": "10 20 5 40"}, "crop: '10 20 5 40' is neither joint nor x0 y0 x1 y1"),
        21: ({"kl": "P"}, "prosthesis"),
        22: ({"mri": "mri/broken.nii.gz"}, "unreadable volume"),
        23: ({"mri": "mri/flat.npy"}, "no spacing: flat.npy tells none: fill in slice_mm, row_mm and column_mm"),
    }
    for line, (changed, _) in odd.items():
        fresh = {"participant": f"Q{line}", "side": "left", "radiograph": "films/more1.png", "mri": f"mri/{line}.nii"}
        write_image(root / "mri" / f"{line}.nii", knee(line))
        write_joint(root / "films" / f"{line}.png", line)
        rows.append(good | fresh | {"radiograph": f"films/{line}.png"} | changed)
    rows.append(good | {"participant": "R", "radiograph": "films/more2.png", "mri": "mri/sagittal"})
    data, said = built(xrmri, root, rows, "--max-rejected", 0.9)
    assert said.code == 0, said.err
    assert len(data) == 6
    reasons = rejected(root)
    for line, (_, reason) in odd.items():
        assert reasons[f"cohort.csv line {line}"].startswith(reason), line
    assert reasons["mri/sagittal"].startswith("other plane: sagittal")
    assert reasons["films/more2.png"].startswith("radiograph not needed") and len(reasons) == len(odd) + 2
    assert "Traceback" not in said.err


def test_a_table_that_is_wrong_as_a_whole_is_one_line(xrmri, root):
    rows = lay_cohort(root)
    table = root / "cohort.csv"

    def refusal(code, *options):
        return one_line(xrmri("build-dataset", "--manifest", table, "-o", root.parent / "d", *TINY, *options), code)

    write_manifest(table, [{name: cell for name, cell in row.items() if name != "mri"} for row in rows])
    assert "no column mri, but participant, visit, side, radiograph" in refusal(2)
    write_manifest(table, [*rows, rows[0] | {"visit": "12m", "mri": "mri/9.nii", "split": "test"}])
    assert "participant P0 is train in line 2 and test in line 8: give one split" in refusal(3)
    write_manifest(table, [row | {"split": "", "participant": ""} for row in rows])
    assert "6 of 6 MRI series rejected, most for 'cells'" in refusal(4)
    table.write_text("participant,side,radiograph,mri\n")
    assert "has no rows" in refusal(2)
    table.write_text("")
    assert "is empty: --manifest-template writes one" in refusal(2)
    table.write_bytes(b"\0\1\2" * 100)
    assert "is not a text file" in refusal(2)
    assert "--slice-window '0.9-0.1' is no window" in refusal(2, "--slice-window", "0.9-0.1")
    assert "either the root of an OAI release, or" in one_line(xrmri("build-dataset", "-o", root.parent / "d"))
    assert not (root.parent / "d" / "dataset.json").exists()


def test_one_of_several_series_in_a_folder_is_chosen_by_its_description(xrmri, root):
    rows = lay_cohort(root)[3:4]
    write_dicom(root / "mri" / "three" / "beside", knee(5), "SAG PD FS", 4)
    data, said = built(xrmri, root, rows, "--series", "cor.*t1")
    assert said.code == 0 and data.facts.sequence == "COR T1 TSE"
    _, said = built(xrmri, root, rows, "--series", "dess", name="none")
    assert said.code == 4
    (reason,) = rejected(root, "none").values()
    assert reason == ("no such series: none in three is described as 'dess'; it has COR T1 TSE (24), SAG PD FS (24)")


def test_a_box_on_a_film_and_the_width_of_its_pixels_make_the_crop(xrmri, root):
    rows = [row | {"pixel_mm": "0.5"} for row in lay_cohort(root)[:2]]
    film = np.zeros((400, 300), np.uint8)
    film[100:230, 85:215] = np.arange(130)[:, None] + 50
    film[:5, :5] = 255
    Image.fromarray(film).save(root / "films" / "0.png")
    rows[0]["crop"] = "100 115 200 215"  # the box is enlarged by 1.3, as that of the detector
    data, said = built(xrmri, root, rows)
    assert said.code == 0, said.err
    assert data.radiograph_mm("P0_00m_right") == pytest.approx(65, abs=0.01)
    assert data.radiograph_mm("P1_00m_left") == pytest.approx(48, abs=0.01)
    crop = data.radiograph("P0_00m_right").astype(float)
    assert (np.diff(crop[2:-2].mean(axis=1)) > 0).all() and crop[0].max() < 2000


def test_a_volume_that_this_program_drew_stays_synthetic_in_a_table(xrmri, root, chain):
    rows = lay_cohort(root)[:1]
    drawn = next(chain.volumes.glob("*_right.nii.gz"))
    rows[0]["mri"] = str(drawn)
    data, said = built(xrmri, root, rows, "--slice-window", "all")
    assert said.code == 0, said.err
    assert data.facts.is_synthetic


def test_shards_of_a_table_built_one_by_one_are_the_dataset_built_at_once(xrmri, root, tmp_path):
    rows = lay_cohort(root)
    whole, _ = built(xrmri, root, rows, "--shards", 2)
    for shard in ("0/2", "1/2"):
        said = xrmri("build-dataset", "--manifest", root / "cohort.csv", "--shard", shard, "-o", tmp_path / "s", *TINY)
        assert said.code == 0, said.err
    assert xrmri("build-dataset", "--merge", tmp_path / "s").code == 0
    ours, theirs = (json.loads((folder / "dataset.json").read_bytes()) for folder in (tmp_path / "s", whole.folder))
    assert ours == theirs
    again = xrmri("build-dataset", "--manifest", root / "cohort.csv", "-o", whole.folder, "--shards", 2, *TINY)
    assert again.code == 0 and again.out.strip() == str(whole.folder)


def test_the_template_says_of_each_column_what_goes_there_and_is_read_as_a_table_without_rows(xrmri, tmp_path):
    file = tmp_path / "cohort.csv"
    assert xrmri("build-dataset", "--manifest-template", file).out.strip() == str(file)
    *remarks, names = file.read_text(encoding="utf-8").splitlines()
    assert [remark.split(":")[0].removeprefix("# ") for remark in remarks] == names.split(",")
    assert {"participant", "side", "radiograph", "mri", "V00XRKL", "age"} <= set(names.split(","))
    assert "has no rows" in one_line(xrmri("build-dataset", "--manifest", file, "-o", tmp_path / "dataset"))
    assert "exists" in one_line(xrmri("build-dataset", "--manifest-template", file))


def test_a_model_of_one_contrast_is_not_used_for_another_in_silence(xrmri, root, chain, tmp_path):
    data, said = built(xrmri, root, lay_cohort(root), "--slice-window", "0:24", "--sequence", "T1 TSE")
    assert said.code == 0 and data.facts.sequence == "T1 TSE"
    drawn = xrmri("generate", data.folder, "--model", chain.ldm, "-o", tmp_path / "volumes", *TINY)
    assert drawn.code == 0 and f"{data.folder} holds T1 TSE, the model 'ldm' draws FLASH" in drawn.err
    assert f"{data.folder} holds volumes of 87 x 96 x 96 mm (deep, high, wide), the model 'ldm' learnt " in drawn.err
    sidecar = json.loads((tmp_path / "volumes" / "P4_00m_right.json").read_bytes())
    assert sidecar["sequence"] == "FLASH"
    scored = xrmri("evaluate", tmp_path / "volumes", data.folder, "-o", tmp_path / "evaluation", *TINY)
    assert scored.code == 0 and f"the volumes are FLASH, as their model was trained, and {data.folder}" in scored.err
    trained = xrmri("train-ldm", data.folder, chain.vae, "--max-steps", 1, "-o", tmp_path / "ldm", *TINY)
    assert trained.code == 0 and f"{chain.vae} knows FLASH, {data.folder} holds T1 TSE" in trained.err
    twin = xrmri("evaluate", tmp_path / "volumes", data.folder, "--twin", chain.dataset, "-o", tmp_path / "e", *TINY)
    assert f"{chain.dataset} has sequence FLASH, {data.folder} T1 TSE: build both alike" in twin.err.splitlines()[-1]
    assert twin.code == 3
