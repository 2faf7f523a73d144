"""Series of other planes, knees of both sides, walk the chain by a table and end where they were acquired."""

import nibabel
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from tests.conftest import TINY
from tests.stages.own_cohort import knee, lay_cohort, oblique, write_enhanced, write_image, write_manifest
from tests.stages.test_own_cohort import lies
from xrmri.data.store import open_dataset
from xrmri.geometry import PLANES, Geometry


@pytest.mark.parametrize("plane", ["sagittal", pytest.param("axial", marks=pytest.mark.heavy)])
def test_a_cohort_of_another_plane_ends_where_it_was_acquired_as_nifti_and_as_dicom(xrmri, tmp_path, plane):
    rows = lay_cohort(tmp_path / "cohort")
    for person, row in enumerate(rows):
        volume = knee(person, oblique(plane))
        row["mri"] = f"mri/{plane}{person}" + ".nii.gz" * (person % 2)
        file = tmp_path / "cohort" / row["mri"]
        if person % 2:
            write_image(file, volume, axes=(2, 0, 1), flips=(1,))
        else:
            write_enhanced(file / "IM_0001", volume)
    write_manifest(tmp_path / "cohort" / "cohort.csv", rows, separator=";")
    dataset, vae, ldm, volumes = (tmp_path / name for name in ("dataset", "vae", "ldm", "volumes"))
    for command in (
        ["build-dataset", "--manifest", tmp_path / "cohort" / "cohort.csv", "--plane", plane, "-o", dataset],
        ["train-vae", dataset, "--max-steps", 1, "-o", vae],
        ["train-ldm", dataset, vae, "--max-steps", 1, "-o", ldm],
        ["generate", dataset, "--model", ldm, "--dicom", "-o", volumes],
        ["evaluate", volumes, dataset, "--quick", "-o", tmp_path / "evaluation"],
    ):
        done = xrmri(*command, *TINY)
        assert done.code == 0, done.err
    data = open_dataset(dataset)
    assert [data.index.at[pair_id, "side"] for pair_id in data.pairs("test")] == ["right", "left"]
    for pair_id in data.pairs("test"):
        drawn = nibabel.load(volumes / f"{pair_id}.nii.gz")
        found = Geometry(affine=drawn.affine[:, [2, 1, 0, 3]], shape=drawn.shape[::-1])
        wanted = lies(data, pair_id).resampled((6, 64, 64))
        assert found.orientation == PLANES[plane]
        assert found.spacing_mm == pytest.approx(wanted.spacing_mm, abs=1e-4)
        assert found.corners_mm == pytest.approx(wanted.corners_mm, abs=1e-4)
        files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(volumes / f"{pair_id}_dicom"))
        series, volume = sitk.ReadImage(files), sitk.ReadImage(str(volumes / f"{pair_id}.nii.gz"), sitk.sitkFloat32)
        there = sitk.Resample(volume, series, sitk.Transform(), sitk.sitkNearestNeighbor, -1)
        assert np.array_equal(sitk.GetArrayFromImage(series), sitk.GetArrayFromImage(there))
    assert pd.read_csv(tmp_path / "evaluation" / "volumes.csv")["psnr"].notna().all()
