"""A release on disk becomes a dataset: the right side, mirrored where it must be, and nothing lost uncounted."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from xrmri.building.sequences import draw_sequences
from xrmri.cohorts.release import find_release
from xrmri.config import BuildDataset, Execution
from xrmri.data.knees import DetectedKnee, write_knees
from xrmri.data.radiograph import crop_knee, read_radiograph
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError, InputError, RejectedError
from xrmri.geometry import Geometry
from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.film import Film
from xrmri.phantom.flash import MrSeries
from xrmri.phantom.other_sequences import derive_others
from xrmri.phantom.release import contents_table, place, write_series
from xrmri.phantom.tables import readings_table
from xrmri.records import KneeBox
from xrmri.runs.record import read_record
from xrmri.stages.build_dataset import BuildInputs, run
from xrmri.storage.files import sha256

SHAPE = (6, 64, 64)
CONFIG = BuildDataset(slices=6, first_slice=1, last_slice=5, size=32, max_rejected=0.5)
ONE = Execution(workers=1)
BOXES = {"right": (10.0, 20.0, 40.0, 50.0), "left": (70.0, 20.0, 100.0, 50.0)}
READINGS = "kXR_SQ_BU00.txt"


def people() -> list[Participant]:
    """Three people scanned on the right, one on the left."""
    drawn = [draw_participant(0, index) for index in range(60)]
    right = [person for person in drawn if person.imaged_side == "right"]
    left = [person for person in drawn if person.imaged_side == "left"]
    return [*right[:3], left[0]]


def ramp(shape: tuple[int, ...]) -> np.ndarray:
    """Brighter to the patient's left, so that a mirror is noticed."""
    return np.broadcast_to(np.arange(1, shape[-1] + 1, dtype=np.uint16) * 20, shape).copy()


def lay_release(root: Path) -> Path:
    """A small release; its pixels are ramps, everything else is as `xrmri phantom` writes it."""
    cohort = people()
    affine = Geometry.centred("coronal", SHAPE, (1.5, 2.5, 2.5)).affine
    for person in cohort:
        film = Film(pixels=ramp((80, 120)), spacing_mm=0.5, joint_box=BOXES)
        write_series(root, person, film, MrSeries(voxels=ramp(SHAPE), affine_ras=affine))
    (root / "00m" / "contents.csv").write_text(contents_table(cohort))
    (root / READINGS).write_text(readings_table((p, place(p).film.barcode) for p in cohort), newline="")
    return root


