"""The dataset folder: how pairs lie in HDF5 shards and index.csv; `facts` has dataset.json.

Axes of /mri: P pairs, S slices posterior to anterior, H rows superior to inferior, W columns; left knees are mirrored
to look like right ones, pixels and affine alike. Values are as acquired; /window says which of them map to [-1, 1].
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xrmri.data.covariates import COVARIATES, Covariates, covariates_of, stored_covariates
from xrmri.data.features import feature_set, known_readings, one_hot
from xrmri.data.index import REBUILD, read_index
from xrmri.data.shard_check import MISSING, contradiction
from xrmri.errors import InconsistentError, InputError
from xrmri.evenly import evenly as evenly  # noqa: PLC0414  (making/cohort.py takes it from here)
from xrmri.facts.folders import DATASET, SCHEMA, DatasetFacts, read_dataset_facts
from xrmri.formats.chunks import FILTERS, packed
from xrmri.formats.hdf5 import TEXT, File, new_h5, open_h5, read, unreadable, written
from xrmri.geometry import Geometry
from xrmri.runs.seals import Stamp, hashed_before, require_sha256, stamp
from xrmri.storage.files import complete_or_absent
from xrmri.storage.names import is_safe_name

if TYPE_CHECKING:  # loaded where a table is read: one radiograph needs none
    import pandas as pd

INDEX_COLUMNS = ("pair_id", "participant", "visit", "side", "split", "shard", "row", "kl", "radiograph_mm",
                 "source_mri_sha256", "source_radiograph_sha256")  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class StoredPair:
    """One pair as it is stored."""

    pair_id: str
    mri: np.ndarray
    """(S, H, W) uint16, intensities as acquired."""
    radiograph: np.ndarray
    """(H, W) uint16, windowed joint crop."""
    grades: Mapping[str, int | None]
    affine: np.ndarray
    """(4, 4) float64, voxel (slice, row, column) to RAS mm."""
    window: tuple[float, float]
    """Intensities that map to -1 and 1."""
    covariates: Covariates = field(default_factory=dict)
    scanner_affine: np.ndarray | None = None
    """(4, 4) float64, where the slices lay as acquired; None where they still lie there."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PackedPair:
    """One pair as its bytes lie in a shard, made where the pair was read."""

    mri: tuple[bytes, ...]
    """One chunk a slice."""
    radiograph: bytes
    small: Mapping[str, Any]
    """Everything else, by the name of its array."""


@dataclass(kw_only=True, slots=True, eq=False)
class ShardWriter:
    """An open shard that pairs are appended to."""

    file: File
    features: str
    """Name of the feature set."""
    count: int = 0

    def append(self, pair: StoredPair) -> int:
        """Store a pair; returns its row."""
        return self.append_packed(packed_pair(pair, self.features))

    def append_packed(self, pair: PackedPair) -> int:
        """Store a pair that was packed elsewhere; returns its row."""
        row = self.count
        with written():
            for data in self.file.values():
                data.resize(row + 1, axis=0)
            for depth, chunk in enumerate(pair.mri):
                self.file["mri"].id.write_direct_chunk((row, depth, 0, 0), chunk)
            self.file["radiograph"].id.write_direct_chunk((row, 0, 0), pair.radiograph)
            for name, value in pair.small.items():
                self.file[name][row] = value
        self.count += 1
        return row


def packed_pair(pair: StoredPair, features: str) -> PackedPair:
    """A pair as a shard holds it; `features` names the feature set."""
    grades = [MISSING if (grade := pair.grades.get(name)) is None else grade for name in grade_names()]
    return PackedPair(
        mri=tuple(packed(pixels.astype("<u2", copy=False)) for pixels in pair.mri),
        radiograph=packed(pair.radiograph.astype("<u2", copy=False)),
        small={
            "features": one_hot(pair.grades, feature_set(features)),
            "grades": np.array(grades, np.int8),
            "affine": np.asarray(pair.affine, np.float64),
            "window": np.asarray(pair.window, np.float64),
            "pair_id": pair.pair_id,
            "covariates": stored_covariates(pair.covariates),
        }
        | ({} if pair.scanner_affine is None else {"scanner_affine": np.asarray(pair.scanner_affine, np.float64)}),
    )


