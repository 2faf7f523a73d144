"""Drawn knees in the knee's frame, as build-dataset would store them; and a template written without ITK."""

from dataclasses import replace

import numpy as np
import pytest

from xrmri.config import BuildDataset
from xrmri.formats.nifti import read_volume, write_volume
from xrmri.formats.plain_nifti import write_plain_volume
from xrmri.geometry import Geometry
from xrmri.making.cohort import scanned
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.tables import as_read
from xrmri.records import Volume


@pytest.mark.parametrize("plane", ["coronal", "sagittal", "axial"])
def test_itk_reads_what_was_written_without_it_as_it_reads_its_own(tmp_path, plane):
    voxels = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
    geometry = Geometry.centred(plane, voxels.shape, (1.5, 2.5, 2.4))
    volume, files = Volume(voxels=voxels, geometry=geometry, side="right"), [tmp_path / f"{n}.nii.gz" for n in "ab"]
    write_plain_volume(files[0], volume, "a mean knee")
    write_volume(files[1], volume, "a mean knee")
    ours, theirs = map(read_volume, files)
    assert np.array_equal(ours.voxels, voxels) and ours.voxels.dtype == np.float32
    assert np.allclose(ours.geometry.affine, geometry.affine, atol=1e-5)
    assert np.allclose(ours.geometry.affine, theirs.geometry.affine, atol=1e-5)


def test_the_other_knee_of_a_person_looks_right_too_and_has_noise_of_its_own():
    """Both knees are made alike here, so that what differs between them is what the scanner adds."""
    person = draw_participant(40, 0)
    alike = replace(person, right=person.left, left=person.left)
    config = BuildDataset(size=64, first_slice=36, last_slice=40)
    own, other = (scanned(alike, side, 128, config).voxels.astype(np.float64) for side in ("right", "left"))
    again = scanned(alike, "left", 128, config).voxels
    assert own.shape == (4, 64, 64) and np.array_equal(other, again)
    assert np.corrcoef(own.ravel(), other.ravel())[0, 1] > 0.95
    noise = [volume / volume.mean() - (own / own.mean() + other / other.mean()) / 2 for volume in (own, other)]
    assert np.std(noise[0]) > 0.01


def test_what_nobody_read_is_no_grade():
    person = draw_participant(40, 0)
    read, rarely = (as_read(replace(person, rarely_read_missing=few), "left") for few in (False, True))
    assert len(read) == 19 and set(rarely) == {"V00XRKL", "V00XRJSM", "V00XRJSL"}
    assert rarely["V00XRKL"] == read["V00XRKL"] == person.left.grades["XRKL"]
