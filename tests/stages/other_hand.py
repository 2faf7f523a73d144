"""An OAI-like release by another hand than the phantom's: every quirk that is known of the real one, one a knee.

Small on purpose: films of 60 x 90, FLASH series of 6 slices. Nothing here uses the package that is tested.
"""

import csv
import gzip
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, MRImageStorage, generate_uid

SLICES, ROWS, COLUMNS = 6, 32, 32
RNG = np.random.default_rng(0)


@dataclass
class Mr:
    """How an MR series is written."""

    description: str | None = "COR_T1_3D_FLASH_RIGHT"
    study: str | None = "OAI^MR^ENROLLMENT^RIGHT"
    patient: str | None = None
    slices: int = SLICES
    shape: tuple[int, int] = (ROWS, COLUMNS)
    spacing_mm: tuple[float, float] = (5.0, 5.0)
    implicit: bool = False
    bare: bool = False
    """Without preamble and file meta information."""
    backwards: bool = False
    reference: bool = False
    """File 001 is one image of another plane."""
    jitter: float = 0.0
    numbers: tuple[str, ...] = ()
    """Names of the files; default 001, 002, ..."""
    series_number: int = 5
    echoes: tuple[float, ...] = (7.57,)
    zero: int | None = None
    """A slice without a signal."""
    cut: int | None = None
    """A slice whose file ends half-way."""


def voxels(mr: Mr) -> np.ndarray:
    """Brighter to the front and to the patient's left, and noise, so that no two series are the same."""
    depth, row, column = np.meshgrid(*(np.arange(n) for n in (mr.slices, *mr.shape)), indexing="ij")
    return (100 * (depth + 1) + 2 * column + row % 3 + RNG.integers(0, 3, depth.shape)).astype("<u2")


