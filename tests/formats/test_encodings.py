"""One radiograph in every encoding gives one crop: a reader that takes another meaning would be a silent mistake."""

import logging
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom.uid import JPEGLosslessSV1, JPEGLSLossless

from tests.faults.refusal import refusal
from tests.formats.encoded import (
    COLOUR,
    COLUMNS,
    GREY,
    LOSSY,
    MEANINGS,
    NEGATIVE,
    PICTURES,
    ROWS,
    TWELVE,
    compressed,
    dicom,
    in_fractions,
    table,
)
from tests.stages.other_hand import Mr, mr_files
from xrmri.data.radiograph import crop_knee, read_radiograph, windowed
from xrmri.data.volume import read_series
from xrmri.errors import InputError, UnusableError
from xrmri.formats.compressed import require_decoder
from xrmri.formats.dicom import parse

TRUE = windowed(GREY)
SERIES = mr_files(Mr(), "9000001")
TRANSPOSE = Image.Transpose
HELD = {2: TRANSPOSE.FLIP_LEFT_RIGHT, 3: TRANSPOSE.ROTATE_180, 4: TRANSPOSE.FLIP_TOP_BOTTOM, 5: TRANSPOSE.TRANSPOSE,
        6: TRANSPOSE.ROTATE_90, 7: TRANSPOSE.TRANSVERSE, 8: TRANSPOSE.ROTATE_270}  # fmt: skip


def difference(file) -> int:
    """The largest difference from the true crop, of 65,535 levels."""
    return int(np.abs(windowed(read_radiograph(file).pixels).astype(int) - TRUE).max())


@pytest.mark.parametrize("meaning", MEANINGS)
def test_every_lossless_dicom_is_the_same_knee(tmp_path, meaning):
    MEANINGS[meaning](tmp_path / "film")
    assert difference(tmp_path / "film") <= 1
    assert read_radiograph(tmp_path / "film").spacing_mm == (0.45, 0.45)


def test_seven_bits_on_top_of_eight_are_read_without_the_eighth(tmp_path):
    dicom(tmp_path / "film", GREY & 254 | 1, stored=7, HighBit=7)
    assert np.array_equal(read_radiograph(tmp_path / "film").pixels, GREY >> 1)


def test_fractions_that_are_padding_are_black_and_those_that_are_none_are_refused(tmp_path):
    lowest = float(np.finfo("<f4").min)
    pixels = np.where(np.arange(COLUMNS) < 9, lowest * 4095, TWELVE)
    in_fractions(tmp_path / "a", "<f4", pixels, FloatPixelPaddingValue=lowest)
    seen = read_radiograph(tmp_path / "a").pixels
    assert (seen[:, :9] == 0).all() and np.allclose(seen[:, 9:] * 4095, TWELVE[:, 9:])
    in_fractions(tmp_path / "b", "<f8", np.where(np.arange(COLUMNS) < 9, np.nan, TWELVE))
    with pytest.raises(InputError, match="it has pixels that are not numbers$"):
        read_radiograph(tmp_path / "b")


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence", "PresentationLUTSequence"])
def test_a_table_that_is_cut_off_is_refused(tmp_path, sequence):
    (item,) = table(np.arange(4096))
    item.LUTData = item.LUTData[:5000]
    dicom(tmp_path / "a", **{sequence: [item]})
    with pytest.raises(InputError, match="a table of grey values has 2500 entries where its header says 4096$"):
        read_radiograph(tmp_path / "a")


@pytest.mark.parametrize("said", ["MONOCHROME1", "PALETTE COLOR", "HSV", "MONOCHROME2", "RGB"])
def test_three_samples_that_are_said_to_be_no_colours_are_refused_but_for_plain_greys(tmp_path, said):
    colours = np.repeat(GREY[..., None], 3, axis=-1)
    how = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": said}
    dicom(tmp_path / "a", colours, stored=8, **how)
    if said in ("MONOCHROME2", "RGB"):
        assert np.array_equal(read_radiograph(tmp_path / "a").pixels, GREY)
    else:
        with pytest.raises(InputError, match=f"three samples each and are said to be '{said}': export it as RGB$"):
            read_radiograph(tmp_path / "a")


def test_a_palette_that_is_missing_is_refused(tmp_path):
    dicom(tmp_path / "a", PhotometricInterpretation="PALETTE COLOR")
    dicom(tmp_path / "b", GREY, stored=8, PhotometricInterpretation="PALETTE COLOR")
    for name in "ab":
        with pytest.raises(InputError, match="it has a palette that is missing$"):
            read_radiograph(tmp_path / name)


