"""One radiograph in the encodings that scanners, archives and programs give it; each function writes one file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

ROWS, COLUMNS = 48, 40
GREY = np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS)).astype(np.uint8)
"""The radiograph in 8 bits."""
GREY.flat[:2] = 0, 255
TWELVE = GREY.astype("<u2") * 16
"""The same in the 12 bits of a plate."""
NEGATIVE = (4095 - TWELVE).astype("<u2")
FALLING = np.arange(4095, -1, -1) * 16
HTJ2K_LOSSLESS = UID("1.2.840.10008.1.2.4.201")

Writer = Callable[[Path], object]


def dicom(file: Path, pixels: np.ndarray = TWELVE, *, stored: int = 12, signed: int = 0, **tags: Any) -> Dataset:
    """A plain radiograph; tags by keyword are added, or changed."""
    dataset, dataset.file_meta = Dataset(), FileMetaDataset()
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *pixels.shape[:2], 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = pixels.dtype.itemsize * 8, stored, stored - 1
    dataset.PixelRepresentation = signed
    dataset.PixelSpacing = [0.45, 0.45]
    for name, value in tags.items():
        setattr(dataset, name, value)
        if name.startswith("PixelPadding"):
            dataset[name].VR = "US"
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW" if dataset.BitsAllocated > 8 else "OB"
    dcmwrite(file, dataset, enforce_file_format=True)
    return dataset


def big_endian(file: Path, pixels: np.ndarray, **tags: Any) -> None:
    """The same, the high byte of each number first."""
    dataset = dicom(file, pixels, **tags)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.PixelData = pixels.astype(">u2").tobytes()
    dcmwrite(file, dataset, enforce_file_format=True)


def run_length(file: Path, pixels: np.ndarray, **tags: Any) -> None:
    """The same, compressed by the length of runs."""
    dataset = dicom(file, pixels, **tags)
    dataset.compress(RLELossless)
    dcmwrite(file, dataset, enforce_file_format=True)


def compressed(file: Path, syntax: UID, stream: bytes, **tags: Any) -> None:
    """The same, its pixels as a codestream."""
    dataset = dicom(file, GREY, stored=8, **tags) if tags else dicom(file)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dcmwrite(file, dataset, enforce_file_format=True)


def table(values: np.ndarray, word: str = "<u2", **tags: str) -> list[Dataset]:
    """A table that begins at 0, its entries of 16 bits or of 8."""
    item = Dataset()
    item.LUTDescriptor = [len(values), 0, 8 * np.dtype(word).itemsize]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = np.asarray(values).astype(word).tobytes()
    item["LUTData"].VR = "OW"
    for name, value in tags.items():
        setattr(item, name, value)
    return [item]


def palette(file: Path) -> None:
    """Indices into a grey ramp that falls."""
    ramp = np.arange(255, -1, -1).astype("<u2") * 257
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{colour}PaletteColorLookupTableData"] = ramp.tobytes()
    dicom(file, 255 - GREY, stored=8, **tags)


def palette_of_words(file: Path, **data: bytes) -> None:
    """Indices of 12 bits into a grey ramp that falls, its entries in words or as given."""
    tags: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [4096, 0, 16]
        for name, value in (data or {"{}PaletteColorLookupTableData": FALLING.astype("<u2").tobytes()}).items():
            tags[name.format(colour)] = value
    dicom(file, NEGATIVE, **tags)


def in_fractions(file: Path, word: str, pixels: np.ndarray = TWELVE, **tags: Any) -> None:
    """Pixels as floating point numbers in [0, 1], of 32 or 64 bits."""
    dataset = dicom(file, **tags)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, name)
    dataset.BitsAllocated = 8 * np.dtype(word).itemsize
    name = {"<f4": "FloatPixelData", "<f8": "DoubleFloatPixelData"}[word]
    setattr(dataset, name, (pixels / 4095).astype(word).tobytes())
    dcmwrite(file, dataset, enforce_file_format=True)


def enhanced(file: Path, groups: str) -> None:
    """An image whose millimetres and falling slope stand in functional groups of its own or of all."""
    dataset = dicom(file, NEGATIVE, NumberOfFrames=1)
    measures, values, group = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = dataset.pop("PixelSpacing").value
    values.RescaleSlope, values.RescaleIntercept = "-1", "4095"
    group.PixelMeasuresSequence, group.PixelValueTransformationSequence = [measures], [values]
    dataset.SharedFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence = [Dataset()]
    setattr(dataset, groups, [group])
    dcmwrite(file, dataset, enforce_file_format=True)


def lower_case(file: Path) -> None:
    """A negative that says so in small letters."""
    dicom(file, NEGATIVE, PhotometricInterpretation="MONOCHROME1")
    file.write_bytes(file.read_bytes().replace(b"MONOCHROME1 ", b"monochrome1 "))


def _eight_in_words() -> list[Dataset]:
    (item,) = table(FALLING >> 8)
    item.LUTDescriptor[2] = 8
    return [item]


def _table_of_negatives(file: Path) -> None:
    """Signed values through a table whose first one is negative, written as a kind that has no sign."""
    (item,) = table(FALLING, ModalityLUTType="US")
    item.LUTDescriptor[1] = 65536 - 2048
    dicom(file, NEGATIVE.astype("<i2") - 2048, signed=1, ModalityLUTSequence=[item])


COLOUR = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}
COLOUR_TRANSFORMED = COLOUR | {"PhotometricInterpretation": "YBR_RCT"}
OVERLAY = TWELVE | np.uint16(1 << 12) * (GREY > 99)
MEANINGS: dict[str, Writer] = {
    "plain": dicom,
    "low values bright": lambda file: dicom(file, NEGATIVE, PhotometricInterpretation="MONOCHROME1"),
    "monochrome1": lower_case,
    "turned by its presentation": lambda file: dicom(file, NEGATIVE, PresentationLUTShape="INVERSE"),
    "turned by both": lambda file: dicom(
        file, NEGATIVE, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
    ),
    "falling slope": lambda file: dicom(file, NEGATIVE, RescaleSlope="-1", RescaleIntercept="4095"),
    "slope 2.5": lambda file: dicom(file, RescaleSlope="2.5", RescaleIntercept="-1024"),
    "modality table": lambda file: dicom(file, NEGATIVE, ModalityLUTSequence=table(FALLING, ModalityLUTType="US")),
    "VOI table": lambda file: dicom(file, NEGATIVE, VOILUTSequence=table(FALLING)),
    "VOI table of 8 bits": lambda file: dicom(file, NEGATIVE, VOILUTSequence=table(FALLING >> 8, "u1")),
    "VOI table of 8 bits in words": lambda file: dicom(file, NEGATIVE, VOILUTSequence=_eight_in_words()),
    "table after table": lambda file: dicom(
        file, ModalityLUTSequence=table(FALLING >> 4, ModalityLUTType="US"), VOILUTSequence=table(FALLING)
    ),
    "modality table of negatives": _table_of_negatives,
    "presentation table": lambda file: dicom(file, NEGATIVE, PresentationLUTSequence=table(FALLING)),
    "sigmoid": lambda file: dicom(file, WindowCenter="999", WindowWidth="500", VOILUTFunction="SIGMOID"),
    "in its own group": lambda file: enhanced(file, "PerFrameFunctionalGroupsSequence"),
    "in the group of all": lambda file: enhanced(file, "SharedFunctionalGroupsSequence"),
    "fractions of 32 bits": lambda file: in_fractions(file, "<f4"),
    "fractions of 64 bits": lambda file: in_fractions(file, "<f8"),
    "fractions turned": lambda file: in_fractions(file, "<f4", NEGATIVE, PhotometricInterpretation="MONOCHROME1"),
    "overlay in bit 12": lambda file: dicom(file, OVERLAY),
    "12 bits on top of 16": lambda file: dicom(file, TWELVE << 4, HighBit=15),
    "12 bits on top of 16, big endian": lambda file: big_endian(file, TWELVE << 4, HighBit=15),
    "overlay in bit 12, big endian": lambda file: big_endian(file, OVERLAY),
    "12 bits between others, run length": lambda file: run_length(file, TWELVE << 2 | 3, HighBit=13),
    "signed": lambda file: dicom(file, (TWELVE.astype("<i2") - 2048), signed=1),
    "signed without its sign": lambda file: dicom(file, (TWELVE - np.uint16(2048)) & np.uint16(0xFFF), signed=1),
    "signed, low values bright": lambda file: dicom(
        file, NEGATIVE.astype("<i2") - 2048, signed=1, PhotometricInterpretation="MONOCHROME1"
    ),
    "palette": palette,
    "palette of words": palette_of_words,
    "palette of bytes": lambda file: palette_of_words(
        file, **{"{}PaletteColorLookupTableData": (FALLING >> 8).astype("u1").tobytes()}
    ),
    "palette in segments": lambda file: palette_of_words(
        file, **{"Segmented{}PaletteColorLookupTableData": np.array((0, 1, 65520, 1, 4095, 0), "<u2").tobytes()}
    ),
    "8 bits": lambda file: dicom(file, GREY, stored=8),
    "colour capture": lambda file: dicom(file, np.dstack([GREY] * 3), stored=8, **COLOUR),
    "colour by planes": lambda file: dicom(
        file, np.stack([GREY] * 3).reshape(ROWS, COLUMNS, 3), stored=8, **COLOUR | {"PlanarConfiguration": 1}
    ),
    "JPEG lossless": lambda file: compressed(file, JPEGLosslessSV1, imagecodecs.ljpeg_encode(TWELVE, bitspersample=12)),
    "JPEG lossless, predictor 4": lambda file: compressed(
        file, JPEGLossless, imagecodecs.jpeg8_encode(TWELVE, lossless=True, predictor=4, bitspersample=12)
    ),
    "JPEG-LS": lambda file: compressed(file, JPEGLSLossless, imagecodecs.jpegls_encode(TWELVE)),
    "HTJ2K in colour": lambda file: compressed(
        file, HTJ2K_LOSSLESS, imagecodecs.htj2k_encode(np.dstack([GREY] * 3)), **COLOUR_TRANSFORMED
    ),
    "HTJ2K": lambda file: compressed(file, HTJ2K_LOSSLESS, imagecodecs.htj2k_encode(TWELVE)),
}
"""DICOM files that all show TWELVE, up to a straight line through its values."""
LOSSY: dict[str, Writer] = {
    "JPEG of 12 bits": lambda file: compressed(
        file, JPEGExtended12Bit, imagecodecs.jpeg_encode(TWELVE, level=100, bitspersample=12)
    )
}

_NOISE = np.random.default_rng(1).integers(0, 256, GREY.shape).astype(np.uint8)
_SIXTEEN, _TEN = GREY.astype(np.uint16) * 257, GREY.astype(np.uint16) * 4
_OPAQUE = np.full_like(_TEN, 65535)


def _ramp(colours: int) -> np.ndarray:
    """A palette of greys that rise."""
    return np.stack([np.linspace(0, 65535, colours).round().astype(np.uint16)] * 3)


def _tiff(samples: np.ndarray, **how: Any) -> Writer:
    return lambda file: tifffile.imwrite(file, samples, **how)


def _with_page(small: bool, first: bool, **page: Any) -> Writer:
    """A TIFF of two pages, of which one is a small copy or a mask."""

    def write(file: Path) -> None:
        other = GREY[::4, ::4] if small else GREY > 99
        pages: list[tuple[np.ndarray, dict[str, Any]]] = [(_SIXTEEN, {}), (other, page)]
        with tifffile.TiffWriter(file) as tiff:
            for pixels, how in reversed(pages) if first else pages:
                tiff.write(pixels, **how)

    return write


def _png16(*channels: np.ndarray) -> Writer:
    return lambda file: file.write_bytes(imagecodecs.png_encode(np.stack(channels, -1)))


PICTURES: dict[str, Writer] = {
    "8 bits.png": lambda file: Image.fromarray(GREY).save(file),
    "RGB of 10 bits in 16.png": _png16(_TEN, _TEN, _TEN),
    "grey and alpha of 10 bits in 16.png": _png16(_TEN, _OPAQUE),
    "RGBA of 10 bits in 16.png": _png16(_TEN, _TEN, _TEN, _OPAQUE),
    "white is 0, 8 bits.tif": _tiff(255 - GREY, photometric="miniswhite"),
    "white is 0, 16 bits.tif": _tiff(65535 - _SIXTEEN, photometric="miniswhite"),
    "white is 0, 16 bits, LZW.tif": _tiff(65535 - _SIXTEEN, photometric="miniswhite", compression="lzw"),
    "white is 0, float.tif": _tiff((255 - GREY).astype(np.float32), photometric="miniswhite"),
    "int8.tif": _tiff((GREY.astype(int) - 128).astype(np.int8)),
    "uint32.tif": _tiff(GREY.astype(np.uint32) * 16843009),
    "RGB of 10 bits in 16.tif": _tiff(np.stack([_TEN] * 3, -1), photometric="rgb"),
    "RGB by planes.tif": _tiff(np.stack([_TEN] * 3), photometric="rgb", planarconfig="separate"),
    "float64.tif": _tiff(GREY.astype(np.float64)),
    "float16.tif": _tiff(GREY.astype(np.float16)),
    "grey and alpha, 16 bits.tif": _tiff(
        np.stack([_SIXTEEN, _OPAQUE], -1), photometric="minisblack", extrasamples=["unassalpha"], planarconfig="contig"
    ),
    "grey and something else.tif": _tiff(
        np.dstack([GREY, _NOISE]), photometric="minisblack", extrasamples=["unspecified"], planarconfig="contig"
    ),
    "RGB, alpha and something else.tif": _tiff(
        np.dstack([GREY] * 3 + [np.full_like(GREY, 255), _NOISE]),
        photometric="rgb",
        extrasamples=["unassalpha", "unspecified"],
    ),
    "palette.tif": _tiff(255 - GREY, photometric="palette", colormap=_ramp(256)[:, ::-1]),
    "palette of 16 bits.tif": _tiff(_SIXTEEN, photometric="palette", colormap=_ramp(65536)),
    "with a small copy.tif": _with_page(small=True, first=False, subfiletype=1),
    "behind a small copy.tif": _with_page(small=True, first=True, subfiletype=1),
    "with a mask.tif": _with_page(small=False, first=False, subfiletype=4),
}
"""Pictures that all show GREY, up to a straight line through its values."""