def mr_files(mr: Mr, participant: str) -> dict[str, bytes]:
    """The files of an MR series by name; slices run to the front, rows down, columns to the patient's left."""
    images = []
    uid = generate_uid()
    for index, pixels in enumerate(voxels(mr)):
        for echo in mr.echoes:
            noise = RNG.uniform(-1, 1, 10) * mr.jitter
            dataset = _slice(mr, participant, pixels * (0 if mr.zero == index else 1), noise)
            dataset.ImagePositionPatient = [-70 + noise[6], 50 - 1.5 * index + noise[7], 80 + noise[8]]
            dataset.EchoTime, dataset.SeriesInstanceUID = f"{echo:g}", uid
            images.append(dataset)
    if mr.backwards:
        images.reverse()
    if mr.reference:
        extra = _slice(mr, participant, voxels(mr)[0], np.zeros(10))
        extra.ImageOrientationPatient, extra.ImagePositionPatient = [0, 1, 0, 0, 0, -1], [0, -50, 80]
        images.insert(0, extra)
    names = mr.numbers or tuple(f"{number:03d}" for number in range(1, len(images) + 1))
    files = {}
    for number, (name, dataset) in enumerate(zip(names, images, strict=True)):
        dataset.InstanceNumber = number + 1
        content = _bytes(dataset, mr)
        files[name] = content[: len(content) // 2] if mr.cut == number else content
    return files


def _slice(mr: Mr, participant: str, pixels: np.ndarray, noise: np.ndarray) -> Dataset:
    """One image with the header of a scanner."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, generate_uid()
    dataset.Modality, dataset.PatientID = "MR", mr.patient or participant
    dataset.PatientName, dataset.PatientBirthDate = "SECRET^NAME", "19500101"
    if mr.study is not None:
        dataset.StudyDescription = mr.study
    if mr.description is not None:
        dataset.SeriesDescription = mr.description
    dataset.SeriesNumber, dataset.SliceThickness = mr.series_number, "1.50000001"
    dataset.MagneticFieldStrength = "2.89362"
    dataset.ImageOrientationPatient = [f"{v:.10g}" for v in np.array([1, 0, 0, 0, 0, -1]) + noise[:6] * 0.1]
    dataset.PixelSpacing = [f"{value + mr.jitter * 1e-3:.9g}" for value in mr.spacing_mm]
    _pixels(dataset, pixels, 12)
    dataset.PhotometricInterpretation = "MONOCHROME2"
    return dataset


@dataclass
class Film:
    """How a film is written."""

    description: str | None = "Bilateral PA Fixed Flexion Knee"
    inverted: bool = False
    spacing: tuple[str, object] | None = ("ImagerPixelSpacing", ["0.15", "0.15"])
    laterality: str = ""
    characters: str = "ISO_2022_IR_6"
    patient: str | None = None
    width: int = 90


def film_bytes(film: Film, participant: str) -> bytes:
    """One radiograph, brighter to image right, unlike every other."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = film.characters
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", generate_uid()
    dataset.Modality, dataset.PatientID, dataset.PatientName = "CR", film.patient or participant, "SECRET^NAME"
    dataset.StudyDescription, dataset.ClinicalTrialTimePointID = "OAI^XRAY^SCREENING^KNEE", "0"
    if film.description is not None:
        dataset.SeriesDescription = film.description
    if film.laterality:
        dataset.Laterality = film.laterality
    if film.spacing:
        setattr(dataset, *film.spacing)
    pixels = (np.arange(film.width) * 20 + RNG.integers(0, 9, (60, film.width))).astype("<u2")
    _pixels(dataset, 4095 - pixels if film.inverted else pixels, 12)
    dataset.PhotometricInterpretation = "MONOCHROME1" if film.inverted else "MONOCHROME2"
    return _bytes(dataset, Mr())


def _pixels(dataset: Dataset, pixels: np.ndarray, bits: int) -> None:
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelData = pixels.astype("<u2").tobytes()


def _bytes(dataset: Dataset, how: Mr) -> bytes:
    stream = io.BytesIO()
    if how.bare:
        dataset.save_as(stream, implicit_vr=True, little_endian=True, enforce_file_format=False)
        return stream.getvalue()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if how.implicit else ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def lay(folder: Path, files: dict[str, bytes]) -> Path:
    """A series as a folder, with what a real disk leaves in one."""
    (folder / "efs").mkdir(parents=True)
    (folder / ".DS_Store").write_bytes(b"\0\0")
    (folder / "._001").write_bytes(b"resource fork")
    (folder / "thumbnail_1x1.jpg").write_bytes(b"\xff\xd8")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def packed(files: dict[str, bytes], prefix: str = "./") -> bytes:
    """A series as NDA packs it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def with_link(files: dict[str, bytes]) -> bytes:
    """An archive whose first member is a link out of it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        link = tarfile.TarInfo("001")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name, content in list(files.items())[1:]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def bomb() -> bytes:
    """A small archive that unpacks to a gigabyte."""
    member = tarfile.TarInfo("001")
    member.size = 2**30
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed_stream:
        packed_stream.write(member.tobuf())
        for _ in range(4):
            packed_stream.write(bytes(2**20))
    return stream.getvalue()


READINGS = ("ID", "SIDE", "READPRJ", "VERSION", "V00BARCDBU", "V00XRKL", "V00XRJSM", "V00XRJSL", "V00XROSFM", "REMARK")


def readings(rows: list[tuple[str, ...]], columns: tuple[str, ...] = READINGS) -> bytes:
    """kXR_SQ_BU as OAI writes it: |, CRLF, latin-1."""
    return "".join("|".join(row) + "\r\n" for row in (columns, *rows)).encode("latin-1")


def contents(rows: list[tuple[str, str]]) -> str:
    """contents.csv: (folder, description) with what stands between them."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(
        ("Folder", "ParticipantID", "StudyDate", "AccessionNumber", "StudyDescription", "SeriesDescription")
    )
    for folder, description in rows:
        parts = [part for part in folder.split("/") if part]
        writer.writerow((folder, parts[1], parts[2], str(int(parts[3])), "OAI^MR^ENROLLMENT^RIGHT", description))
    return text.getvalue()


def image03(rows: list[tuple[str, str]]) -> str:
    """NDA's sheet: (address, description); every cell quoted, the second line describes the columns."""
    names = (
        "collection_id",
        "subjectkey",
        "src_subject_id",
        "image_file",
        "image_description",
        "image_modality",
        "visit",
    )
    lines = [names, tuple(f"what {name} is" for name in names)]
    for address, description in rows:
        participant = address.split("/")[-3]
        lines.append(("1", "NDAR_INV1", participant, address, description, "MRI", "V00"))
    return "".join("\t".join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)
