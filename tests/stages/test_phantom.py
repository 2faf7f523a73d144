"""A synthetic release has OAI's layout, says that it is synthetic, and is the same whoever draws it."""

import json
import logging
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from xrmri.cohorts.description import FILM, FLASH, OTHER, sequence_of
from xrmri.cohorts.readings import read_readings
from xrmri.cohorts.release import find_release
from xrmri.config import Execution, Phantom
from xrmri.data.volume import read_series
from xrmri.errors import InconsistentError
from xrmri.formats.nifti import read_volume
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.release import place
from xrmri.phantom.tables import readings_table
from xrmri.runs.outcome import PhantomOutcome
from xrmri.runs.record import read_record
from xrmri.stages.phantom import run

CONFIG = Phantom(participants=2, matrix=32)
WITH_FIGURES = replace(CONFIG, figures=True)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> tuple[Path, PhantomOutcome, str]:
    """Two participants, drawn by two workers; what the stage returned, and what it logged."""
    out, said = tmp_path_factory.mktemp("phantom") / "oai", StringIO()
    log, handler = logging.getLogger("xrmri"), logging.StreamHandler(said)
    before = log.level
    log.addHandler(handler)
    log.setLevel("INFO")
    result = run(out, WITH_FIGURES, Execution(workers=2))
    log.removeHandler(handler)
    log.setLevel(before)
    assert result["status"] == "finished"
    return out, result, said.getvalue()


@pytest.fixture(scope="module")
def release(drawn) -> Path:
    """The folder of the two participants."""
    return drawn[0]


def images(root: Path) -> dict[str, bytes]:
    """Every file of a release but its run.json and its figures."""
    found = {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}
    return {name: content for name, content in found.items() if not name.startswith(("run.json", "figures/"))}


def test_each_participant_has_a_film_a_locator_a_flash_of_80_slices_and_the_other_sequences(release):
    found = find_release(release)
    assert sorted(one.kind for one in found.series) == sorted([FILM, FLASH, OTHER, OTHER, OTHER] * 2)
    assert not any(one.problem for one in found.series) and not found.conflicts and not found.unplaced
    files = {(one.description.rpartition("_")[0], one.participant): len(one.files()) for one in found.series}
    for (description, _), count in files.items():
        lowest, highest = {"COR_T1_3D_FLASH": (80, 80), "MP_LOCATOR": (3, 3), "COR_IW_TSE": (30, 40),
                           "COR_MPR": (61, 81)}.get(description, (1, 1))  # fmt: skip
        assert lowest <= count <= highest
    assert [file.name for file in found.readings] == ["kxr_sq_bu00.txt"]


def test_an_interrupted_release_goes_on_and_ends_in_the_bytes_that_two_workers_write(release, tmp_path):
    out = tmp_path / "oai"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(out, CONFIG, Execution(workers=1, progress=interrupt))
    assert read_record(out).status == "stopped" and not (out / "00m" / "contents.csv").exists()
    drawn = {file: file.stat().st_mtime_ns for file in out.glob("00m/*/*/*/*/*")}
    assert len(drawn) >= 84
    boxes = next((out / "cache" / "boxes").iterdir())
    kept = boxes.read_text(encoding="utf-8")
    boxes.write_text(kept.replace("left", "middle"))
    with pytest.raises(InconsistentError, match=f"{boxes.name}: left is missing: remove it and run the same command"):
        run(out, CONFIG, Execution(workers=1))
    boxes.write_text(kept)
    assert run(out, CONFIG, Execution(workers=1))["status"] == "finished"
    assert images(out) == images(release)
    assert all(file.stat().st_mtime_ns == before for file, before in drawn.items())


def test_every_file_says_that_it_is_synthetic_and_carries_the_participant(release):
    for series in find_release(release).series:
        header = pydicom.dcmread(series.files()[0], stop_before_pixels=True)
        assert header.ImageComments == "xrmri synthetic phantom"
        assert header.PatientID == series.participant and header.SeriesDescription == series.description
        assert header.AccessionNumber.endswith(series.number) and header.StudyDate == series.date


