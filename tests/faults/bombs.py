"""Small files that unpack to, or claim, more memory than a computer has."""

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    RLELossless,
    SecondaryCaptureImageStorage,
)


def _dicom(file: Path, syntax: str, rows: int, columns: int, data: bytes, frames: int = 1) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = FileDataset(str(file), {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = rows, columns, frames
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = data
    if syntax == RLELossless:
        dataset["PixelData"].is_undefined_length = True
    dataset.save_as(file, enforce_file_format=True)


def deflated_dicom(file: Path) -> None:
    """600 MB of zeros in 600 kB."""
    _dicom(file, ExplicitVRLittleEndian, 4, 4, bytes(32))
    _dicom(file, DeflatedExplicitVRLittleEndian, 4, 4, bytes(32))
    content = file.read_bytes()
    start = 144 + struct.unpack_from("<I", content, 140)[0]
    plain = zlib.decompress(content[start:], -zlib.MAX_WBITS)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(plain) + b"".join(packer.compress(bytes(2**20)) for _ in range(600)) + packer.flush()
    file.write_bytes(content[:start] + packed)


def huge_rle_dicom(file: Path) -> None:
    """A run length of nothing that claims 60,000 x 60,000 pixels."""
    frame = struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\x00\x81\x00"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame
    _dicom(file, RLELossless, 60_000, 60_000, item)


def many_frames_dicom(file: Path) -> None:
    """A million frames."""
    frame = struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\x00\x81\x00"
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame
    _dicom(file, RLELossless, 1000, 1000, item, frames=10**6)


def huge_png(file: Path) -> None:
    """A header of 60,000 x 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    body = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body))


def huge_tiff(file: Path) -> None:
    """A header of 60,000 x 60,000 pixels."""
    tags = [(256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 4, 1, 60_000), (279, 4, 1, 16)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    file.write_bytes(b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(20))


FILMS: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "deflated DICOM": ("a.dcm", deflated_dicom, "it unpacks to more than 512 MiB"),
    "RLE DICOM": ("a.dcm", huge_rle_dicom, "60000 x 60000"),
    "DICOM of many frames": ("a.dcm", many_frames_dicom, "1000 x 1000 x 1000000"),
    "PNG": ("a.png", huge_png, "more than 67,108,864"),
    "TIFF": ("a.tif", huge_tiff, "more than 67,108,864"),
}
"""Kind -> file name, what makes it, what is said of it."""


def nifti(file: Path, shape: tuple[int, int, int] = (4, 5, 6), *, zeros: int = 0, **header: float) -> None:
    """A NIfTI file of int16 with a header of one's choice, and `zeros` MiB more than it tells of."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *shape, 1, 1, 1, 1)
    struct.pack_into("<hh", head, 70, 4, 16)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<fff", head, 108, header.get("vox_offset", 352), header.get("scl_slope", 1), 0)
    struct.pack_into("<hh", head, 252, 0, 1)
    for row in range(3):
        struct.pack_into("<4f", head, 280 + 16 * row, *np.eye(4)[row])
    head[344:348] = b"n+1\x00"
    small = shape if np.prod(shape) < 10**6 else (1, 1, 1)
    with gzip.open(file, "wb", compresslevel=1) as stream:
        stream.write(bytes(head) + np.arange(np.prod(small), dtype="<i2").tobytes())
        for _ in range(zeros):
            stream.write(bytes(2**20))


GRIDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a huge grid": (lambda file: nifti(file, (1500, 1500, 400)), "1500 x 1500 x 400"),
    "zeros behind the voxels": (lambda file: nifti(file, zeros=700), "holds far more than its header tells of"),
    "voxels at no byte": (lambda file: nifti(file, vox_offset=float("nan")), "has its voxels at byte nan"),
    "a scale that is no number": (lambda file: nifti(file, scl_slope=float("inf")), "scaled by inf"),
    "voxels far behind": (lambda file: nifti(file, vox_offset=3e9), "has its voxels at byte 3e+09"),
}
