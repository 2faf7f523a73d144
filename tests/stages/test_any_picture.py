"""A picture of a knee is framed by its joint however it was cut, and told when it is a negative, or no knee."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.faults.refusal import refusal
from tests.formats.encoded import dicom
from xrmri.config import DetectKnee
from xrmri.data.familiar import STRANGE, read_familiar
from xrmri.data.radiograph import read_radiograph
from xrmri.detector import detect
from xrmri.generation.film import read_joint
from xrmri.pretrained import BUNDLED_DETECTOR, BUNDLED_LDM

KNEE = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"
SIZE = 224
CROP_MM = 97.0
MM = CROP_MM / SIZE


def knee() -> np.ndarray:
    return np.asarray(Image.open(KNEE).convert("L"))


def moved(right: int, down: int) -> np.ndarray:
    """The knee as a window cut it that lay so many pixels further; what it leaves goes on as its last pixels do."""
    wide = np.pad(knee(), 60, mode="edge")
    return wide[60 + down : 60 + down + SIZE, 60 + right : 60 + right + SIZE]


def zoomed(share: float) -> np.ndarray:
    """The knee at a share of its size in a picture of the same size, or cut closer."""
    reach = round(SIZE / share / 2)
    wide = np.pad(knee(), 60, mode="edge")[172 - reach : 172 + reach, 172 - reach : 172 + reach]
    return np.asarray(Image.fromarray(wide).resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def turned(degrees: float) -> np.ndarray:
    wide = Image.fromarray(np.pad(knee(), 60, mode="edge")).rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(wide)[60:-60, 60:-60]


def in_frame(degrees: float, **how: object) -> np.ndarray:
    """The knee turned as a viewer turns a picture: its corners are left even."""
    return np.asarray(Image.fromarray(knee()).rotate(degrees, Image.Resampling.BILINEAR, **how))


CUTS = {
    "moved right": (lambda: moved(25, 0), lambda x, y: (x + 25, y), 1),
    "moved left and up": (lambda: moved(-25, -25), lambda x, y: (x - 25, y - 25), 1),
    "moved down": (lambda: moved(0, 25), lambda x, y: (x, y + 25), 1),
    "zoom 0.8": (lambda: zoomed(0.8), lambda x, y: (112 + (x - 112) / 0.8, 112 + (y - 112) / 0.8), 1 / 0.8),
    "zoom 1.2": (lambda: zoomed(1.2), lambda x, y: (112 + (x - 112) / 1.2, 112 + (y - 112) / 1.2), 1 / 1.2),
    "turned by 5 degrees": (lambda: turned(5), None, 1),
    "turned by 8 degrees in its frame": (lambda: in_frame(8), None, 1),
    "turned by -6 degrees in a white frame": (lambda: in_frame(-6, fillcolor=255, expand=True), None, 1),
    "inverted": (lambda: 255 - knee(), lambda x, y: (x, y), 1),
    "black margins": (lambda: np.pad(knee(), 30), lambda x, y: (x - 30, y - 30), 1),
    "white margins": (lambda: np.pad(knee(), 30, constant_values=255), lambda x, y: (x - 30, y - 30), 1),
    "four times the pixels": (lambda: np.kron(knee(), np.ones((4, 4), np.uint8)), lambda x, y: (x / 4, y / 4), 1 / 4),
}
"""Name -> the picture, where a place on it lies on the knee as it came, and how long a pixel is there."""


def joint(file, pixels, side=None, **how):
    Image.fromarray(pixels).save(file)
    return read_joint(file, side, DetectKnee(), **how)


def middle(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def test_a_picture_that_ends_within_the_frame_is_shown_with_its_end_and_drawn_from_as_if_it_went_on(tmp_path):
    cut = joint(tmp_path / "cut.png", knee()[:-40])
    assert (cut.shown[-20:] == 0).all() and (cut.pixels[-20:] > 0).mean() > 0.9
    there = cut.shown > 0
    assert 0.5 < there.mean() < 0.95
    assert np.corrcoef(cut.shown[there], cut.pixels[there])[0, 1] > 0.99


@pytest.mark.parametrize("cut", CUTS)
def test_a_joint_is_framed_alike_however_it_was_cut(tmp_path, cut):
    make, back, pixel = CUTS[cut]
    plain = joint(tmp_path / "plain.png", knee())
    found = joint(tmp_path / "cut.png", make())
    assert found.side == plain.side == "right" and not found.doubt
    assert found.pixels.shape == plain.pixels.shape == (299, 299)
    correlation = np.corrcoef(found.pixels.ravel(), plain.pixels.ravel())[0, 1]
    assert correlation > 0.9
    if back is not None:
        off = np.subtract(back(*middle(found.told["box"])), middle(plain.told["box"])) * MM
        assert np.hypot(*off) < 2.5  # mm; of 66 cases of 6 knees the median is 0.4, the largest 1.8
    wide = [(box[2] - box[0]) * length for box, length in ((found.told["box"], pixel), (plain.told["box"], 1))]
    assert abs(wide[0] / wide[1] - 1) < 0.09


def test_a_knee_turned_in_its_frame_is_no_stranger_than_one_that_goes_on(tmp_path):
    familiar = read_familiar(BUNDLED_LDM)
    framed, whole = (familiar.strangeness(joint(tmp_path / "a.png", one).pixels) for one in (in_frame(8), turned(8)))
    assert framed < whole + 0.05 < STRANGE


def test_a_negative_is_put_right_and_told_and_kept_where_that_is_asked(tmp_path, caplog):
    with caplog.at_level("WARNING", logger="xrmri"):
        found = joint(tmp_path / "a.png", 255 - knee())
    assert found.told["greys"] == "turned round" and "shows bone dark: its greys are turned round" in caplog.text
    kept = joint(tmp_path / "a.png", 255 - knee(), side="right", as_is=True)
    assert kept.told["framing"] == "as it is" and kept.pixels.shape == (SIZE, SIZE)
    assert np.corrcoef(kept.pixels.ravel(), knee().ravel())[0, 1] < -0.99


def test_the_fibula_tells_the_side_of_a_crop_or_asks_for_it(tmp_path, monkeypatch):
    assert joint(tmp_path / "a.png", np.ascontiguousarray(knee()[:, ::-1])).side == "left"
    monkeypatch.setattr(detect, "surely_left", lambda classifier, crops: crops.new_full((len(crops),), 0.7))
    with pytest.raises(Exception, match=r"only 0\.70 surely\): give --side left or --side right"):
        joint(tmp_path / "a.png", knee())
    assert joint(tmp_path / "a.png", knee(), side="left").side == "left"


def test_a_side_that_the_fibula_contradicts_is_told(tmp_path, caplog):
    with caplog.at_level("WARNING", logger="xrmri"):
        assert joint(tmp_path / "a.png", knee(), side="left").side == "left"
    assert "its fibula lies as on a right one" in caplog.text and "is it mirrored?" in caplog.text


def test_a_joint_as_wide_as_none_is_counts_as_a_usual_one_and_that_is_told(xrmri, tmp_path):
    dicom(tmp_path / "a", knee(), stored=8, PixelSpacing=[0.045, 0.045])  # in centimetres
    ended = xrmri("generate", tmp_path / "a", "--mean", "--num-slices", 3, "-o", tmp_path / "a.nii.gz")
    assert ended.code == 0 and "mm wide by its pixel spacing, as no knee is: it counts as 97 mm" in ended.err
    told = json.loads((tmp_path / "a.json").read_bytes())["radiograph"]
    assert (told["width_mm"], told["width_from"]) == (CROP_MM, "usual crop")


def test_what_is_no_knee_is_doubted_with_a_score(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8)
    found = joint(tmp_path / "a.png", noise)
    assert "no knee was found on it (best score 0." in found.doubt
    assert found.told["framing"] == "as it is"


def test_stripes_are_no_knee(tmp_path):
    found = joint(tmp_path / "a.png", np.tile(np.arange(200, dtype=np.uint8)[:, None], (1, 200)))
    assert "no knee was found on it" in found.doubt and found.told["framing"] == "as it is"


def test_a_long_picture_without_a_knee_is_refused(xrmri, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (300, 200)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    ended = xrmri("generate", tmp_path / "a.png", "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2 and "no knee was found on it" in refusal(ended)


def test_a_knee_in_wide_black_margins_is_framed_as_without_them_and_its_box_is_told_on_the_picture(tmp_path):
    wide = np.zeros((500, 1400), np.uint8)
    wide[100 : 100 + SIZE, 600 : 600 + SIZE] = knee()
    plain, found = joint(tmp_path / "plain.png", knee()), joint(tmp_path / "wide.png", wide)
    assert found.side == plain.side and not found.doubt
    assert np.corrcoef(found.pixels.ravel(), plain.pixels.ravel())[0, 1] > 0.99
    assert middle(found.told["box"]) == pytest.approx(np.add(middle(plain.told["box"]), (600, 100)), abs=2)


def test_on_a_picture_that_a_knee_does_not_fill_the_fibula_tells_the_side_and_that_is_told(tmp_path):
    room = np.full((3 * SIZE, 4 * SIZE), 20, np.uint8)
    room[SIZE : 2 * SIZE, SIZE : 2 * SIZE] = knee()[:, ::-1]
    found = joint(tmp_path / "a.png", room)
    assert (found.side, found.told["side_from"], found.told["framing"]) == ("left", "fibula", "by the joint's box")


@pytest.fixture
def both_knees(tmp_path):
    """A film of web size with two knees: the sample and its mirror image."""
    film = np.zeros((450, 512), np.uint8)
    small = Image.fromarray(knee()).resize((130, 130), Image.Resampling.BILINEAR)
    film[150:280, 40:170] = small
    film[150:280, 342:472] = np.asarray(small)[:, ::-1]
    Image.fromarray(film).save(tmp_path / "film.png")
    return tmp_path / "film.png"


def test_a_small_film_of_two_knees_asks_which_or_draws_both(xrmri, both_knees, tmp_path):
    ended = xrmri("generate", both_knees, "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2
    assert "shows both knees: say --side left or --side right for the one you mean, or --both" in refusal(ended)
    ended = xrmri("generate", both_knees, "--both", "--mean", "--num-slices", 3, "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    for side in ("left", "right"):
        told = json.loads((tmp_path / "out" / f"film_{side}_mri.json").read_bytes())
        assert told["side"] == side and told["radiograph"]["framing"] == "by the joint's box"
        assert told["radiograph"]["width_mm"] == CROP_MM and told["radiograph"]["width_from"] == "usual crop"


def test_both_is_refused_beside_a_side(xrmri, tmp_path):
    ended = xrmri("generate", KNEE, "--both", "--side", "left", "-o", tmp_path / "a")
    assert ended.code == 2 and "--both finds both knees of a film" in refusal(ended)


def test_detect_knee_tells_of_a_negative_and_puts_it_right(xrmri, tmp_path):
    Image.fromarray(255 - knee()).save(tmp_path / "n.png")
    ended = xrmri("detect-knee", tmp_path / "n.png", KNEE, "--side", "right", "-o", tmp_path / "knees")
    assert ended.code == 0 and "n.png shows bone dark: its crops are turned round" in ended.err
    one, other = (np.asarray(Image.open(file), np.float64) for file in sorted((tmp_path / "knees").glob("*.png")))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def test_real_crops_are_negatives_or_not_as_they_look(real_data):
    from xrmri.data.negative import is_negative
    from xrmri.records import KneeBox

    dark = []
    for file in sorted((real_data / "knee_xray" / "images").glob("*.png"))[::3]:
        picture = read_radiograph(file)
        inset = SIZE * (1 - 1 / 1.3) / 2
        box = KneeBox(side="", score=1.0, corners=(inset, inset, SIZE - inset, SIZE - inset))
        if is_negative(picture, box, 1.3):
            dark.append(file.stem)
    assert 1 <= len(dark) <= 6  # 12 of 422 are negatives
