"""TIFF in both layouts and byte orders: which page is the picture, what its alpha hides, how long its pixels are."""

import numpy as np
import pytest
import tifffile

from xrmri.data.radiograph import read_radiograph
from xrmri.errors import InputError
from xrmri.formats.samples import pixel_aspect

GREY = (np.add.outer(np.arange(48), np.arange(64)) * 2).astype(np.uint8)
LAYOUTS = [(big, order) for big in (False, True) for order in "<>"]


def pages_of(file, big):
    """Where each page of a TIFF says where the next one is, and where each begins."""
    with tifffile.TiffFile(file) as tiff:
        links, begins = [], [page.offset for page in tiff.pages]
        for page in tiff.pages:
            count = len(page.tags)
            links.append(page.offset + (8 + 20 * count if big else 2 + 12 * count))
    return links, begins


@pytest.mark.parametrize(("big", "order"), LAYOUTS)
def test_pages_that_lead_back_are_refused_and_a_small_copy_beside_the_picture_is_not(tmp_path, big, order):
    file = tmp_path / "a.tif"
    with tifffile.TiffWriter(file, bigtiff=big, byteorder=order) as tiff:
        tiff.write(GREY, photometric="minisblack")
        tiff.write(GREY[::4, ::4], photometric="minisblack", subfiletype=1)
    shown = read_radiograph(file).pixels
    assert shown.shape == (48, 64) and np.corrcoef(shown.ravel(), GREY.ravel())[0, 1] > 0.999
    links, begins = pages_of(file, big)
    content = bytearray(file.read_bytes())
    for last, first in ((1, 0), (1, 1), (0, 0)):
        damaged = content.copy()
        size = 8 if big else 4
        damaged[links[last] : links[last] + size] = begins[first].to_bytes(size, "little" if order == "<" else "big")
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="its pages have no end"):
            read_radiograph(file)


def test_what_an_alpha_in_the_colours_hides_is_black_and_what_it_shows_stays(tmp_path):
    alpha = np.where(np.arange(64) < 32, 0, 255).astype(np.uint8)
    samples = np.dstack([GREY, GREY, GREY, np.broadcast_to(alpha, GREY.shape)])
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", extrasamples=["assocalpha"])
    tifffile.imwrite(tmp_path / "b.tif", samples[..., :3], photometric="rgb")
    shown, whole = (read_radiograph(tmp_path / name).pixels for name in ("a.tif", "b.tif"))
    assert not shown[:, :32].any() and np.array_equal(shown[:, 32:], whole[:, 32:]) and shown.any()


@pytest.mark.parametrize(
    ("resolution", "aspect"),
    [((9, 1, 6, 1), 1.5), ((9, 1, 9, 1), 1.0), ((0, 0, 9, 1), 1.0), ((9, 1, 0, 0), 1.0), ((0, 1, 9, 1), 1.0)],
)
def test_pixels_are_as_long_as_their_resolutions_say_and_square_where_these_are_damaged(tmp_path, resolution, aspect):
    tifffile.imwrite(tmp_path / "a.tif", GREY, photometric="minisblack", resolution=(72, 72))
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        for tag, value in ((282, resolution[:2]), (283, resolution[2:])):
            tiff.pages[0].tags[tag].overwrite(value)
    assert read_radiograph(tmp_path / "a.tif").pixel_aspect == aspect


@pytest.mark.parametrize(
    ("across", "down", "aspect"),
    [(0, 3, 1), (3, 0, 1), (-2, -1, 1), (9, 3, 3), (10, 3, 1), (2, 5, 0.4), (2, 7, 1), (102, 100, 1.02), (201, 200, 1)],
)
def test_resolutions_that_cannot_be_tell_nothing(across, down, aspect):
    assert pixel_aspect(across, down) == pytest.approx(aspect)