@pytest.mark.parametrize("kind", LOSSY)
def test_a_lossy_dicom_is_the_same_knee_within_its_loss(tmp_path, kind):
    LOSSY[kind](tmp_path / "film")
    assert difference(tmp_path / "film") < 65535 * 4 / 4095


@pytest.mark.parametrize("kind", PICTURES)
def test_every_picture_is_the_same_knee(tmp_path, kind):
    PICTURES[kind](tmp_path / kind)
    assert difference(tmp_path / kind) <= 1


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("held", HELD)
def test_a_picture_stands_upright_however_the_camera_was_held(tmp_path, suffix, held):
    exif = Image.Exif()
    exif[0x0112] = held
    file = tmp_path / f"held.{suffix}"
    Image.fromarray(GREY).transpose(HELD[held]).save(file, exif=exif)
    assert np.array_equal(read_radiograph(file).pixels, GREY)


@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_transparent_is_black_and_not_what_lies_under_it(tmp_path, bits):
    alpha = np.full_like(GREY, 255)
    alpha[:, :9] = 0
    under = np.where(alpha, GREY, 255).astype(np.uint8)
    if bits == 8:
        Image.fromarray(np.dstack([under, alpha])).save(tmp_path / "a.png")
    else:
        wide = np.dstack([under, under, under, alpha]).astype(np.uint16) * 257
        (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(wide))
    pixels = read_radiograph(tmp_path / "a.png").pixels
    assert (pixels[:, :9] == 0).all()
    assert np.array_equal(pixels[:, 9:], GREY[:, 9:] * (1.0 if bits == 8 else 257.0))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_colour_of_sixteen_bits_that_is_said_to_be_transparent_is_black(tmp_path, channels):
    wide = np.dstack([GREY.astype(np.uint16) * 256] * channels)  # none is white
    wide[:, :9] = 65535
    content = imagecodecs.png_encode(wide.squeeze())
    chunk = b"tRNS" + b"\xff\xff" * channels
    told = struct.pack(">I", 2 * channels) + chunk + struct.pack(">I", zlib.crc32(chunk))
    place = content.index(b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(content[:place] + told + content[place:])
    pixels = read_radiograph(tmp_path / "a.png").pixels
    assert (pixels[:, :9] == 0).all()
    assert np.array_equal(pixels[:, 9:], wide[:, 9:, 0])


def save_coloured(shown, file, colours=256**3):
    """Red, green and blue in [0, 1] as files of many kinds have them."""
    picture = Image.fromarray((shown * 255).astype(np.uint8))
    twelve = np.rint(shown * 4095).astype(np.uint16)
    if file.name.endswith("_16.png"):
        file.write_bytes(imagecodecs.png_encode(twelve * 16))
    elif file.name.endswith("_12.tif"):
        tifffile.imwrite(file, twelve, photometric="rgb")
    elif file.name.endswith("_palette.tif"):
        picture.quantize(128).save(file)
    elif file.name.endswith("_inks.jpg"):
        picture.convert("CMYK").save(file, quality=95)
    elif file.name.endswith("_palette.dcm"):
        indexed = picture.quantize(128)
        tags, table = {"PhotometricInterpretation": "PALETTE COLOR"}, np.asarray(indexed.getpalette()).reshape(-1, 3)
        for colour, name in enumerate(("Red", "Green", "Blue")):
            tags[f"{name}PaletteColorLookupTableDescriptor"] = [len(table), 0, 16]
            tags[f"{name}PaletteColorLookupTableData"] = (table[:, colour] * 257).astype("<u2").tobytes()
        dicom(file, np.asarray(indexed), stored=8, **tags)
    elif file.suffix == ".dcm":
        dicom(file, np.asarray(picture), stored=8, **COLOUR)
    else:
        (picture if colours > 256 else picture.quantize(colours)).save(file)


@pytest.mark.parametrize(
    "kind",
    [".png", "_of_128.png", "_16.png", ".jpg", "_inks.jpg", ".tif", "_12.tif", "_palette.tif", ".dcm", "_palette.dcm"],
)
def test_false_colours_are_told_and_tints_and_marks_are_not(tmp_path, capfd, monkeypatch, kind):
    to_terminal = logging.StreamHandler(sys.__stderr__)  # which libraries in C are kept from, and this must not be
    monkeypatch.setattr(logging.getLogger("xrmri"), "handlers", [to_terminal])
    grey = np.tile(np.linspace(0, 1, 160), (120, 1))
    rainbow = np.abs(np.dstack([np.sin(3 * grey + turn) for turn in (0, 2, 4)]))
    sepia, marked = np.dstack([grey, grey * 0.8, grey * 0.6]), np.dstack([grey] * 3)
    marked[:5, :60] = 1, 0, 0
    for name, shown in {"rainbow": rainbow, "sepia": sepia, "marked": marked, "grey": np.dstack([grey] * 3)}.items():
        save_coloured(shown, tmp_path / f"{name}{kind}", colours=128 if "_of_128" in kind else 256**3)
    for name in ("sepia", "marked", "grey"):
        pixels = read_radiograph(tmp_path / f"{name}{kind}").pixels[20:]
        assert np.corrcoef(pixels.mean(axis=0), grey[0])[0, 1] > 0.999
    assert not capfd.readouterr().err
    read_radiograph(tmp_path / f"rainbow{kind}")
    told = f"rainbow{kind} is in several colours: where a table made them of greys, export it in grey"
    assert capfd.readouterr().err.count(told) == 1


def test_of_a_cameras_several_pictures_the_first_counts_and_an_animation_is_refused(tmp_path):
    plain, other = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    plain.save(tmp_path / "one.jpg", quality=100)
    plain.save(tmp_path / "two.jpg", "MPO", save_all=True, append_images=[other], quality=100)
    one, two = (read_radiograph(tmp_path / name).pixels for name in ("one.jpg", "two.jpg"))
    assert np.array_equal(one, two)
    plain.save(tmp_path / "a.png", save_all=True, append_images=[other])
    with pytest.raises(InputError, match="holds 2 images: give a file with one radiograph"):
        read_radiograph(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize(("dots", "aspect"), [((200, 100), 2.0), ((100, 200), 0.5), ((96, 96), 1.0), ((720, 10), 1.0)])
def test_pixels_that_a_picture_says_are_oblong_are_so_and_that_is_told(tmp_path, caplog, suffix, dots, aspect):
    file = tmp_path / f"a.{suffix}"
    Image.fromarray(GREY).save(file, dpi=dots)
    with caplog.at_level(logging.WARNING, logger="xrmri"):
        film = read_radiograph(file)
    assert film.pixel_aspect == pytest.approx(aspect, rel=1e-3) and film.spacing_mm is None
    told = f"says that its pixels are {aspect:.2f} times as high as wide: the knee is made as high as that"
    assert (told in caplog.text) == (aspect != 1) and bool(caplog.text) == (aspect != 1)


def test_a_picture_on_its_side_has_its_oblong_pixels_on_their_side(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif, dpi=(200, 100))
    assert read_radiograph(tmp_path / "a.png").pixel_aspect == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize(("turned", "padding"), [(True, 0), (True, 4095), (False, 4095)])
def test_padding_is_black_whichever_end_of_the_scale_is_bright(tmp_path, turned, padding):
    pixels = (NEGATIVE if turned else TWELVE).clip(1, 4094)
    pixels[:, :9] = padding
    photometric = "MONOCHROME1" if turned else "MONOCHROME2"
    dicom(tmp_path / "a", pixels, PhotometricInterpretation=photometric, PixelPaddingValue=padding)
    seen = windowed(read_radiograph(tmp_path / "a").pixels)
    black = TWELVE.copy()
    black[:, :9] = 0
    assert np.abs(seen.astype(int) - windowed(black)).max() <= 65535 * 2 / 4095


def test_padding_far_below_an_image_does_not_flatten_it(tmp_path):
    pixels = (TWELVE // 16).astype("<i2")
    pixels[:, :9] = -2000
    dicom(tmp_path / "a", pixels, stored=16, signed=1, PixelPaddingValue=63536)
    assert np.unique(windowed(read_radiograph(tmp_path / "a").pixels)).size > 200


def test_a_falling_slope_is_told(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="xrmri"):
        MEANINGS["falling slope"](tmp_path / "a")
        read_radiograph(tmp_path / "a")
    assert "a has a RescaleSlope of -1: its grey values are turned round" in caplog.text


@pytest.mark.parametrize(
    ("tags", "spacing_mm"),
    [
        ({"PixelSpacing": [0.45, 0.45], "ImagerPixelSpacing": [0.6, 0.6]}, 0.45),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.6, 0.6]}, 0.6),
        ({"PixelSpacing": None, "ImagerPixelSpacing": [0.6, 0.6],
          "EstimatedRadiographicMagnificationFactor": "1.25"}, 0.48),
        ({"PixelSpacing": [0.6, 0.6], "ImagerPixelSpacing": [0.6, 0.6],
          "EstimatedRadiographicMagnificationFactor": "1.25"}, 0.48),
        ({"PixelSpacing": [0.45, 0.45], "ImagerPixelSpacing": [0.6, 0.6],
          "EstimatedRadiographicMagnificationFactor": "1.25"}, 0.45),
        ({"PixelSpacing": None, "NominalScannedPixelSpacing": [0.17, 0.17]}, 0.17),
        ({"PixelSpacing": [0.45, 0.45], "NominalScannedPixelSpacing": [0.5, 0.5]}, 0.45),
    ],
)  # fmt: skip
def test_the_millimetres_are_those_at_the_knee(tmp_path, tags, spacing_mm):
    dicom(tmp_path / "a", **tags)
    assert read_radiograph(tmp_path / "a").spacing_mm == pytest.approx((spacing_mm, spacing_mm))


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(
    ("written", "spacing_mm"), [(b"0,45\\0,45", (0.45, 0.45)), (b"0.45\\0.30", (0.45, 0.3)), (b"unknown! ", None)]
)
def test_a_spacing_is_read_however_it_is_written_or_missed_aloud(tmp_path, caplog, bare, written, spacing_mm):
    dicom(tmp_path / "a")
    content = (tmp_path / "a").read_bytes().replace(b"0.45\\0.45", written)
    (tmp_path / "a").write_bytes(content[132:] if bare else content)
    with caplog.at_level(logging.WARNING, logger="xrmri"):
        assert read_radiograph(tmp_path / "a").spacing_mm == spacing_mm
    assert ("has a pixel spacing that is no two lengths" in caplog.text) == (spacing_mm is None)


