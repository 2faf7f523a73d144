"""A DICOM file is read the same way with and without pydicom, and damage is an InputError whatever it hits."""

import warnings
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.encoded import GREY, TWELVE, dicom
from tests.stages.other_hand import Film, Mr, film_bytes, mr_files
from xrmri.errors import InputError
from xrmri.formats.compressed import require_decoder
from xrmri.formats.dicom import Header, Image, parse, read_film, read_labels
from xrmri.formats.plain_dicom import plain_labels, plain_tags
from xrmri.formats.quiet import no_warnings

FLASH = mr_files(Mr(jitter=0.01), "9000001")["003"]
FILM = film_bytes(Film(inverted=True), "9000001")


def same(one: Header, other: Header) -> bool:
    """Whether two headers say the same."""
    return (
        (one.echo_time_ms, one.shape, one.spacing_mm) == (other.echo_time_ms, other.shape, other.spacing_mm)
        and np.array_equal(one.orientation, other.orientation)
        and np.array_equal(one.position_mm, other.position_mm)
    )


@pytest.mark.parametrize("content", [FLASH, mr_files(Mr(implicit=True), "9000001")["001"], FILM])
def test_a_plain_file_says_the_same_to_both_readers(monkeypatch, content):
    quick = parse(content)
    assert isinstance(quick.tags, dict)
    monkeypatch.setattr("xrmri.formats.dicom.plain_tags", lambda content: None)
    slow = parse(content)
    assert not isinstance(slow.tags, dict) and np.array_equal(quick.pixels(), slow.pixels())
    if slow.header.orientation is None:
        assert (quick.header.shape, quick.header.spacing_mm) == (slow.header.shape, slow.header.spacing_mm)
        assert quick.tags["PhotometricInterpretation"] == slow.tags.PhotometricInterpretation
    else:
        assert same(quick.header, slow.header)


@pytest.mark.parametrize("content", [FLASH, mr_files(Mr(implicit=True, study=None), "9000001")["001"], FILM])
def test_labels_are_the_same_to_both_readers(monkeypatch, content):
    quick = read_labels(content[:16384])
    monkeypatch.setattr("xrmri.formats.dicom.plain_labels", lambda content: None)
    with no_warnings():
        assert read_labels(content[:16384]) == quick
    assert quick.participant == "9000001" and quick.description and plain_labels(content)


def test_a_bare_or_compressed_file_is_left_to_pydicom():
    assert plain_tags(mr_files(Mr(bare=True), "9000001")["001"]) is None
    assert plain_tags(FLASH.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")) is None
    assert plain_tags(FLASH[:200]) is None and plain_tags(b"") is None


def test_what_pydicom_thinks_of_a_tag_is_no_word_to_a_person(tmp_path):
    file = tmp_path / "a.dcm"
    file.write_bytes(FILM.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.x!.8.1.2.1\0\0"))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with suppress(InputError):
            read_film(file)
    assert [str(one.message) for one in said] == []


def used(image: Image) -> None:
    """Everything that the pipeline asks of an image."""
    image.pixels()
    image.tags.get("PhotometricInterpretation")


@pytest.mark.parametrize("end", range(132, 164))
def test_a_file_that_ends_within_its_first_elements_is_an_input_error_or_an_image(end):
    for work in (lambda: used(parse(FLASH[:end])), lambda: read_labels(FLASH[:end])):
        try:
            with no_warnings():
                work()
        except InputError as error:
            assert "\n" not in str(error)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([FLASH, FILM]), st.data())
def test_a_damaged_file_is_an_input_error_or_an_image_and_nothing_else(content, data):
    damaged = bytearray(content)
    header = len(content) - len(parse(content).tags["PixelData"])
    for place in data.draw(st.lists(st.integers(0, header + 8), max_size=4)):
        damaged[place % len(damaged)] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged
    for work in (lambda: used(parse(bytes(damaged))), lambda: read_labels(bytes(damaged)[:16384])):
        try:
            with no_warnings():
                work()
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("tag", [b"\x28\0\4\0CS", b"\x20\0\x0e\0UI"])
def test_a_text_of_a_kind_that_is_none_is_told_as_the_header_is_read(tag):
    assert FLASH.count(tag) == 1
    with pytest.raises(InputError, match="not a DICOM image"):
        parse(FLASH.replace(tag, tag[:-1] + b"\0"))


def test_a_compression_whose_name_breaks_the_line_is_told_in_one():
    with pytest.raises(InputError, match=r"^its pixels are stored as 1\\n2\.840, which is not read: export it"):
        require_decoder("1\n2.840")


@pytest.mark.parametrize(("stored", "high", "signed"), [(20, 25, 0), (12, 31, 0), (20, 25, 1)])
def test_pixels_of_32_bits_are_the_stored_ones_below_the_highest_whatever_stands_around_them(
    tmp_path, stored, high, signed
):
    values = GREY.astype(np.uint32) << (stored - 8 - signed)
    around = np.random.default_rng(1).integers(0, 2**32, values.shape, np.uint32)
    mask = np.uint32((2**stored - 1) << (high + 1 - stored))
    words = values << np.uint32(high + 1 - stored) | around & ~mask
    dicom(tmp_path / "a.dcm", words.astype("<u4"), stored=stored, signed=signed, HighBit=high)
    assert np.array_equal(read_film(tmp_path / "a.dcm").pixels, values)


def test_a_slope_that_makes_pixels_larger_than_any_number_is_told(tmp_path):
    dicom(tmp_path / "a.dcm", RescaleSlope="1e37", RescaleIntercept="0")
    with pytest.raises(InputError, match="its slope makes its pixels larger than any number"):
        read_film(tmp_path / "a.dcm")


@pytest.mark.parametrize("tags", [{"PixelAspectRatio": [11, 1]}, {"PixelSpacing": [0.1, 1.1]}])
def test_pixels_eleven_times_as_long_as_wide_are_a_mistake_and_square(tmp_path, tags):
    dicom(tmp_path / "a.dcm", **({"PixelSpacing": None} | tags))
    film = read_film(tmp_path / "a.dcm")
    assert (film.pixel_aspect, film.spacing_mm) == (1.0, None)


def test_pixels_that_are_two_images_where_the_header_tells_of_one_are_refused(tmp_path):
    whole = np.concatenate([TWELVE, TWELVE])
    dicom(tmp_path / "a.dcm", whole, Rows=len(TWELVE))
    with pytest.raises(InputError, match="7680 bytes where 48 x 40 pixels need 3840"):
        read_film(tmp_path / "a.dcm")
    dicom(tmp_path / "a.dcm", whole[:-1], Rows=len(TWELVE))
    assert np.array_equal(read_film(tmp_path / "a.dcm").pixels, TWELVE)
