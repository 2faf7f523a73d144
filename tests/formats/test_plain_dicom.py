"""The quick reader of plain DICOM, byte by byte: what it takes, from where, and what it leaves to pydicom."""

import struct

import pytest

from xrmri.formats.plain_dicom import plain_labels, plain_tags

EXPLICIT, IMPLICIT = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0"
TEXTS = {
    (0x18, 0x81): "EchoTime",
    (0x18, 0x1114): "EstimatedRadiographicMagnificationFactor",
    (0x18, 0x1164): "ImagerPixelSpacing",
    (0x20, 0xE): "SeriesInstanceUID",
    (0x20, 0x32): "ImagePositionPatient",
    (0x20, 0x37): "ImageOrientationPatient",
    (0x28, 0x4): "PhotometricInterpretation",
    (0x28, 0x8): "NumberOfFrames",
    (0x28, 0x30): "PixelSpacing",
    (0x28, 0x34): "PixelAspectRatio",
    (0x28, 0x1052): "RescaleIntercept",
    (0x28, 0x1053): "RescaleSlope",
    (0x2050, 0x20): "PresentationLUTShape",
}
NUMBERS = {
    (0x28, 0x2): "SamplesPerPixel",
    (0x28, 0x10): "Rows",
    (0x28, 0x11): "Columns",
    (0x28, 0x100): "BitsAllocated",
    (0x28, 0x101): "BitsStored",
    (0x28, 0x102): "HighBit",
    (0x28, 0x103): "PixelRepresentation",
}
LABELS = {
    (0x8, 0x1030): "StudyDescription",
    (0x8, 0x103E): "SeriesDescription",
    (0x10, 0x20): "PatientID",
    (0x20, 0xE): "SeriesInstanceUID",
    (0x20, 0x11): "SeriesNumber",
}
PIXELS = (0x7FE0, 0x10)


def explicit(tag: tuple[int, int], kind: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    if kind in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return struct.pack("<HH2sHI", *tag, kind, 0, size) + value
    return struct.pack("<HH2sH", *tag, kind, size) + value


def implicit(tag: tuple[int, int], kind: bytes, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", *tag, len(value) if length is None else length) + value


def file_of(*elements: tuple, syntax: bytes = EXPLICIT) -> bytes:
    """A file of elements (tag, kind, value), in the syntax."""
    write = implicit if syntax == IMPLICIT else explicit
    meta = explicit((2, 0), b"UL", b"\0\0\0\0") + explicit((2, 1), b"OB", b"\0\1") + explicit((2, 0x10), b"UI", syntax)
    return b"\0" * 128 + b"DICM" + meta + b"".join(write(*one) for one in elements)


def every_tag() -> list[tuple]:
    texts = [(tag, b"DS", f" {number}.5 ".encode()) for number, tag in enumerate(TEXTS)]
    numbers = [(tag, b"US", struct.pack("<H", 300 + number)) for number, tag in enumerate(NUMBERS)]
    return [*sorted(texts + numbers), (PIXELS, b"OW", b"\1\2\3\4")]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_every_tag_that_the_pipeline_asks_for_is_taken_as_it_stands(syntax):
    found = plain_tags(file_of(*every_tag(), syntax=syntax) + b"what follows")
    assert bytes(found.pop("PixelData")) == b"\1\2\3\4"
    assert found == {
        **{name: f"{number}.5" for number, name in enumerate(TEXTS.values())},
        **{name: 300 + number for number, name in enumerate(NUMBERS.values())},
    }


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_labels_are_taken_up_to_the_series_number_and_nothing_behind_it_is_read(syntax):
    labels = [(tag, b"LO", f"label {number}\0".encode()) for number, tag in enumerate(LABELS)]
    content = file_of(*labels, ((0x20, 0x32), b"DS", b"1"), syntax=syntax)
    expected = {name: f"label {number}" for number, name in enumerate(LABELS.values())}
    assert plain_labels(content) == expected
    assert plain_labels(content[:-1]) == expected  # of the last element its tag is enough
    assert plain_labels(file_of(*labels, syntax=syntax)) is None  # it may go on
    assert plain_labels(file_of(((8, 0x1030), b"OW", b"ab"), ((0x20, 0x32), b"DS", b"1"))) is None  # no text


@pytest.mark.parametrize(
    "odd",
    [
        ((0x28, 0x10), b"SS", b"\1\0"),
        ((0x28, 0x10), b"US", b"\1\0\1\0"),
        ((0x28, 0x120), b"US", b"\0\0"),
        ((0x28, 0x121), b"US", b"\0\0"),
        ((0x28, 0x1101), b"US", b"\0\1\0\0\10\0"),
        ((0x28, 0x3000), b"SQ", b""),
        ((0x2050, 0x10), b"SQ", b""),
        ((0x5200, 0x9229), b"SQ", b""),
        ((0x5200, 0x9230), b"SQ", b""),
        ((0x28, 0x3010), b"SQ", b""),
        ((0x28, 0x30), b"OB", b"1\\"),
        ((0x8, 0x1140), b"SQ", b"", 0xFFFFFFFF),
        (PIXELS, b"OB", b"", 0xFFFFFFFF),
    ],
)
def test_what_is_not_plain_is_left_to_pydicom(odd):
    rest = [one for one in every_tag() if one[0] != odd[0]]
    assert plain_tags(file_of(*sorted([*rest, odd]))) is None
    assert plain_tags(file_of(*rest, (PIXELS, b"OW", b""))) is not None


@pytest.mark.parametrize("kind", [b"OB", b"OW", b"SQ", b"UN", b"UT"])
def test_values_with_a_long_header_are_stepped_over(kind):
    found = plain_tags(file_of(((9, 1), kind, b"abc"), ((0x28, 0x10), b"US", b"\2\1"), (PIXELS, b"OW", b"x")))
    assert found["Rows"] == 258 and bytes(found["PixelData"]) == b"x"


def test_another_syntax_or_no_preamble_or_an_end_too_soon_is_not_plain():
    content = file_of(*every_tag())
    assert plain_tags(file_of(*every_tag(), syntax=b"1.2.840.10008.1.2.2\0")) is None
    assert plain_tags(b"\0" * 128 + b"DICX" + content[132:]) is None
    assert plain_tags(content[:-16]) is None  # no pixels at all
    assert plain_tags(content[132:]) is None