@pytest.mark.parametrize("kind", ["FD", "LO", "UN"])
def test_a_spacing_of_an_odd_kind_is_read(tmp_path, kind):
    from pydicom import dcmread, dcmwrite
    from pydicom.dataelem import DataElement

    dicom(tmp_path / "a")
    dataset = dcmread(tmp_path / "a")
    value = {"FD": [0.45, 0.45], "LO": ["0.45", "0.45"], "UN": b"0.45\\0.45 "}[kind]
    dataset[0x0028_0030] = DataElement(0x0028_0030, kind, value)
    dcmwrite(tmp_path / "a", dataset, enforce_file_format=True)
    assert read_radiograph(tmp_path / "a").spacing_mm == (0.45, 0.45)


def test_oblong_pixels_of_unknown_size_are_square_in_a_crop(tmp_path):
    disc = np.hypot(*np.mgrid[-39.5:40, -39.5:40]) < 30
    dicom(tmp_path / "a", np.repeat(disc.astype("<u2") * 1000, 2, axis=1), PixelSpacing=None, PixelAspectRatio=[2, 1])
    film = read_radiograph(tmp_path / "a")
    assert film.spacing_mm is None and film.pixel_size == (2.0, 1.0)
    crop, spacing_mm = crop_knee(film, (0, 0, 160, 80), scale=1.0, pixels=80)
    assert spacing_mm is None and abs((crop > 0).any(0).sum() - (crop > 0).any(1).sum()) <= 1