@contextmanager
def new_shard(
    file: Path, *, slices: int, size: int, features: str, frame: str = "scanner", synthetic: bool = False
) -> Iterator[ShardWriter]:
    """A shard to append to; complete when the block ends well, absent when it does not.

    That its knees are `synthetic` stands in the shard itself: no edited text takes it away.
    """
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...], Any]] = {
        "mri": ((slices, size, size), (1, size, size), "<u2"),
        "radiograph": ((size, size), (size, size), "<u2"),
        "features": ((feature_set(features).slots,), (feature_set(features).slots,), np.uint8),
        "grades": ((len(grade_names()),), (len(grade_names()),), np.int8),
        "affine": ((4, 4), (4, 4), np.float64),
        "window": ((2,), (2,), np.float64),
        "pair_id": ((), (), TEXT),
        "covariates": ((len(COVARIATES),), (len(COVARIATES),), np.float32),
    }
    if frame == "knee":
        shapes["scanner_affine"] = ((4, 4), (4, 4), np.float64)
    with complete_or_absent(file) as partial, new_h5(partial) as content:
        with written():
            content.attrs["schema"], content.attrs["synthetic"] = SCHEMA, synthetic
            for name, (shape, chunk, dtype) in shapes.items():
                content.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(1, *chunk), **FILTERS)
        yield ShardWriter(file=content, features=features)


def grade_names() -> tuple[str, ...]:
    """The V variables of /grades, in order: every reading known, whatever the feature set."""
    return known_readings().names


