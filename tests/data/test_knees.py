"""A knees folder says the same in HDF5, in its table and in its pictures."""

import h5py
import numpy as np
import pytest
from PIL import Image

from xrmri.data.knees import DetectedKnee, RejectedFilm, open_knees, write_knees
from xrmri.errors import InputError
from xrmri.records import KneeBox


def knee(side, score=0.9, spacing=(0.4, 0.4)):
    """A knee of noise."""
    crop = np.random.default_rng(len(side)).integers(0, 65536, (299, 299)).astype(np.uint16)
    box = KneeBox(side=side, score=score, corners=(10.5, 20.25, 310.5, 320.25))
    name = f"film_{side}_{score}"
    return DetectedKnee(name=name, source="oai/film", source_sha256="ab" * 32, box=box, crop=crop, spacing_mm=spacing)


@pytest.fixture
def folder(tmp_path):
    """Two knees of one film, one of them twice, and a film without any."""
    other = RejectedFilm(source="other.png", reason="no knee found", score=0.125)
    found = [knee("right"), knee("left", spacing=None), knee("right", 0.5), other]
    assert write_knees(tmp_path, found) == (3, 1)
    return tmp_path


def test_a_knee_is_found_again_by_film_and_side_and_the_best_score_counts(folder):
    found = open_knees(folder).find("ab" * 32, "right")
    assert found.box == KneeBox(side="right", score=0.9, corners=(10.5, 20.25, 310.5, 320.25))
    assert np.array_equal(found.crop, knee("right").crop) and found.spacing_mm == (0.4, 0.4)
    assert open_knees(folder).find("ab" * 32, "left").spacing_mm is None
    assert open_knees(folder).find("cd" * 32, "left") is None


def test_the_files_are_those_of_the_contract(folder):
    with h5py.File(folder / "knees.h5") as content:
        kinds = {name: (data.shape, data.dtype.kind) for name, data in content.items()}
    assert kinds["crop"] == ((3, 299, 299), "u")
    assert kinds["box"] == ((3, 4), "f") and kinds["spacing_mm"] == ((3, 2), "f")
    assert set(kinds) == {"crop", "box", "score", "side", "spacing_mm", "source_sha256"}
    rejected = (folder / "rejected.csv").read_text(encoding="utf-8")
    assert rejected == "source,reason,score\nother.png,no knee found,0.1250\n"
    lines = (folder / "knees.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "row,name,source,source_sha256,side,score,x0,y0,x1,y1,spacing_mm,fibula_left"
    where = "10.50,20.25,310.50,320.25"
    assert lines[1] == f"0,film_right_0.9,oai/film,{'ab' * 32},right,0.9000,{where},0.40000,0.500"
    assert lines[2] == f"1,film_left_0.9,oai/film,{'ab' * 32},left,0.9000,{where},,0.500"
    with Image.open(folder / "film_left_0.9.png") as picture:
        assert np.array_equal(np.asarray(picture), knee("left").crop)


def test_no_knee_at_all_is_an_empty_folder_not_an_error(tmp_path):
    assert write_knees(tmp_path, [RejectedFilm(source="film", reason="damaged", score=None)]) == (0, 1)
    assert len(open_knees(tmp_path).table) == 0


def test_a_folder_that_detect_knee_did_not_write_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no knees.h5"):
        open_knees(tmp_path)
