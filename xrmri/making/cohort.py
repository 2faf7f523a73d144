"""Drawn people straight into a dataset of the knee's frame: no DICOM files, no registration, no detector.

Each knee is laid onto a template as build-dataset would, its joint box is as far off as the bundled detector's, and its
grades are those that were read. Both knees of a person are drawn. The template is the mean of the first people as they
were drawn; a shard is complete or absent, so an unfinished cohort goes on where it stopped.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from xrmri.building.splits import split_of
from xrmri.config import BuildDataset, DetectKnee, Execution
from xrmri.data.features import KL, feature_set
from xrmri.data.index import INDEX
from xrmri.data.radiograph import crop_knee, crop_width_mm, mirrored
from xrmri.data.resample import resized
from xrmri.data.store import (
    Dataset,
    PackedPair,
    StoredPair,
    grade_names,
    new_shard,
    open_dataset,
    packed_pair,
    write_index,
)
from xrmri.data.volume import intensity_window, mirrored_volume, to_unit, windowed_slices
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import TEMPLATE, DatasetFacts, write_dataset_facts
from xrmri.facts.origins import PHANTOM
from xrmri.formats.plain_nifti import read_plain_voxels, write_plain_volume
from xrmri.geometry import Geometry
from xrmri.machine.parallel import in_order
from xrmri.making.laying import laid
from xrmri.making.people import CohortPlan, numbers_of
from xrmri.phantom.anatomy import Participant, draw_participant, stream
from xrmri.phantom.film import Box, Film, render_film
from xrmri.phantom.flash import SLICES, render_flash
from xrmri.phantom.pose import Pose
from xrmri.phantom.tables import as_read
from xrmri.records import LEFT, RIGHT, SIDES, SPLITS, Radiograph, Volume
from xrmri.runs.folder import begin
from xrmri.runs.seals import are_same
from xrmri.storage.files import copy_file, sha256, write_json

STILL = Pose(coronal_degrees=0.0, axial_degrees=0.0, sagittal_degrees=0.0, shift_mm=(0.0, 0.0, 0.0))
"""How every knee lies in the knee's frame."""
_DETECTION = DetectKnee()
_OTHER_KNEE = 1_000
"""Added to the number of a twin, which only what neither film nor readings tell depends on: the noise of the knee that
the person's own scan does not show. The phantom's twins are 0 to 999."""
_OFF_MM, _SPREAD_MM, _WIDER, _WIDTH_SPREAD = (0.3, -0.6), (1.2, 1.6), 0.04, 0.04
"""By how much a detected box lies nearer to the middle of the body than the true one, and lower, and is wider, as a
logarithm; means and standard deviations of 48 boxes on 24 films (measured)."""
_TEMPLATE_OF, _TEMPLATE_PIXELS, _SMALLEST_MATRIX = 60, 64, 128
"""Volumes that make the template, its rows and columns of 2.5 mm (as of build-dataset), and those of their FLASH."""
_MARGIN = 8
"""Slices on either side of the kept ones, which a turn brings into view (as of build-dataset)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnKnee:
    """A knee, and its line of index.csv but for split, shard and row."""

    packed: PackedPair
    line: Mapping[str, Any]


def draw_cohort(
    out: Path,
    people: CohortPlan,
    config: BuildDataset,
    execution: Execution,
    *,
    until: float = float("inf"),
    frame: Path | None = None,
) -> Dataset:
    """Draw people into a dataset folder, or go on with it.

    Args:
        out: folder of the dataset.
        people: who.
        config: slice window, size, features, shares of the splits.
        execution: workers and progress.
        until: time, of time.monotonic, after which no further shard is begun; three are drawn at least.
        frame: folder of a dataset whose template is taken; without it one is made of the training split.

    Raises:
        InputError: `frame` has no template, or another one than `out` was begun with.
    """
    if frame and not (frame / TEMPLATE).is_file():
        raise InputError(f"--frame {frame} has no {TEMPLATE}: give a dataset in the knee's frame")
    if frame and (out / TEMPLATE).is_file() and not are_same(out / TEMPLATE, frame / TEMPLATE):
        raise InputError(f"{out} lies in another frame than {frame}: give another -o")
    numbers = numbers_of(people)
    parts = [numbers[first : first + people.in_shard] for first in range(0, people.count, people.in_shard)]
    shards = [out / f"pairs-{number:05d}-of-{len(parts):05d}.h5" for number in range(len(parts))]
    run = begin(out, replace(config, shards=len(shards)), {"people": people.digest})
    if run is None:
        return open_dataset(out)
    with run as record:
        if frame:
            copy_file(frame / TEMPLATE, out / TEMPLATE)
        elif not (out / TEMPLATE).is_file():
            mean = mean_knee(people, config, execution)
            write_plain_volume(out / TEMPLATE, mean, "xrmri: mean knee, the frame of a dataset")
        template = read_plain_voxels(out / TEMPLATE)
        if len(template) != config.last_slice - config.first_slice:
            raise InconsistentError(f"{frame or out} has a template of {len(template)} slices: take the same window")
        work = partial(draw_knees, people=people, config=config, template=template)
        _draw_shards(dict(zip(shards, parts, strict=True)), work, config, execution=execution, until=until)
        lines = [line for shard in shards if _lines(shard).is_file() for line in json.loads(_lines(shard).read_bytes())]
        record.note(counts=_write_tables(out, lines, config))
    return open_dataset(out)


def draw_knees(index: int, people: CohortPlan, config: BuildDataset, template: np.ndarray) -> list[DrawnKnee]:
    """Both knees of a person."""
    person = draw_participant(people.seed, index)
    film = render_film(person)
    own = partial(_drawn, person, film=film, config=config, matrix=people.matrix, template=template)
    return [own(side) for side in SIDES]


def scanned(person: Participant, side: str, matrix: int, config: BuildDataset, *, margin: int = 0) -> Volume:
    """The kept slices of one knee as it was drawn, looking right, and some on either side: (S, size, size) uint16."""
    own = side == person.imaged_side
    lying = person if own else replace(person, imaged_side=side, twin=person.twin + _OTHER_KNEE)
    flash = render_flash(lying, matrix, pose=STILL)
    volume = Volume(voxels=flash.voxels, geometry=flash.geometry, side=side)
    kept = windowed_slices(volume, config.first_slice - margin, config.last_slice + margin, config.size)
    return mirrored_volume(kept) if side == LEFT else kept


def mean_knee(people: CohortPlan, config: BuildDataset, execution: Execution) -> Volume:
    """The template of a dataset in the knee's frame: the mean of one knee of the first people, each window 0 to 1."""
    config = replace(config, size=min(_TEMPLATE_PIXELS, config.size))
    numbers = numbers_of(people)[:_TEMPLATE_OF]
    drawn = list(in_order(partial(_in_brief, people=people, config=config), numbers, execution.workers))
    units = [(to_unit(one.voxels, intensity_window(one.voxels)) + 1) / 2 for one in drawn]
    voxels = np.stack(units).mean(axis=0, dtype=np.float64).astype(np.float32)
    geometry = Geometry.centred(config.plane, voxels.shape, drawn[0].geometry.spacing_mm)
    return Volume(voxels=voxels, geometry=geometry, side=RIGHT)


