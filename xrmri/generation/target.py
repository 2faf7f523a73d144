"""Where the files of one case go, and which names can be written."""

from dataclasses import dataclass
from pathlib import Path

from xrmri.config import Generate
from xrmri.errors import InputError
from xrmri.formats.nifti import volume_name
from xrmri.generation.claim import DICOM_FOLDER
from xrmri.storage.names import MOST_NAME_BYTES

VOLUME_SUFFIXES = (".nii.gz", ".nii")
_OTHER_SUFFIXES = (
    ".gz",
    ".mha",
    ".mhd",
    ".nrrd",
    ".nhdr",
    ".mgz",
    ".img",
    ".hdr",
    ".dcm",
    ".png",
    ".json",
    ".h5",
    ".npy",
)


def require_output(path: Path) -> None:
    """Refuse a name for what is written that could not be written, or would not be what it says.

    Raises:
        InputError: bytes that are not UTF-8, too long, or an ending of another format, written twice or in capitals.
    """
    name, plain = path.name, volume_name(path)
    shown = f"-o {path}"
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{shown} has bytes that are not UTF-8: give another name") from error
    if not name.endswith(VOLUME_SUFFIXES) and name.lower().endswith((*VOLUME_SUFFIXES, *_OTHER_SUFFIXES)):
        raise InputError(f"{shown} is neither a folder nor a name in .nii.gz: volumes are written as .nii.gz")
    if not plain:
        raise InputError(f"{shown} has no name before its ending: give one")
    if plain.lower().endswith(VOLUME_SUFFIXES):
        raise InputError(f"{shown} ends in the name of a format twice: give a name in .nii.gz")
    if len(name.encode()) > MOST_NAME_BYTES + len("_mri.nii.gz"):
        raise InputError(f"{shown} is too long: give a name of at most {MOST_NAME_BYTES} letters")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The files of one case; further volumes are named after the first."""

    volume: Path
    pictures: tuple[str, ...] = ()
    """Endings of the pictures asked for beside the preview."""
    dicom: bool = False
    """Each volume is written as a DICOM series too."""
    labels: bool = False
    """Beside each sample lies a map of what its voxels are made of."""

    @property
    def stem(self) -> str:
        """The file's name without .nii.gz."""
        return volume_name(self.volume)

    def beside(self, ending: str) -> Path:
        """Another file of the same case."""
        return self.volume.with_name(self.stem + ending)

    @property
    def pictures_missing(self) -> list[str]:
        """Endings of the pictures that are asked for and not there."""
        return [ending for ending in self.pictures if not self.beside(ending).exists()]

    def volumes(self, config: Generate) -> list[Path]:
        """One file a sample, and mean and standard deviation where there are several; or the expected volume's two."""
        suffix = self.volume.name.removeprefix(self.stem)
        further = [f"_sample-{number}" for number in range(2, config.samples + 1)]
        further += ["_mean", "_std"] if config.samples > 1 else ["_std"] if config.mean else []
        return [self.volume, *(self.beside(f"{name}{suffix}") for name in further)]

    def label_maps(self, config: Generate) -> list[Path]:
        """One file a sample, if they are asked for."""
        suffix = self.volume.name.removeprefix(self.stem)
        labelled = self.volumes(config)[: config.samples] if self.labels else []
        return [one.with_name(f"{volume_name(one)}_labels{suffix}") for one in labelled]

    def files(self, config: Generate) -> list[Path]:
        """Everything that one case writes, DICOM series by their folders."""
        volumes = [*self.volumes(config), *self.label_maps(config)]
        endings = (".json", ".png", *self.pictures)
        return [*volumes, *(self.beside(ending) for ending in endings), *self.series(config)]

    def series(self, config: Generate) -> list[Path]:
        """The folder of each volume's DICOM series, if they are asked for."""
        volumes = self.volumes(config) if self.dicom else []
        return [volume.with_name(volume_name(volume) + DICOM_FOLDER) for volume in volumes]