@dataclass(kw_only=True, slots=True, eq=False)
class Dataset:
    """A dataset folder, read lazily; every process opens the shards for itself."""

    folder: Path
    facts: DatasetFacts
    index: "pd.DataFrame"
    """index.csv, one row a pair, by participant, visit and side, with pair_id as the index."""
    _files: dict[str, File] = field(default_factory=dict, repr=False)
    _owner: int = field(default=0, repr=False)
    _known: dict[str, Stamp] = field(default_factory=dict, repr=False)
    """Shards whose hash has been compared, by this process or when they were written."""

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.index)

    def check(self) -> None:
        """Compare every shard with its hash, so that processes that are given the dataset need not."""
        for shard in self.facts.shards:
            self._open(shard)

    def __getstate__(self) -> tuple[Path, DatasetFacts, "pd.DataFrame", dict[str, Stamp]]:
        """What another process is given: no open files."""
        return self.folder, self.facts, self.index, self._known

    def __setstate__(self, state: tuple[Path, DatasetFacts, "pd.DataFrame", dict[str, Stamp]]) -> None:
        """Start without open files."""
        self.folder, self.facts, self.index, self._known = state
        self._files, self._owner = {}, 0

    def pairs(self, split: str | None = None) -> list[str]:
        """The pair_id of every pair, or of those in "train", "val" or "test"."""
        return list(self.index.index if split is None else self.index.index[self.index["split"] == split])

    def slice(self, pair_id: str, depth: int) -> np.ndarray:
        """One slice, counted from 0 at the back of the knee: (H, W) uint16."""
        return self._read("mri", pair_id, depth)

    def volume(self, pair_id: str) -> np.ndarray:
        """All slices: (S, H, W) uint16."""
        return self._read("mri", pair_id)

    def radiograph(self, pair_id: str) -> np.ndarray:
        """The windowed joint crop: (H, W) uint16."""
        return self._read("radiograph", pair_id)

    def radiograph_mm(self, pair_id: str) -> float | None:
        """Width of the joint crop, where the film told its spacing."""
        width = self.index["radiograph_mm"].get(pair_id) if "radiograph_mm" in self.index else None
        return None if width is None or not np.isfinite(width) else float(width)

    def features(self, pair_id: str) -> np.ndarray:
        """The one-hot code r: (F,) uint8."""
        return self._read("features", pair_id)

    def grades(self, pair_id: str) -> dict[str, int | None]:
        """The raw readings; None where nobody read."""
        values = self._read("grades", pair_id).tolist()
        return {n: None if v == MISSING else v for n, v in zip(self.facts.grades, values, strict=True)}

    def covariates(self, pair_id: str) -> dict[str, float | str | None]:
        """Age in years, sex and BMI in kg/m2; None where not known, as all are in datasets of earlier versions."""
        held = "covariates" in self._open(self._place(pair_id)[0])
        return covariates_of(self._read("covariates", pair_id) if held else None)

    def geometry(self, pair_id: str) -> Geometry:
        """Where the voxels lie, as they are stored."""
        shape = (self.facts.slices, self.facts.size, self.facts.size)
        return Geometry(affine=self._read("affine", pair_id), shape=shape)

    def scanner_geometry(self, pair_id: str) -> Geometry:
        """Where the slices lay as acquired, before they were laid into the knee's frame."""
        name = "scanner_affine" if self.facts.frame == "knee" else "affine"
        return Geometry(affine=self._read(name, pair_id), shape=self.geometry(pair_id).shape)

    def window(self, pair_id: str) -> tuple[float, float]:
        """The intensities that map to -1 and 1."""
        low, high = self._read("window", pair_id)
        return float(low), float(high)

    def stored_pair_id(self, pair_id: str) -> str:
        """What the shard itself says the pair is called."""
        return bytes(self._read("pair_id", pair_id).item()).decode("ascii", "replace")

    def _read(self, name: str, pair_id: str, *within: int) -> np.ndarray:
        shard, row = self._place(pair_id)
        try:
            return read(self._open(shard)[name], row, *within)
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            what = f"{self.folder / shard}: {name} of {pair_id}"
            raise unreadable(what, error, f"cannot be read: {REBUILD}") from error

    def _place(self, pair_id: str) -> tuple[str, int]:
        if pair_id not in self.index.index:
            raise InputError(f"{self.folder} has no pair {pair_id!r}: index.csv lists the {len(self)} it has")
        return str(self.index.at[pair_id, "shard"]), int(self.index.at[pair_id, "row"])

    def _open(self, shard: str) -> File:
        if self._owner != os.getpid():  # a forked handle shares its file position with the parent
            self._files, self._owner = {}, os.getpid()
        if shard not in self._files:
            self._files[shard] = self._checked(shard)
        return self._files[shard]

    def _checked(self, shard: str) -> File:
        """A shard, compared with its hash unless this run has done so, and with what dataset and index say of it."""
        file = self.folder / shard
        if not file.is_file() or self._known.get(shard) != stamp(file):
            self._known[shard] = require_sha256(file, self.facts.shards[shard], REBUILD)
        content = open_h5(file, REBUILD)
        try:
            reason = contradiction(content, self.facts, int((self.index["shard"] == shard).sum()))
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise unreadable(str(file), error, f"is damaged: {REBUILD}") from error
        if reason:
            raise InconsistentError(f"{file} is not as dataset.json says ({reason}): {REBUILD}")
        return content


def open_dataset(folder: Path) -> Dataset:
    """The dataset that `xrmri build-dataset` wrote.

    Raises:
        InputError: no such folder, or not a dataset.
        InconsistentError: unfinished, of another schema, or with shards missing.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the one that `xrmri build-dataset` wrote")
    facts = read_dataset_facts(folder)
    if facts.grades != grade_names()[: len(facts.grades)] or facts.features != feature_set(facts.feature_set).names:
        raise InconsistentError(f"{folder} has other readings than this version knows: {REBUILD}")
    strange = next((name for name in facts.shards if not is_safe_name(name)), None)
    if strange is not None:
        told = f"{folder / DATASET} names the shard {strange[:80]!r}, which is no file name"
        raise InconsistentError(f"{told}: {REBUILD}")
    lost = sorted(name for name in facts.shards if not (folder / name).is_file())
    if lost:
        raise InconsistentError(f"{folder} lacks {', '.join(lost)}: copy the whole folder, or build the dataset again")
    known = hashed_before(folder, facts.shards)
    return Dataset(folder=folder, facts=facts, index=read_index(folder, facts), _known=known)


def is_dataset(folder: Path) -> bool:
    """Whether a folder is a dataset, finished or damaged, rather than anything else."""
    return (folder / DATASET).is_file()


def write_index(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write index.csv; a KL grade that nobody read stays empty."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(INDEX_COLUMNS)).astype({"kl": "Int64"})
    with complete_or_absent(file) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