def _in_brief(index: int, people: CohortPlan, config: BuildDataset) -> Volume:
    person = draw_participant(people.seed, index)
    return scanned(person, person.imaged_side, _SMALLEST_MATRIX, config)


def _drawn(
    person: Participant, side: str, film: Film, config: BuildDataset, *, matrix: int, template: np.ndarray
) -> DrawnKnee:
    """One knee as build-dataset would store it."""
    margin = min(_MARGIN, config.first_slice, SLICES - config.last_slice)
    volume = laid(scanned(person, side, matrix, config, margin=margin), template)
    grades = as_read(person, side)
    joint = drawn_joint(person, side, film)
    upright = mirrored(joint.crop) if side == LEFT else joint.crop
    pair_id = knee_name(person, side)
    stored = StoredPair(
        pair_id=pair_id,
        mri=volume.voxels,
        radiograph=np.rint(resized(upright, config.size)).astype(np.uint16),
        grades=grades,
        covariates={"age": person.age_years, "sex": person.sex, "bmi": person.bmi},
        affine=volume.geometry.affine,
        window=intensity_window(volume.voxels),
        scanner_affine=volume.geometry.affine,
    )
    width_mm = crop_width_mm(joint.crop, joint.spacing_mm)
    line = {"pair_id": pair_id, "participant": person.participant, "visit": "V00", "side": side,
            "kl": grades.get(KL), "radiograph_mm": width_mm, "extent_mm": volume.geometry.extent_mm}  # fmt: skip
    return DrawnKnee(packed=packed_pair(stored, config.feature_set), line=line)


