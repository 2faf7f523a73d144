"""A picture of which a part is missing is refused, not filled up with black."""

import zlib
from io import BytesIO
from struct import pack, pack_into

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLosslessSV1

from tests.formats.encoded import GREY, TWELVE
from xrmri.errors import InputError
from xrmri.formats.dicom import read_film
from xrmri.formats.picture import read_picture

ROWS, COLUMNS = GREY.shape
HEIGHT, COMPRESSION, STRIP_ROWS = 257, 259, 278


def write_png(file, content):
    """An 8-bit grey PNG of these packed rows."""
    header = pack(">IIBBBBB", COLUMNS, ROWS, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(content)), (b"IEND", b"")]
    parts = [pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data)) for name, data in chunks]
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return file


def with_tag(file, tag, value):
    """The TIFF with one of its short numbers changed."""
    with tifffile.TiffFile(file) as tiff:
        place = tiff.pages[0].tags[tag].valueoffset
    content = bytearray(file.read_bytes())
    pack_into("<H", content, place, value)
    file.write_bytes(content)
    return file


def test_a_png_of_fewer_rows_than_its_header_tells_is_refused(tmp_path):
    rows = np.pad(GREY, ((0, 0), (1, 0))).tobytes()
    assert np.array_equal(read_picture(write_png(tmp_path / "a.png", rows)).pixels, GREY)
    with pytest.raises(InputError, match=f"it holds {len(rows) - 410} of {len(rows)} bytes of its pixels"):
        read_picture(write_png(tmp_path / "a.png", rows[:-410]))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_a_whole_png_of_any_kind_holds_what_its_pixels_take(tmp_path, mode):
    grey = Image.fromarray(GREY[:37, :33])
    (Image.fromarray(TWELVE[:37, :33]) if mode == "I;16" else grey.convert(mode)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").pixels.shape == (37, 33)


@pytest.mark.parametrize("shape", [(37, 33), (5, 3), (4, 5), (2, 1)])
def test_an_interlaced_png_is_read_where_it_is_whole_and_refused_where_a_row_is_missing(tmp_path, shape):
    grey = GREY[: shape[0], : shape[1]]
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    parts = [grey[y::down, x::across] for x, y, across, down in passes]
    packed = [row.tobytes() for part in parts if part.size for row in np.pad(part, ((0, 0), (1, 0)))]
    rows, fewer = b"".join(packed), b"".join(packed[:-1])
    for name, held in (("whole.png", rows), ("cut.png", fewer)):
        content = bytearray(write_png(tmp_path / name, held).read_bytes())
        content[16:29] = pack(">IIBBBBB", shape[1], shape[0], 8, 0, 0, 0, 1)
        content[29:33] = pack(">I", zlib.crc32(content[12:29]))
        (tmp_path / name).write_bytes(content)
    assert np.array_equal(read_picture(tmp_path / "whole.png").pixels, grey)
    with pytest.raises(InputError, match=f"it holds {len(fewer)} of {len(rows)} bytes of its pixels"):
        read_picture(tmp_path / "cut.png")


KINDS = ({}, {"progressive": True}, {"restart_marker_rows": 1}, {"optimize": True}, {"subsampling": 0, "quality": 100})
NOISE = np.random.default_rng(5).integers(0, 256, (60, 90)).astype(np.uint8)


def jpeg_of(mode: str, **how: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(NOISE).convert(mode).save(stream, "JPEG", **{"quality": 90, **how})
    return stream.getvalue()


@pytest.mark.parametrize("how", KINDS, ids=str)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_that_lost_a_part_and_kept_its_end_is_refused_and_a_whole_one_read(tmp_path, mode, how):
    whole = jpeg_of(mode, **how)
    (tmp_path / "a.jpg").write_bytes(whole)
    assert read_picture(tmp_path / "a.jpg").pixels.shape == NOISE.shape
    first = whole.index(b"\xff\xda") + 20
    for at in range(first, len(whole) - 60, (len(whole) - first) // 4):
        (tmp_path / "a.jpg").write_bytes(whole[:at].rstrip(b"\xff") + b"\xff\xd9")
        with pytest.raises(InputError, match=r"a part of its picture is missing\): is it complete\?"):
            read_picture(tmp_path / "a.jpg")


def test_bytes_that_a_camera_puts_around_its_picture_are_no_damage(tmp_path):
    whole = jpeg_of("L")
    at = whole.index(b"\xff\xda")
    filled = whole[:at] + b"\xff\xff\xff" + whole[at:-2] + b"\xff\xff" + whole[-2:] + bytes(99)
    (tmp_path / "a.jpg").write_bytes(filled)
    assert read_picture(tmp_path / "a.jpg").pixels.shape == NOISE.shape


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLosslessSV1, JPEGExtended12Bit])
def test_a_compressed_dicom_that_lost_a_part_and_kept_its_end_is_refused(tmp_path, syntax):
    twelve = syntax == JPEGExtended12Bit
    pixels = NOISE.astype(np.uint16) * 16 if twelve else NOISE
    how = {"bitspersample": 12} if twelve else {"lossless": syntax == JPEGLosslessSV1}
    whole = imagecodecs.jpeg_encode(pixels, level=95, **how)
    for content, said in ((whole, ""), (whole[: len(whole) // 2].rstrip(b"\xff") + b"\xff\xd9", "is missing")):
        film = Dataset()
        film.SOPClassUID, film.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
        film.Rows, film.Columns = NOISE.shape
        film.SamplesPerPixel, film.PixelRepresentation, film.PhotometricInterpretation = 1, 0, "MONOCHROME2"
        film.BitsAllocated, film.BitsStored, film.HighBit = (16, 12, 11) if twelve else (8, 8, 7)
        film.PixelData = encapsulate([content])
        film.file_meta = FileMetaDataset()
        film.file_meta.TransferSyntaxUID = syntax
        film.save_as(tmp_path / "a.dcm", enforce_file_format=True)
        if said:
            with pytest.raises(InputError, match=r"pixels cannot be decoded \(a part of its picture is missing\)"):
                read_film(tmp_path / "a.dcm")
        else:
            assert read_film(tmp_path / "a.dcm").pixels.shape == NOISE.shape


def test_a_tiff_that_lacks_strips_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", TWELVE, rowsperstrip=ROWS)
    with pytest.raises(InputError, match="it has 1 of 5 parts"):
        read_picture(with_tag(tmp_path / "a.tif", STRIP_ROWS, 10))
    tifffile.imwrite(tmp_path / "a.tif", TWELVE, rowsperstrip=ROWS)
    with pytest.raises(InputError, match="it has 1 of 2 parts"):
        read_picture(with_tag(tmp_path / "a.tif", HEIGHT, 2 * ROWS))


def test_a_tiff_whose_differences_nothing_packs_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", TWELVE, compression="zlib", predictor=True)
    assert np.array_equal(read_picture(tmp_path / "a.tif").pixels, TWELVE)
    with pytest.raises(InputError, match="a predictor without a compression"):
        read_picture(with_tag(tmp_path / "a.tif", COMPRESSION, 1))


def test_pages_that_lead_back_to_the_first_have_no_end(tmp_path):
    for big, place in ((False, 4), (True, 8)):
        tifffile.imwrite(tmp_path / "a.tif", TWELVE, bigtiff=big, metadata=None)
        assert np.array_equal(read_picture(tmp_path / "a.tif").pixels, TWELVE)
        content = bytearray((tmp_path / "a.tif").read_bytes())
        first = int.from_bytes(content[place : place + place], "little")
        count, entry = (8, 20) if big else (2, 12)
        end = first + count + entry * int.from_bytes(content[first : first + count], "little")
        content[end : end + place] = first.to_bytes(place, "little")
        (tmp_path / "a.tif").write_bytes(content)
        with pytest.raises(InputError, match="its pages have no end"):
            read_picture(tmp_path / "a.tif")


def test_what_is_half_transparent_counts_once_where_its_colours_have_it_in_them(tmp_path):
    half = np.where(np.arange(COLUMNS) < 20, 128, 0).astype(np.uint8)[None].repeat(ROWS, axis=0)
    samples = np.stack([GREY, GREY, GREY, half], axis=-1)
    for kind, seen in (("assocalpha", GREY * (half > 0)), ("unassalpha", GREY * (half / 255))):
        tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", extrasamples=[kind])
        assert read_picture(tmp_path / "a.tif").pixels == pytest.approx(seen, abs=1e-4)


@pytest.mark.parametrize("kind", [np.uint32, np.uint64])
def test_small_numbers_of_many_bits_keep_their_greys_where_white_is_zero(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(kind), photometric="miniswhite")
    assert np.array_equal(read_picture(tmp_path / "a.tif").pixels, 255 - GREY)


def test_the_only_page_of_a_tiff_is_the_picture_whatever_it_calls_itself(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", TWELVE, subfiletype=1)
    assert np.array_equal(read_picture(tmp_path / "a.tif").pixels, TWELVE)
