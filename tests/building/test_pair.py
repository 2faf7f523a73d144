"""Without a knees folder the detector looks at the films, and no knee is ever taken for the other."""

import zlib

import numpy as np
import pydicom
import pytest

from xrmri.building import joint
from xrmri.building.pair import BuiltPair, PairJob, build_pair
from xrmri.cohorts.pairing import pair_up
from xrmri.cohorts.release import find_release
from xrmri.config import BuildDataset
from xrmri.detector import detect, sides
from xrmri.errors import Reason
from xrmri.geometry import Geometry
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.dicom_series import SeriesFacts
from xrmri.phantom.film import Film
from xrmri.phantom.flash import MrSeries
from xrmri.phantom.release import place, write_series
from xrmri.records import KneeBox

SHAPE = (4, 32, 32)
PERSON = draw_participant(0, 0)
RIGHT_BOX, LEFT_BOX, MIDDLE_BOX = (10, 20, 40, 50), (70, 20, 100, 50), (45, 20, 75, 50)


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """Build the pair of one person scanned on the right, with a detector that sees what the test says."""
    facts: SeriesFacts = place(PERSON).film
    pixels = np.zeros((80, 120), np.uint16)
    pixels[25:45, 15:35], pixels[25:45, 75:95] = 1000, np.eye(20) * 1000
    voxels = np.random.default_rng(0).integers(1, 4096, SHAPE).astype(np.uint16)
    flash = MrSeries(voxels=voxels, affine_ras=Geometry.centred("coronal", SHAPE, (1.5, 5.0, 5.0)).affine)
    write_series(tmp_path, PERSON, Film(pixels=pixels, spacing_mm=0.5, joint_box={}), flash)
    config = BuildDataset(slices=4, first_slice=0, last_slice=4, size=32)

    def build(*boxes, described="Bilateral PA Fixed Flexion Knee"):
        film_file = tmp_path / "00m" / place(PERSON).folder(facts) / "001"
        film = pydicom.dcmread(film_file)
        film.SeriesDescription = described
        film.save_as(film_file)
        found = [KneeBox(side="", score=0.9, corners=box) for box in boxes]
        monkeypatch.setattr(detect, "load_detector", lambda weights, device: None)
        monkeypatch.setattr(sides, "with_fibula", lambda detector, film, boxes: boxes)
        monkeypatch.setattr(sides, "find_knees", lambda detector, film, *, min_score: found)
        joint._by_detector.cache_clear()
        (candidate,), _ = pair_up(find_release(tmp_path).series, {})
        return build_pair(PairJob(candidate=candidate, config=config, device="cpu", knees=None, template=None))

    yield build
    joint._by_detector.cache_clear()


@pytest.mark.parametrize("boxes", [(RIGHT_BOX, LEFT_BOX), (RIGHT_BOX,)])
def test_the_right_knee_is_the_one_at_image_left_alone_or_beside_the_other(pair, boxes):
    built = pair(*boxes)
    assert isinstance(built, BuiltPair)
    shuffled = np.frombuffer(zlib.decompress(built.packed.radiograph[:-4]), np.uint8)
    radiograph = np.ascontiguousarray(shuffled.reshape(2, -1).T).view("<u2").reshape(32, 32)
    assert (radiograph[9:23, 9:23] == 65535).all()
    assert built.radiograph_mm == pytest.approx(1.3 * 0.5 * (RIGHT_BOX[2] - RIGHT_BOX[0]), abs=0.01)


@pytest.mark.parametrize(
    ("boxes", "why"), [((LEFT_BOX,), "only the left one"), ((MIDDLE_BOX,), "in the middle"), ((), "best score, 0.00")]
)
def test_a_knee_that_is_not_surely_the_one_wanted_is_refused(pair, boxes, why):
    flash, film = pair(*boxes)
    assert film.reason.kind == "knee not found" and why in film.reason.detail
    assert film.reason.detail.startswith("none is surely the right one")
    assert flash.reason == Reason("radiograph rejected", str(film.reason))


def test_a_film_of_one_knee_may_show_it_anywhere_but_not_two(pair):
    assert isinstance(pair(MIDDLE_BOX, described="PA Fixed Flexion Right Knee"), BuiltPair)
    assert not isinstance(pair(RIGHT_BOX, LEFT_BOX, described="PA Fixed Flexion Right Knee"), BuiltPair)