@pytest.mark.parametrize(
    ("start", "kind"), [
        (b"GIF89a", "a GIF"),
        (b"BM", "a BMP"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "by gzip"),
        (b"\0\0\0\x18ftypheic", "a HEIC picture"),
        (b"RIFF\x10\0\0\0WEBP", "a WebP"),
        (b"\xff\xd8\xff\xc3\0\x0b\x0c", "a JPEG of a rare kind (of 12 bits, lossless, or JPEG-LS)"),
    ],
)
def test_another_kind_of_file_is_named(xrmri, tmp_path, start, kind):
    (tmp_path / "a.png").write_bytes(start + bytes(99))
    ended = xrmri("generate", tmp_path / "a.png", "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2 and f"{kind}: give a radiograph" in refusal(ended)


def test_a_kind_of_tiff_without_grey_values_is_named(xrmri, tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.complex64))
    ended = xrmri("generate", tmp_path / "a.tif", "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2 and "is a TIFF of complex64 compressed as NONE" in refusal(ended)
    tifffile.imwrite(tmp_path / "b.tif", np.dstack([GREY, GREY * 0, GREY * 0]), photometric="cielab")
    with pytest.raises(InputError, match="is a TIFF of CIELAB in uint8 compressed as NONE: give one of grey values$"):
        read_radiograph(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", np.dstack([GREY] * 4), photometric="minisblack", planarconfig="contig")
    with pytest.raises(InputError, match="holds 4 images: give a file with one radiograph$"):
        read_radiograph(tmp_path / "c.tif")


def test_a_picture_of_four_pixels_is_refused(xrmri, tmp_path):
    Image.fromarray(GREY[:2, :2]).save(tmp_path / "a.png")
    ended = xrmri("generate", tmp_path / "a.png", "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2 and "has 2 x 2 pixels: too few to show a joint" in refusal(ended)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.102", "1.2.3"])
def test_a_compression_that_nobody_reads_is_named(syntax):
    with pytest.raises(InputError, match=r"its pixels are stored as .*, which is not read: export it uncompressed$"):
        require_decoder(syntax)


@pytest.mark.parametrize(
    ("syntax", "cut", "said"),
    [
        (JPEGLosslessSV1, 0.5, "the compressed image is cut off"),
        (JPEGLSLossless, 0.5, "the compressed image is cut off"),
        (JPEGLSLossless, 0.01, "the compressed image"),
    ],
)
def test_a_codestream_that_is_cut_off_is_refused(tmp_path, syntax, cut, said):
    lossless = imagecodecs.ljpeg_encode(TWELVE, bitspersample=12)
    whole = imagecodecs.jpegls_encode(TWELVE) if syntax == JPEGLSLossless else lossless
    compressed(tmp_path / "a", syntax, whole[: int(len(whole) * cut) // 2 * 2])
    with pytest.raises(InputError, match=said):
        read_radiograph(tmp_path / "a")


def test_a_codestream_of_another_size_than_its_header_is_refused(tmp_path):
    compressed(tmp_path / "a", JPEGLSLossless, imagecodecs.jpegls_encode(TWELVE[:20]))
    with pytest.raises(InputError, match=f"20 x {COLUMNS} pixels where the header says {ROWS} x {COLUMNS}"):
        read_radiograph(tmp_path / "a")


def test_a_codestream_that_claims_too_much_is_refused_before_it_is_decoded(tmp_path):
    stream = bytearray(imagecodecs.jpegls_encode(TWELVE))
    at = stream.index(b"\xff\xf7") + 5
    stream[at : at + 4] = b"\xff\xff\xff\xff"
    compressed(tmp_path / "a", JPEGLSLossless, bytes(stream))
    with pytest.raises(InputError, match="65535 x 65535 pixels: more than"):
        read_radiograph(tmp_path / "a")


def _slices(change) -> dict[str, bytes]:
    """The slices of a series, each changed by its number."""
    return {name: change(number, content) for number, (name, content) in enumerate(SERIES.items())}


def _written(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def _with(content: bytes, **tags) -> bytes:
    from io import BytesIO

    from pydicom import dcmread, dcmwrite

    dataset = dcmread(BytesIO(content), force=True)
    for name, value in tags.items():
        setattr(dataset, name, value)
    stream = BytesIO()
    dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def test_bits_above_those_stored_are_no_part_of_a_slice():
    content = SERIES["003"]
    plain = parse(content)
    stored = plain.tags["BitsStored"]
    assert stored < 16
    words = plain.pixels().astype("<u2") | np.uint16(1 << stored)
    marked = parse(content[: -words.nbytes] + words.tobytes())
    assert np.array_equal(marked.pixels(), plain.pixels())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda n, c: _with(c, RescaleSlope=str(1 + n), RescaleIntercept="0"), "uneven scale: RescaleSlope 1 to "),
        (lambda n, c: _with(c, RescaleSlope="-1", RescaleIntercept="9"), "larger values are not the brighter ones"),
        (lambda n, c: _with(c, PresentationLUTShape="INVERSE"), "larger values are not the brighter ones"),
    ],
)
def test_slices_whose_values_do_not_mean_one_thing_are_left_out(tmp_path, change, said):
    files = _written(tmp_path, _slices(change))
    with pytest.raises(UnusableError, match=said):
        read_series(files, "right", None)


def test_one_slope_for_all_slices_changes_nothing(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    plain = read_series(_written(tmp_path / "a", _slices(lambda n, c: c)), "right", None)
    scaled = _slices(lambda n, c: _with(c, RescaleSlope="2.5", RescaleIntercept="-7"))
    assert np.array_equal(
        plain.volume.voxels, read_series(_written(tmp_path / "b", scaled), "right", None).volume.voxels
    )
