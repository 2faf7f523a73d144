"""A folder of knees is used as detect-knee wrote it, and what it says must be possible."""

import csv
import shutil

import h5py
import numpy as np
import pydicom
import pytest

from tests.data.test_knees import knee
from tests.faults.hdf5 import REPLACEMENTS, replace_array
from xrmri.config import DetectKnee
from xrmri.data.knees import open_knees, write_knees
from xrmri.errors import InconsistentError, InputError, XrmriError
from xrmri.runs.folder import begin


@pytest.fixture
def folder(tmp_path):
    """Two knees of one film, finished."""
    with begin(tmp_path / "knees", DetectKnee(), {}):
        write_knees(tmp_path / "knees", [knee("right"), knee("left", spacing=None)])
    return tmp_path / "knees"


def edit(folder, **changes):
    with (folder / "knees.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows[0] |= changes
    with (folder / "knees.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_knees_as_they_were_written_are_found(folder):
    assert open_knees(folder).find("ab" * 32, "left").box.side == "left"
    assert open_knees(folder).find("ab" * 32, "right").spacing_mm == (0.4, 0.4)


@pytest.mark.parametrize("told_mm", [1e3, 99, 1e-6])
def test_a_film_whose_pixels_are_nobodys_spoils_no_folder(chain, xrmri, tmp_path, told_mm):
    film = pydicom.dcmread(next(chain.oai.glob("00m/0.E.1/*/*/*/001")))
    del film.ImagerPixelSpacing
    film.PixelSpacing = [told_mm, told_mm]
    film.save_as(tmp_path / "film.dcm")
    said = xrmri("detect-knee", tmp_path / "film.dcm", "-o", tmp_path / "knees", "--device", "cpu", "--workers", "1")
    assert said.code == 0, said.err
    found = open_knees(tmp_path / "knees")
    assert len(found.table) == 2 and all(found.read(row).spacing_mm is None for row in (0, 1))


def test_an_edited_table_and_a_rewritten_file_are_told(folder):
    edit(folder, side="left")
    with pytest.raises(InconsistentError, match="knees.csv is not as it was written"):
        open_knees(folder)
    shutil.copy(folder / "knees.csv", folder / "copy.csv")
    edit(folder, side="right")
    with h5py.File(folder / "knees.h5", "r+") as content:
        content["crop"][0] = 7
    with pytest.raises(InconsistentError, match="knees.h5 is not as it was written"):
        open_knees(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"row": "99"}, "its rows are not numbered from 0"),
        ({"row": "x"}, 'line 2: row must be a whole number, not "x"'),
        ({"side": "middle"}, "line 2: side must be one of left, right"),
        ({"score": "nan"}, "line 2: score must be a number"),
        ({"x0": "1e99"}, "line 2: x0 must be -100000 to 100000"),
        ({"spacing_mm": "-3"}, "line 2: spacing_mm must be 0.001 to 100"),
        ({"source_sha256": "../film"}, "source_sha256 '../film' is no hash"),
    ],
)
def test_a_table_that_cannot_be_is_told_though_nobody_recorded_it(folder, changes, said):
    (folder / "run.json").unlink()
    edit(folder, **changes)
    with pytest.raises(InputError) as told:
        open_knees(folder)
    assert said in str(told.value) and str(folder / "knees.csv") in str(told.value) and "\n" not in str(told.value)


def test_a_side_that_the_crops_do_not_have_is_told_though_nobody_recorded_it(folder):
    (folder / "run.json").unlink()
    edit(folder, side="left")
    with pytest.raises(InconsistentError, match="row 0 of knees.csv is not that of knees.h5"):
        open_knees(folder).read(0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop", np.zeros((2, 299, 299), np.float32)),
        ("crop", np.zeros((2, 299), np.uint16)),
        ("box", np.zeros((2, 5), np.float32)),
        ("box", np.full((2, 4), np.nan, np.float32)),
        ("box", np.full((2, 4), b"1")),
        ("spacing_mm", np.ones(2)),
        ("spacing_mm", np.zeros((2, 2))),
        ("spacing_mm", np.full((2, 2), np.inf)),
    ],
)
def test_a_row_that_cannot_be_a_knee_is_told_though_nobody_recorded_it(folder, name, value):
    (folder / "run.json").unlink()
    with h5py.File(folder / "knees.h5", "r+") as content:
        del content[name]
        content.create_dataset(name, data=value, chunks=(1, *value.shape[1:]))
    with pytest.raises(InconsistentError, match="knees.h5: row 1 cannot be a knee: run `xrmri detect-knee` again"):
        open_knees(folder).read(1)


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_crops_that_lie_elsewhere_are_refused(folder, tmp_path, kind):
    (folder / "run.json").unlink()
    shutil.copy(folder / "knees.h5", tmp_path / "secret.h5")
    replace_array(folder / "knees.h5", "crop", kind, tmp_path / "secret.h5")
    with pytest.raises(XrmriError, match="is not as xrmri writes it"):
        open_knees(folder).read(0)