def test_the_flash_lies_where_its_side_lies_and_keeps_160_mm(release):
    for series in find_release(release).series:
        if series.kind == FLASH:
            geometry = read_series(series.files(), series.side, 80).volume.geometry
            assert geometry.spacing_mm == pytest.approx((1.5, 5, 5))
            middle = geometry.affine @ (39.5, 15.5, 15.5, 1)
            assert (middle[0] > 0) == (series.side == "right")


def test_iw_and_mpr_show_the_knee_where_the_flash_shows_it_with_a_reference_image_before_the_mpr(release):
    for series in find_release(release).series:
        spacing = {"IW": 3.0, "MPR": 1.5}.get(sequence_of(series.description))
        if spacing:
            files = series.files()
            count = len(files) - (spacing == 1.5)
            volume = read_series(files, series.side, count).volume
            assert volume.geometry.spacing_mm == pytest.approx((spacing, 10, 10))
            middle = volume.geometry.affine @ ((count - 1) / 2, 6.5, 6.5, 1)
            assert abs(middle[1]) < 45 and abs(abs(middle[0]) - 90) < 30
            assert volume.voxels.mean() > 30


def test_film_and_mri_were_taken_on_different_days(release):
    dates = {(one.participant, one.kind): one.date for one in find_release(release).series}
    for person in {participant for participant, _ in dates}:
        assert dates[person, FILM] < dates[person, FLASH] == dates[person, OTHER]


def test_true_joint_boxes_lie_on_their_side_of_the_film(release):
    boxes = pd.read_csv(release / "film_boxes.csv", dtype={"participant": str})
    assert len(boxes) == 4
    for row in boxes.itertuples():
        middle = pydicom.dcmread(release / row.film, stop_before_pixels=True).Columns / 2
        assert ((row.x0 + row.x1) / 2 < middle) == (row.side == "right")


def test_the_readings_that_count_are_the_truth_for_every_knee_that_was_read(tmp_path):
    cohort = [draw_participant(5, index) for index in range(150)]
    text = readings_table((person, place(person).film.barcode) for person in cohort)
    (tmp_path / "kxr_sq_bu00.txt").write_text(text, newline="")
    readings = read_readings([tmp_path / "kxr_sq_bu00.txt"])
    rows = text.strip().split("\r\n")
    assert len(readings) == 300 and 320 < len(rows) - 1 < 400
    missing = 0
    for person in cohort:
        for side in ("right", "left"):
            grades = readings[person.participant, "00m", side].grades
            truth = {f"V00{name}": grade for name, grade in person.knee(side).grades.items()}
            missing += sum(grade is None for grade in grades.values())
            assert all(grade in (None, truth[name]) for name, grade in grades.items())
            assert grades["V00XRKL"] is not None
    assert 0.2 < missing / (300 * 19) < 0.7


def test_series_of_a_large_cohort_have_folders_of_their_own():
    cohort = [place(draw_participant(0, index)) for index in range(500)]
    folders = [where.folder(facts) for where in cohort for facts in where.series(others=True)]
    assert len(set(folders)) == 2500 and len({where.film.barcode for where in cohort}) == 500
    assert np.isclose(sum(where.release == "0.C.2" for where in cohort) / 500, 0.56, atol=0.08)


def test_a_dry_run_writes_nothing_and_tells_the_size(tmp_path):
    told = run(tmp_path / "oai", Phantom(participants=3, matrix=512), Execution(dry_run=True))
    assert told["status"] == "dry run" and told["files"] == 570 and told["bytes"] > 3 * 80 * 512 * 512 * 2
    assert not (tmp_path / "oai").exists()


def test_the_same_command_again_has_nothing_to_do(release):
    assert run(release, WITH_FIGURES, Execution(workers=1))["status"] == "already done"
    assert read_record(release).counts == {"participants": 2, "flash": 2, "films": 2}