def lay_knees(release: Path, folder: Path) -> Path:
    """What detect-knee would find."""
    folder.mkdir()
    knees = []
    for person in people():
        where = place(person)
        file = release / "00m" / where.folder(where.film) / "001"
        film = read_radiograph(file)
        for side, corners in BOXES.items():
            crop, spacing = crop_knee(film, corners, scale=1.3, pixels=299)
            box = KneeBox(side=side, score=0.9, corners=corners)
            name = f"{person.participant}_{side}"
            digest = sha256(file)
            knees.append(
                DetectedKnee(name=name, source=str(file), source_sha256=digest, box=box, crop=crop, spacing_mm=spacing)
            )
    write_knees(folder, knees)
    return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The release and its knees, never changed."""
    root = tmp_path_factory.mktemp("release")
    (root / "oai").mkdir()
    release = lay_release(root / "oai")
    return release, lay_knees(release, root / "knees")


@pytest.fixture
def release(original, tmp_path):
    """A copy of the release that a test may damage."""
    shutil.copytree(original[0], tmp_path / "oai")
    return tmp_path / "oai"


@pytest.fixture(scope="module")
def built(original, tmp_path_factory):
    """The dataset of the undamaged release."""
    out = tmp_path_factory.mktemp("built") / "dataset"
    assert run(BuildInputs(source=original[0], knees=original[1]), out, CONFIG, ONE)["status"] == "finished"
    return out


def flash_folder(release: Path, number: int) -> Path:
    """The FLASH series of one person."""
    where = place(people()[number])
    return release / "00m" / where.folder(where.flash)


def test_four_pairs_come_from_twelve_series_and_all_are_counted(built):
    counts = open_dataset(built).facts.counts
    assert counts["found"] == {"FLASH": 4, "radiograph": 4, "other": 4}
    assert (counts["pairs"], counts["paired"], counts["rejected"], counts["other"]) == (4, 8, 0, 4)
    assert read_record(built).counts == counts


def test_a_left_knee_is_mirrored_pixels_radiograph_and_affine_alike(built):
    dataset = open_dataset(built)
    for pair_id in dataset.pairs():
        left = dataset.index.at[pair_id, "side"] == "left"
        first, last = dataset.volume(pair_id)[0, 0, [0, -1]].astype(int)
        dark, bright = dataset.radiograph(pair_id)[16, [0, -1]].astype(int)
        assert (first > last) == (dark > bright) == left
        # Wherever a voxel is stored, it lies where it was acquired: brighter to the patient's left, which is -x.
        at = [dataset.geometry(pair_id).affine @ (0, 0, column, 1) for column in (0, 31)]
        assert (at[0][0] > at[1][0]) == (first < last)


def test_slices_1_to_4_are_kept_averaged_over_2_by_2_pixels(built):
    dataset = open_dataset(built)
    right = dataset.pairs()[0]
    assert dataset.volume(right).shape == (4, 32, 32)
    assert dataset.volume(right)[0, 0, :3].tolist() == [30, 70, 110]
    spacing = dataset.geometry(right).spacing_mm
    assert spacing == pytest.approx((1.5, 5, 5))
    assert (dataset.geometry(right).affine @ (0, 0, 0, 1))[:3] == pytest.approx((77.5, -2.25, 77.5))


def test_grades_are_the_true_ones_where_they_were_read(built):
    dataset = open_dataset(built)
    for person in people():
        (pair_id,) = [pair for pair in dataset.pairs() if pair.startswith(person.participant)]
        truth = person.knee(person.imaged_side).grades
        read = ("XRKL", "XRJSM", "XRJSL") if person.rarely_read_missing else tuple(truth)
        expected = {f"V00{name}": truth[name] if name in read else None for name in truth}
        assert dataset.grades(pair_id) == expected
        assert dataset.index.at[pair_id, "kl"] == truth["XRKL"]
        # The box is 30 pixels of 0.5 mm, the crop 1.3 times as wide.
        assert dataset.radiograph_mm(pair_id) == pytest.approx(19.5)


def test_two_workers_write_the_bytes_that_one_writes(original, built, tmp_path):
    run(BuildInputs(source=original[0], knees=original[1]), tmp_path / "dataset", CONFIG, Execution(workers=2))
    for file in ("pairs-00000-of-00001.h5", "index.csv", "rejected.csv", "dataset.json"):
        assert (tmp_path / "dataset" / file).read_bytes() == (built / file).read_bytes()


def test_the_same_command_again_has_nothing_to_do_and_other_settings_are_refused(original, built):
    assert run(BuildInputs(source=original[0], knees=original[1]), built, CONFIG, ONE)["status"] == "already done"
    with pytest.raises(InputError, match="size was 32, now 64"):
        others = BuildDataset(slices=6, first_slice=1, last_slice=5, size=64)
        run(BuildInputs(source=original[0], knees=original[1]), built, others, ONE)


def test_a_damaged_series_is_named_with_its_reason_and_the_rest_is_built(original, release, tmp_path):
    (flash_folder(release, 0) / "003").unlink()
    damaged = flash_folder(release, 1) / "002"
    dataset = pydicom.dcmread(damaged)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(damaged)
    counts = run(BuildInputs(source=release, knees=original[1]), tmp_path / "dataset", CONFIG, ONE)["counts"]
    assert (counts["pairs"], counts["paired"], counts["rejected"], counts["other"]) == (2, 4, 4, 4)
    assert counts["reasons"] == {"all-zero slice": 1, "radiograph not needed": 2, "slice count": 1}
    rejected = pd.read_csv(tmp_path / "dataset" / "rejected.csv", dtype=str)
    told = dict(zip(rejected["series"], rejected["reason"], strict=True))
    assert told[str(flash_folder(release, 0).relative_to(release))] == "slice count: 5 files, not 6"
    assert told[str(flash_folder(release, 1).relative_to(release))] == "all-zero slice: 002"


def test_too_many_rejected_series_end_with_exit_code_4_and_no_dataset(original, release, tmp_path):
    for number in range(3):
        (flash_folder(release, number) / "003").unlink()
    with pytest.raises(RejectedError, match="3 of 4 FLASH series rejected, most for 'slice count'") as refusal:
        run(BuildInputs(source=release, knees=original[1]), tmp_path / "dataset", CONFIG, ONE)
    assert refusal.value.exit_code == 4 and read_record(tmp_path / "dataset").status == "failed"
    with pytest.raises(InputError, match="has no dataset.json"):
        open_dataset(tmp_path / "dataset")


def test_a_film_that_detect_knee_did_not_see_is_a_reason(original, tmp_path):
    (tmp_path / "knees").mkdir()
    write_knees(tmp_path / "knees", [])
    with pytest.raises(RejectedError, match="4 of 4 FLASH series rejected"):
        run(BuildInputs(source=original[0], knees=tmp_path / "knees"), tmp_path / "dataset", CONFIG, ONE)
    rejected = (tmp_path / "dataset" / "rejected.csv").read_text(encoding="utf-8")
    assert "detect-knee has no right knee of this film" in rejected


def test_a_dry_run_tells_what_would_match_and_writes_nothing(release, tmp_path):
    where = place(people()[0])
    told = run(BuildInputs(source=release), tmp_path / "dataset", CONFIG, Execution(dry_run=True))
    assert told["status"] == "dry run" and told["counts"]["pairs"] == 4 and told["readings"] == [READINGS]
    shutil.rmtree(release / "00m" / where.folder(where.film))
    told = run(BuildInputs(source=release), tmp_path / "dataset", CONFIG, Execution(dry_run=True))
    assert told["counts"]["reasons"] == {"no radiograph": 1, "not on disk": 1}
    (release / "00m" / "contents.csv").unlink()
    told = run(BuildInputs(source=release), tmp_path / "dataset", CONFIG, Execution(dry_run=True))
    assert told["counts"]["pairs"] == 3 and told["counts"]["reasons"] == {"no radiograph": 1}
    assert told["examples"] == {"no radiograph": str(flash_folder(release, 0))}
    assert not (tmp_path / "dataset").exists()


def test_a_release_without_readings_or_without_flash_is_refused(release, tmp_path):
    (release / READINGS).rename(tmp_path / "readings")
    with pytest.raises(InconsistentError, match="kxr_sq_bu00.txt"):
        run(BuildInputs(source=release), tmp_path / "dataset", CONFIG, ONE)


def test_no_participant_and_no_image_may_stand_in_two_splits(original, release, tmp_path):
    places = [place(person) for person in people()]
    for series in ("flash", "film"):  # everybody gets what the first has
        folders = [release / "00m" / where.folder(getattr(where, series)) for where in places]
        for file in folders[0].iterdir():
            content = pydicom.dcmread(file)
            content.PatientID = "ANONYMOUS"
            for folder in folders:
                content.save_as(folder / file.name)
    (tmp_path / "knees").mkdir()
    crop = np.arange(299 * 299).reshape(299, 299).astype(np.uint16)
    files = [sha256(file) for file in (release / "00m").rglob("001")]
    knees = [
        DetectedKnee(name=f"{number}_{side}", source="film", source_sha256=digest, crop=crop, spacing_mm=None,
             box=KneeBox(side=side, score=0.9, corners=BOXES[side]))
        for number, digest in enumerate(sorted(set(files))) for side in BOXES
    ]  # fmt: skip
    write_knees(tmp_path / "knees", knees)
    halves = BuildDataset(slices=6, first_slice=1, last_slice=5, size=32, shares=(0.5, 0.5, 0.0))
    with pytest.raises(InconsistentError, match="would leak: .* have the same image") as refusal:
        run(BuildInputs(source=release, knees=tmp_path / "knees"), tmp_path / "dataset", halves, ONE)
    assert refusal.value.exit_code == 3 and not (tmp_path / "dataset" / "dataset.json").exists()


def test_the_figure_of_the_sequences_tells_slice_counts_and_grey_values(tmp_path):
    person, shape = people()[0], (80, 32, 32)
    brightness = 100 + 10 * np.arange(80, dtype=np.uint16)
    voxels = np.broadcast_to(brightness[:, None, None], shape) + ramp(shape)
    flash = MrSeries(voxels=voxels, affine_ras=Geometry.centred("coronal", shape, (1.5, 5, 5)).affine)
    film = Film(pixels=ramp((80, 120)), spacing_mm=0.5, joint_box=BOXES)
    others = derive_others(flash, person)
    write_series(tmp_path / "oai", person, film, flash, others=others)
    config, out = BuildDataset(), tmp_path / "dataset"
    for _ in range(2):
        draw_sequences(find_release(tmp_path / "oai"), out, config, Execution(workers=2))
    counts = pd.read_csv(out / "figures" / "slice_counts.csv", dtype=str)
    expected = {"IW": len(others[0].voxels), "T1": 80, "MPR": len(others[1].voxels)}
    assert dict(zip(counts["sequence"], counts["slices"].astype(int), strict=True)) == expected
    grey = pd.read_csv(out / "figures" / "grey_values.csv").set_index("sequence")
    assert len(grey) == 303 and grey.loc["T1", "median"].is_monotonic_increasing
    window = np.percentile(voxels, (0.5, 99.5))
    middle = np.clip((voxels[39:41] - window[0]) / (window[1] - window[0]), 0, 1).mean()
    assert grey.loc["T1"].set_index("position").at[0.5, "median"] == pytest.approx(middle, abs=1e-4)
    assert (out / "figures" / "sequences.png").stat().st_size > 10_000
    assert (out / "figures" / "sequences.pdf").read_bytes().startswith(b"%PDF")
