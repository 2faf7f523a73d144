"""What is evaluated: folders a person names, checked before any work, and which file belongs to which pair."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xrmri.data.alignment import NIFTI, files_by_pair
from xrmri.data.store import Dataset, is_dataset, open_dataset
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import MODEL, TEMPLATE
from xrmri.formats.nifti import read_sidecar, sidecar_file
from xrmri.runs.folder import fingerprint
from xrmri.runs.record import RunRecord, read_record
from xrmri.runs.seals import are_same
from xrmri.storage.files import real
from xrmri.storage.trouble import opens

log = logging.getLogger(__name__)

Files = Mapping[str, list[Path]]
_READ = (*NIFTI, ".json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """What a person names."""

    volumes: Path
    """Folder of NIfTI files whose names contain a pair_id."""
    dataset: Path
    """Folder from build-dataset that holds these pairs."""
    also: tuple[Path, ...] = ()
    """Further runs of the same pairs."""
    rescan: Path | None = None
    """A second scan of the same pairs: a dataset, or a folder of NIfTI files."""
    flipped: Path | None = None
    """The same volumes drawn with other grades."""
    twins: tuple[Path, ...] = ()
    """Datasets with another knee for the same films and readings: what a perfect model could draw."""
    training: Path | None = None
    """Dataset whose training split baselines are made of, where it is not the evaluated one."""

    def fingerprints(self, out: Path) -> dict[str, str]:
        """Input -> what it is, for "the same command again", whose `out` may lie among the volumes."""
        named = {"volumes": self.volumes, "dataset": self.dataset}
        named |= {f"also {number}": folder for number, folder in enumerate(self.also, start=1)}
        named |= {f"twin {number}": folder for number, folder in enumerate(self.twins, start=1)}
        further = {"rescan": self.rescan, "flipped": self.flipped, "training": self.training}
        named |= {name: folder for name, folder in further.items() if folder}
        return {name: fingerprint(folder, apart_from=out) for name, folder in named.items()}

    def run_names(self) -> list[str]:
        """What each run is called: its folder's name, with the folder's above where two are the same."""
        folders = [self.volumes, *self.also]
        names = [folder.resolve().name for folder in folders]
        if len(set(names)) < len(names):
            names = [f"{folder.resolve().parent.name}/{folder.resolve().name}" for folder in folders]
        if len(set(names)) < len(names):
            names = [f"{number}: {name}" for number, name in enumerate(names, start=1)]
        return names


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """The same, found and matched."""

    dataset: Dataset
    training: Dataset
    """Whose training split the baselines are made of."""
    training_pairs: list[str]
    """Of other participants than those that are evaluated."""
    pairs: list[str]
    """Pairs that should have a volume: those of the splits that were generated."""
    files: Files
    further: dict[str, Files]
    """Name of a further run -> its files."""
    rescans: Files
    """Empty where the second scan is a dataset."""
    flipped: Files


def open_inputs(inputs: Inputs) -> Opened:
    """Look at everything that was named.

    Raises:
        InputError: a folder is not there.
        InconsistentError: a folder's volumes belong to none of the dataset's pairs.
    """
    if not inputs.volumes.is_dir():
        raise InputError(f"{inputs.volumes} is not a folder: give the one that `xrmri generate` wrote")
    data = open_dataset(inputs.dataset)
    files = _files(inputs.volumes, data, inputs.dataset)
    _warn_of_contrast(files, data)
    pairs = _expected(data, files, read_record(inputs.volumes))
    further = {
        name: _files(folder, data, inputs.dataset)
        for name, folder in zip(inputs.run_names()[1:], inputs.also, strict=True)
    }
    rescans: Files = {}
    if inputs.rescan is not None:
        if is_dataset(inputs.rescan):
            _check_rescan(open_dataset(inputs.rescan), data, pairs)
        else:
            rescans = _files(inputs.rescan, data, inputs.dataset)
    for twin in inputs.twins:
        _check_twin(twin, data, pairs)
    flipped = _files(inputs.flipped, data, inputs.dataset) if inputs.flipped else {}
    training = _training(inputs.training, data) if inputs.training else data
    evaluated = set(data.index["participant"][pairs]) if inputs.training else set()
    whose = training.index["participant"]
    return Opened(
        dataset=data,
        training=training,
        training_pairs=[pair_id for pair_id in training.pairs("train") if whose[pair_id] not in evaluated],
        pairs=pairs,
        files=files,
        further=further,
        rescans=rescans,
        flipped=flipped,
    )


def to_look_at_again(inputs: Inputs, files: Files, passing: Iterable[str]) -> tuple[str, ...]:
    """What could not be opened, so that the same command is to evaluate anew once it can.

    Args:
        inputs: folders, whose run.json files tell what should be there, and where the model lies.
        files: of the run that the report is about.
        passing: pairs of it whose volume could not be opened.
    """
    folders = [folder for folder in (inputs.volumes, *inputs.also, inputs.rescan, inputs.flipped) if folder]
    records = {real(folder): read_record(folder) for folder in folders}
    listed = [folder / name for folder, record in records.items() if record for name in record.outputs or ()]
    drawn_by = [Path(record.model) / MODEL for record in records.values() if record and record.model]
    gone = [path for path in (*listed, *drawn_by) if path.name.endswith(_READ) and not opens(path)]
    return tuple(sorted({*map(str, gone), *(str(real(files[pair_id][0])) for pair_id in passing)}))


def single(files: Files) -> dict[str, Path]:
    """pair_id -> its file, where exactly one names it."""
    return {pair_id: found[0] for pair_id, found in files.items() if len(found) == 1}


def _files(folder: Path, data: Dataset, dataset: Path) -> Files:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give one with a NIfTI file for each pair")
    files = files_by_pair(folder, data.pairs())
    if not files:
        raise InconsistentError(f"{folder} holds no NIfTI file named after a pair of {dataset}: give its own dataset")
    bare = [found[0] for found in files.values() if not sidecar_file(found[0]).is_file()]
    if bare:
        told = "they are scored over the window of the acquired volumes; copy the .json files too if xrmri drew them"
        log.warning("%d of %d volumes have no sidecar, %s first: %s", len(bare), len(files), bare[0].name, told)
    return files


def _warn_of_contrast(files: Files, data: Dataset) -> None:
    """Say where volumes were drawn by a model of another contrast: every figure then tells of that, too."""
    drawn = read_sidecar(next(iter(files.values()))[0]).get("sequence")
    if drawn not in (None, data.facts.sequence):
        other = "the volumes are %s, as their model was trained, and %s holds %s: two contrasts are compared"
        log.warning(other, drawn, data.folder, data.facts.sequence)


def _require_contrast(other: Dataset, data: Dataset) -> None:
    """Raise InconsistentError where a dataset holds another contrast than the evaluated one."""
    ours, theirs = data.facts.sequence, other.facts.sequence
    if ours != theirs:
        raise InconsistentError(f"{other.folder} has sequence {theirs}, {data.folder} {ours}: build both alike")


def _training(folder: Path, data: Dataset) -> Dataset:
    """The dataset that baselines are made of; InconsistentError where its volumes cannot be laid beside the others."""
    training = open_dataset(folder)
    for name in ("slices", "size", "plane", "sequence", "frame", "features_sha256"):
        ours, theirs = getattr(data.facts, name), getattr(training.facts, name)
        if ours != theirs:
            raise InconsistentError(f"{folder} has {name} {theirs}, {data.folder} {ours}: build both alike")
    if not are_same(folder / TEMPLATE, data.folder / TEMPLATE):
        raise InconsistentError(f"{folder} lies in another knee's frame: build {data.folder} with --template {folder}")
    training.check()
    return training


def _check_rescan(again: Dataset, data: Dataset, pairs: list[str]) -> None:
    """Raise InconsistentError where a dataset is no second scan: of another contrast, or the very same volumes."""
    _require_contrast(again, data)
    both = next((pair_id for pair_id in pairs if pair_id in again.index.index), None)
    if both and np.array_equal(again.volume(both), data.volume(both)):
        raise InconsistentError(f"{again.folder} is no second scan: its volume of {both} is the very same")


def _check_twin(folder: Path, data: Dataset, pairs: list[str]) -> None:
    """Raise InconsistentError where a dataset is no twin: other people, films or sizes, or the very same volumes."""
    twin = open_dataset(folder)
    _require_contrast(twin, data)
    both = [pair_id for pair_id in pairs if pair_id in twin.index.index]
    if not both:
        raise InconsistentError(f"{folder} has none of the pairs that are evaluated: draw the same people by --twin")
    first = both[0]
    mri, other = data.volume(first), twin.volume(first)
    if mri.shape != other.shape:
        ours, theirs = (" x ".join(map(str, volume.shape)) for volume in (mri, other))
        raise InconsistentError(f"{folder} has volumes of {theirs}, the dataset of {ours}: build both alike")
    if not np.array_equal(data.radiograph(first), twin.radiograph(first)):
        raise InconsistentError(f"{folder} is no twin: its radiograph of {first} is another")
    if np.array_equal(mri, other):
        raise InconsistentError(f"{folder} is no twin: its volume of {first} is the very same")
    if len(both) < len(pairs):
        lost = next(pair_id for pair_id in pairs if pair_id not in twin.index.index)
        log.warning(
            "%s lacks %d of %d pairs, %s first: they get no twin", folder, len(pairs) - len(both), len(pairs), lost
        )


def _expected(data: Dataset, files: Files, record: RunRecord | None) -> list[str]:
    told = record.inputs.get("split") if record else None
    splits = {told} if told else set(data.index.loc[list(files), "split"])
    return [pair_id for pair_id in data.pairs() if data.index.at[pair_id, "split"] in splits or pair_id in files]