class DrawnJoint(NamedTuple):
    """One knee cut from a drawn film, as detect-knee would."""

    crop: np.ndarray
    """(299, 299) uint16, windowed, film orientation."""
    box: Box
    spacing_mm: tuple[float, float]
    """Of the crop."""


def drawn_joint(person: Participant, side: str, film: Film) -> DrawnJoint:
    """Cut a knee from a drawn film."""
    radiograph = Radiograph(pixels=film.pixels.astype(np.float32), side=None, spacing_mm=(film.spacing_mm,) * 2)
    box = detected_box(person, side, film)
    crop, spacing_mm = crop_knee(radiograph, box, scale=_DETECTION.box_scale, pixels=_DETECTION.crop_pixels)
    assert spacing_mm is not None
    return DrawnJoint(crop, box, spacing_mm)


def knee_name(person: Participant, side: str) -> str:
    """What a drawn knee is called."""
    return f"{person.participant}_V00_{side}"


def detected_box(person: Participant, side: str, film: Film) -> Box:
    """The joint box as a detector would draw it."""
    numbers = stream("detected", person.seed, person.index, SIDES.index(side))
    inwards, down = numbers.normal(_OFF_MM, _SPREAD_MM) / film.spacing_mm
    x0, y0, x1, y1 = film.joint_box[side]
    x, y = (x0 + x1) / 2 + (inwards if side == RIGHT else -inwards), (y0 + y1) / 2 + down
    half = (x1 - x0) / 2 * float(np.exp(numbers.normal(_WIDER, _WIDTH_SPREAD)))
    return x - half, y - half, x + half, y + half


def _lines(shard: Path) -> Path:
    """What stands beside a shard; written last, so that it says that the shard is complete."""
    return shard.with_suffix(".json")


def _draw_shards(
    parts: Mapping[Path, Sequence[int]],
    work: Callable[[int], list[DrawnKnee]],
    config: BuildDataset,
    *,
    execution: Execution,
    until: float,
) -> None:
    """Draw what is not there yet of the shards, each of the people of some numbers, while there is time."""
    missing = {shard: numbers for shard, numbers in parts.items() if not _lines(shard).is_file()}
    there = len(parts) - len(missing)
    with closing(in_order(work, chain.from_iterable(missing.values()), execution.workers)) as drawn:  # type: ignore[type-var]
        for shard, numbers in missing.items():
            if there >= 3 and time.monotonic() > until:
                break
            _write_shard(shard, chain.from_iterable(islice(drawn, len(numbers))), config)
            there += 1
            execution.progress("cohort", there, len(parts), "shards")


def _write_shard(shard: Path, knees: Iterable[DrawnKnee], config: BuildDataset) -> None:
    lines = []
    slices = config.last_slice - config.first_slice
    form = partial(new_shard, features=config.feature_set, frame=config.frame, synthetic=True)
    with form(shard, slices=slices, size=config.size) as writer:
        for knee in knees:
            lines.append({**knee.line, "shard": shard.name, "row": writer.append_packed(knee.packed)})
    write_json(_lines(shard), lines)


def _write_tables(out: Path, lines: Sequence[dict[str, Any]], config: BuildDataset) -> dict[str, int]:
    """Write index.csv and dataset.json; returns the counts."""
    splits = split_of(((line["participant"], line["kl"]) for line in lines), config)
    rows = sorted((line | {"split": splits[line["participant"]]} for line in lines), key=lambda row: row["pair_id"])
    write_index(out / INDEX, rows)
    per_split, features = Counter(row["split"] for row in rows), feature_set(config.feature_set)
    facts = DatasetFacts(
        slices=config.last_slice - config.first_slice,
        size=config.size,
        extent_mm=rows[0]["extent_mm"],
        plane=config.plane,
        sequence="FLASH",
        frame=config.frame,
        feature_set=config.feature_set,
        features=features.names,
        features_sha256=features.sha256,
        grades=grade_names(),
        origin=PHANTOM,
        is_synthetic=True,
        shards={name: sha256(out / name) for name in sorted({row["shard"] for row in rows})},
        index_sha256=sha256(out / INDEX),
        template_sha256=sha256(out / TEMPLATE),
        slice_window=(config.first_slice, config.last_slice),
        split_seed=config.seed,
        shares=config.shares,
        pairs_per_split={split: per_split[split] for split in SPLITS},
    )
    write_dataset_facts(out, facts)
    return {"participants": len(splits), "pairs": len(rows)}
