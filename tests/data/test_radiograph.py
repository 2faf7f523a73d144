"""Radiographs of every usual kind are read, cropped without stretching and scaled to [-1, 1]."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xrmri.data.features import feature_set
from xrmri.data.radiograph import (
    CROP_MM,
    crop_knee,
    laid_on_slice,
    mirrored,
    read_radiograph,
    unit_square,
    windowed,
)
from xrmri.data.view import View
from xrmri.errors import InputError
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.dicom_series import film_file, save
from xrmri.phantom.film import Film
from xrmri.phantom.release import place
from xrmri.records import Radiograph

GREY = np.random.default_rng(0).integers(0, 4096, (40, 60)).astype(np.uint16)


def film_on_disk(folder: Path, index: int) -> tuple[Path, str, bool]:
    """A film of GREY, its PhotometricInterpretation, and whether spacing stands in ImagerPixelSpacing."""
    box = {side: (0.0, 0.0, 1.0, 1.0) for side in ("right", "left")}
    dataset = film_file(Film(pixels=GREY, spacing_mm=0.17, joint_box=box), place(draw_participant(0, index)).film)
    save(dataset, folder / f"{index:03d}")
    return folder / f"{index:03d}", dataset.PhotometricInterpretation, "ImagerPixelSpacing" in dataset


def test_dicom_films_have_bright_bone_and_their_spacing_whatever_the_header_says(tmp_path):
    seen = set()
    for index in range(12):
        file, kind, imager = film_on_disk(tmp_path, index)
        radiograph = read_radiograph(file)
        seen.add((kind, imager))
        assert radiograph.spacing_mm == (0.17, 0.17)
        assert np.array_equal(radiograph.pixels - radiograph.pixels.min(), GREY - float(GREY.min()))
    assert len(seen) == 4


def test_no_patient_tag_leaves_a_film(tmp_path):
    from xrmri.formats.dicom import parse

    content = film_on_disk(tmp_path, 0)[0].read_bytes()
    plain, other = parse(content).tags, parse(content.replace(b"DICM", b"DICN")[132:]).tags
    names = {*plain} | {element.keyword for element in other}
    assert "Rows" in names and not names & {"PatientID", "PatientName", "PatientSex", "PatientAge", "StudyDate"}


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_pictures_keep_every_grey_value(tmp_path, suffix):
    Image.fromarray(GREY).save(tmp_path / f"film.{suffix}")
    radiograph = read_radiograph(tmp_path / f"film.{suffix}")
    assert radiograph.pixels.dtype == np.float32 and np.array_equal(radiograph.pixels, GREY)
    assert radiograph.spacing_mm is None


def test_colour_becomes_grey(tmp_path):
    Image.fromarray((GREY // 16).astype(np.uint8)).convert("RGB").save(tmp_path / "film.png")
    assert np.array_equal(read_radiograph(tmp_path / "film.png").pixels, GREY // 16)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.png", None, "does not exist"),
        ("empty.png", b"", "is empty"),
        ("text.png", b"not a picture at all", "is not an image"),
        ("kl.json", b'{"kl": 2}', "is not an image"),
        ("broken.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "image"),
        ("001", bytes(128) + b"DICM" + bytes(60), "cannot be read as a DICOM image"),
    ],
)
def test_what_is_no_radiograph_is_refused_in_one_line(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refusal:
        read_radiograph(tmp_path / name)
    assert said in str(refusal.value) and name in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_folder_a_blank_picture_and_a_cut_off_film_are_refused(tmp_path):
    Image.new("L", (30, 30), 7).save(tmp_path / "blank.png")
    film = film_on_disk(tmp_path, 0)[0]
    (tmp_path / "cut").write_bytes(film.read_bytes()[:-1000])
    picture = tmp_path / "cut.png"
    Image.fromarray(GREY).save(picture)
    picture.write_bytes(picture.read_bytes()[:-2000])
    for name, said in ((".", "is a folder"), ("blank.png", "is blank"), ("cut", "decoded"), ("cut.png", "complete")):
        with pytest.raises(InputError, match=said):
            read_radiograph(tmp_path / name)


def test_the_window_runs_from_the_1st_to_the_99th_percentile():
    pixels = np.arange(10_001, dtype=np.float32).reshape(73, 137)
    grey = windowed(pixels)
    assert grey.dtype == np.uint16
    assert (grey.flat[100], grey.flat[5000], grey.flat[9900]) == (0, 32768, 65535)


def test_windowing_twice_is_windowing_once():
    once = windowed(np.random.default_rng(0).normal(1000, 200, (300, 300)))
    assert np.abs(windowed(once).astype(int) - once).max() <= 1


def test_a_crop_is_the_box_enlarged_about_its_centre_with_true_spacing():
    pixels = np.zeros((400, 500), np.float32)
    pixels[200, 250], pixels[:3] = 1000, 10
    film = Radiograph(pixels=pixels, side=None, spacing_mm=(0.2, 0.2))
    crop, spacing = crop_knee(film, (200.5, 150.5, 300.5, 250.5), scale=1.3, pixels=65)
    assert crop.shape == (65, 65) and np.unravel_index(crop.argmax(), crop.shape) == (32, 32)
    assert spacing == pytest.approx((0.4, 0.4))


def test_a_crop_over_the_edge_of_the_film_is_padded_not_stretched():
    column = np.tile(np.arange(100, dtype=np.float32), (100, 1)) + 500
    film = Radiograph(pixels=column, side=None, spacing_mm=None)
    crop, spacing = crop_knee(film, (-50, 0, 50, 100), scale=1.0, pixels=100)
    assert (crop[:, :50] == 0).all() and crop[50, 99] == 65535 and spacing is None
    assert np.ptp(np.diff(crop[50, 55:90].astype(int))) <= 1


def test_the_network_sees_a_square_in_minus_1_to_1():
    crop = np.linspace(0, 65535, 299 * 299).reshape(299, 299).astype(np.uint16)
    view = View(pixels=256, slice_mm=160.0, grid="crop", features=feature_set("full"))
    y = view.radiograph(crop, None)
    assert y.shape == (256, 256) and y.dtype == np.float32
    assert -1 <= y.min() < -0.99 and 0.99 < y.max() <= 1
    assert (view.radiograph(crop[:, :150], None)[:, :50] == -1).all()


def test_a_crop_of_80_mm_fills_the_middle_half_of_a_slice_of_160_mm():
    crop = np.full((64, 64), 9.0, np.float32)
    crop[31:33, 47:49] = 20.0  # a quarter of the crop's width, 20 mm, from its middle
    laid = laid_on_slice(crop, 80.0, 160.0)
    assert laid.shape == (64, 64) and laid.dtype == np.float32
    assert (laid[16:48, 16:48] >= 9).all() and laid.sum() == pytest.approx(crop.sum() / 4)
    assert (laid[:16] == 0).all() and (laid[:, 48:] == 0).all()
    row, column = np.unravel_index(laid.argmax(), laid.shape)
    assert (column - 31.5) * 160 / 64 == pytest.approx(20, abs=2) and abs(row - 31.5) <= 1


@pytest.mark.parametrize("unknown", [None, 3.0, 900.0])
def test_a_crop_of_unknown_or_impossible_width_counts_as_an_ordinary_one(unknown):
    crop = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    assert np.array_equal(laid_on_slice(crop, unknown, 160.0), laid_on_slice(crop, CROP_MM, 160.0))


def test_mirroring_twice_changes_nothing():
    assert np.array_equal(mirrored(mirrored(GREY)), GREY) and mirrored(GREY)[0, 0] == GREY[0, -1]


def test_a_real_jpeg_2000_film_without_spacing_is_read(real_data):
    radiograph = read_radiograph(real_data / "dicom_cr" / "RG3_J2KR.dcm")
    assert radiograph.pixels.shape == (1760, 1760) and radiograph.spacing_mm is None


def film_of(pixels, spacing_mm=None):
    return Radiograph(pixels=pixels.astype(np.float32), side=None, spacing_mm=spacing_mm)


def test_a_crop_is_square_in_millimetres_where_pixels_are_oblong():
    rows, columns = np.mgrid[:200, :400]
    # A disc of radius 12 mm on pixels of 0.4 x 0.2 mm: 60 columns and 30 rows to each side.
    disc = ((rows + 0.5 - 100) * 0.4) ** 2 + ((columns + 0.5 - 200) * 0.2) ** 2 < 12**2
    crop, spacing_mm = crop_knee(film_of(disc, (0.4, 0.2)), (140, 70, 260, 130), scale=1.3, pixels=156)
    assert spacing_mm == pytest.approx((0.2, 0.2))
    inside = crop > 32767
    assert inside.any(axis=0).sum() == pytest.approx(120, abs=2)
    assert inside.any(axis=1).sum() == pytest.approx(120, abs=2)


def test_a_crop_is_square_in_pixels_where_the_film_does_not_tell_its_spacing():
    pixels = np.zeros((200, 400))
    pixels[70:130, 140:260] = 1
    crop, spacing_mm = crop_knee(film_of(pixels), (140, 70, 260, 130), scale=1.3, pixels=156)
    assert spacing_mm is None
    inside = crop > 32767
    assert (inside.any(axis=0).sum(), inside.any(axis=1).sum()) == (120, 60)


def test_a_crop_beyond_the_edge_of_the_film_is_padded_with_its_darkest_value_and_keeps_its_scale():
    generator = np.random.default_rng(0)
    film = film_of(1000 + 50 * generator.random((200, 400)))
    crop, _ = crop_knee(film, (-20, 100, 80, 200), scale=1.3, pixels=130)
    # 1.3 x 100 pixels: columns -35 to 95, rows 85 to 215
    assert (crop[:, :35] == 0).all()
    assert (crop[116:] == 0).all()
    whole, _ = crop_knee(film, (0, 0, 200, 200), scale=1.0, pixels=200)
    assert np.corrcoef(crop[:115, 35:].ravel(), whole[85:200, :95].ravel())[0, 1] > 0.999


def test_the_rest_of_a_film_does_not_change_a_crop_unless_it_is_darker():
    generator = np.random.default_rng(0)
    pixels = generator.random((300, 300)) + 1
    pixels[0, 0] = 0
    other = pixels.copy()
    other[:, 250:] = 5
    box = (100, 100, 160, 160)
    one, two = (crop_knee(film_of(p), box, scale=1.3, pixels=60)[0] for p in (pixels, other))
    assert np.array_equal(one, two)


def test_a_shrunken_crop_stays_between_black_and_white():
    """A power of -1e-14, as another exposure takes it, is no number."""
    crop = np.zeros((256, 256), np.uint16)
    crop[60:200, 40:222] = np.random.default_rng(0).integers(0, 65536, (140, 182))
    for size in (160, 150, 100, 256):
        unit = unit_square(crop, size)
        assert unit.min() >= 0 and unit.max() <= 1 and np.isfinite(unit**0.7).all()