def pixels(root: Path, kind: str) -> dict[str, bytes]:
    """Every file of one kind of series, by its place in the release."""
    series = [one for one in find_release(root).series if one.kind == kind]
    return {str(file.relative_to(root)): file.read_bytes() for one in series for file in one.files()}


def test_a_rescan_has_the_same_films_tables_and_places_and_other_flash(release, tmp_path):
    again = tmp_path / "again"
    run(again, replace(CONFIG, scan=1, labels=True), Execution(workers=1))
    assert pixels(again, FILM) == pixels(release, FILM)
    first, second = pixels(release, FLASH), pixels(again, FLASH)
    assert first.keys() == second.keys() and not set(first.values()) & set(second.values())
    tables = {name: content for name, content in images(release).items() if name.endswith((".txt", ".csv"))}
    assert len(tables) == 5 and tables.items() <= images(again).items()
    uids = [
        {pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID for file in root.glob("00m/*/*/*/*/*")}
        for root in (release, again)
    ]
    assert len(uids[0]) == len(uids[1]) == 383  # IW and MPR have as many slices in both
    assert len(uids[0] & uids[1]) == 2  # the films alone are the same

    codes = json.loads((again / "labels" / "codes.json").read_bytes())
    assert codes["signs"]["XROSFM"] == 1 and codes["labels"]["cartilage"] == 9 and "XRKL" not in codes["signs"]
    for index in range(2):
        person = draw_participant(0, index)
        stem = f"{person.participant}_00m_{person.imaged_side}"
        kinds = ("labels", "signs")
        tissue, signs = (read_volume(again / "labels" / f"{stem}_{kind}.nii.gz") for kind in kinds)
        assert tissue.voxels.shape == signs.voxels.shape == (80, 128, 128)
        assert tissue.geometry.affine == pytest.approx(signs.geometry.affine)
        names = {name for name, code in codes["signs"].items() if code in np.unique(signs.voxels)}
        assert names <= {name for name, grade in person.knee(person.imaged_side).grades.items() if grade}


def test_a_twin_has_the_same_films_tables_and_places_and_other_flash(release, tmp_path):
    again = tmp_path / "again"
    run(again, replace(CONFIG, twin=1), Execution(workers=1))
    assert pixels(again, FILM) == pixels(release, FILM)
    first, second = pixels(release, FLASH), pixels(again, FLASH)
    assert first.keys() == second.keys() and not set(first.values()) & set(second.values())
    tables = {name: content for name, content in images(release).items() if name.endswith((".txt", ".csv"))}
    assert len(tables) == 5 and tables.items() <= images(again).items()
    assert images(again).keys() == images(release).keys()
    uids = [
        {pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID for file in root.glob("00m/*/*/*/*/*")}
        for root in (release, again)
    ]
    assert len(uids[0] & uids[1]) == 2  # the films alone are the same


def test_figures_show_slices_and_films_and_say_what_is_met(drawn):
    release, result, said = drawn
    folder = release / "figures"
    names = ["film_crops.png", "film_statistics.png", "films.png", "flash.png", "targets.csv", "targets.png"]
    assert sorted(file.name for file in folder.iterdir()) == names
    with Image.open(folder / "flash.png") as sheet:
        assert np.asarray(sheet).std() > 20
    table = pd.read_csv(folder / "targets.csv")
    assert list(table["name"]) == [target["name"] for target in result["targets"]] and len(table) == 28 + 14 + 45
    told = [line for line in said.splitlines() if line.startswith(("pass", "FAIL", "too few"))]
    assert len(told) == len(table)
    assert [line.startswith("pass") for line in told] == list(table["met"])
    assert set(table["verdict"]) <= {"pass", "too few to judge"}  # of two people nothing can be said to fail
    assert f"{table['met'].sum()} of {len(table)} targets met by 2 participants" in said
