import csv
import json

import h5py
import numpy as np
import pytest
from PIL import Image

from xrmri.config import DetectKnee, Execution
from xrmri.data.radiograph import crop_knee, read_radiograph
from xrmri.errors import InputError
from xrmri.records import KneeBox
from xrmri.stages import detect_knee


def squares(film):
    """In place of a network: knees are the bright squares of 60 pixels in each third of a film."""
    boxes = []
    for third in range(3):
        start = third * film.pixels.shape[1] // 3
        part = film.pixels[:, start : start + film.pixels.shape[1] // 3]
        if part.max() > 180:
            rows, columns = np.nonzero(part > 180)
            x0, y0 = float(columns.min() + start), float(rows.min())
            boxes.append((x0, y0, x0 + 60, y0 + 60))
    return boxes


@pytest.fixture(autouse=True)
def finder(monkeypatch):
    from xrmri.detector import sides

    def find(detector, film, *, min_score):
        return [KneeBox(side="", score=0.9, corners=corners) for corners in squares(film)]

    monkeypatch.setattr(sides, "find_knees", find)
    monkeypatch.setattr(sides, "with_fibula", lambda detector, film, boxes: boxes)
    monkeypatch.setattr(detect_knee, "_detector", lambda *_: None)


def film(file, *thirds, width=600):
    """A picture with a bright square in some of its thirds."""
    pixels = np.random.default_rng(1).integers(0, 90, (300, width)).astype(np.uint8)
    for third in thirds:
        x = third * width // 3 + 50
        pixels[100:160, x : x + 60] = 200
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


def run(films, out, *, execution=None, config=None, **given):
    return detect_knee.run(films, out, config or DetectKnee(), execution or Execution(), **given)


def rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_both_knees_of_a_film_become_crops_rows_and_pictures(tmp_path):
    file, out = film(tmp_path / "both.png", 0, 2), tmp_path / "knees"
    result = run([file], out)
    assert result == {"status": "finished", "output": str(out), "counts": {"films": 1, "knees": 2, "rejected": 0}}
    with h5py.File(out / "knees.h5") as content:
        assert content["crop"].shape == (2, 299, 299)
        assert content["crop"].dtype == np.uint16
        assert content["side"].asstr()[:].tolist() == ["right", "left"]
        assert content["box"][0].tolist() == [50, 100, 110, 160]
        crop, _ = crop_knee(read_radiograph(file), (50, 100, 110, 160), scale=1.3, pixels=299)
        assert np.array_equal(content["crop"][0], crop)
    found = [(row["source"], row["side"]) for row in rows(out / "knees.csv")]
    assert found == [(str(file), "right"), (str(file), "left")]
    assert rows(out / "rejected.csv") == []
    assert sorted(f.name for f in out.glob("*.png")) == ["both_left.png", "both_right.png"]
    assert json.loads((out / "run.json").read_bytes())["status"] == "finished"


def test_the_same_command_again_has_nothing_left_to_do(tmp_path):
    file, out = film(tmp_path / "both.png", 0, 2), tmp_path / "knees"
    run([file], out)
    assert run([file], out)["status"] == "already done"
    with pytest.raises(InputError, match="side"):
        run([file], out, side="left")


def test_the_same_films_twice_give_the_same_bytes(tmp_path):
    file = film(tmp_path / "both.png", 0, 2)
    for out in ("one", "two"):
        run([file], tmp_path / out)
    for name in ("knees.h5", "knees.csv", "both_left.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_one_knee_needs_a_side_and_takes_the_one_given(tmp_path):
    file = film(tmp_path / "one.png", 0)
    with pytest.raises(InputError, match="--side left or --side right"):
        run([file], tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    run([file], tmp_path / "knees", side="left")
    assert [row["side"] for row in rows(tmp_path / "knees" / "knees.csv")] == ["left"]


def test_a_bad_film_among_good_ones_is_a_row_of_rejected(tmp_path):
    folder = tmp_path / "films"
    film(folder / "a" / "both.png", 0, 2), film(folder / "b" / "both.png", 0, 2), film(folder / "none.png")
    (folder / "broken.png").write_bytes(b"not a picture")
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("not a film")
    result = run([folder], tmp_path / "knees")
    assert result["counts"] == {"films": 5, "knees": 4, "rejected": 3}
    reasons = {row["source"].rpartition("/")[2]: row["reason"] for row in rows(tmp_path / "knees" / "rejected.csv")}
    assert reasons["broken.png"].startswith("is not an image")
    assert reasons["empty.png"].startswith("is empty")
    assert "best score, 0.00, is below --min-score" in reasons["none.png"]
    assert [row["name"] for row in rows(tmp_path / "knees" / "knees.csv")] == [
        "a-both_right", "a-both_left", "b-both_right", "b-both_left",
    ]  # fmt: skip


def test_files_of_one_name_from_two_folders_keep_apart(tmp_path):
    files = [film(tmp_path / folder / "001.png", 0, 2) for folder in ("a", "b")]
    run(files, tmp_path / "knees")
    names = sorted(file.stem for file in (tmp_path / "knees").glob("*.png"))
    assert names == ["001-2_left", "001-2_right", "001_left", "001_right"]


def test_films_without_any_knee_end_the_run_and_say_where_the_reasons_are(tmp_path):
    files = [film(tmp_path / f"{name}.png") for name in "ab"]
    with pytest.raises(InputError, match=r"none of the 2 films .*rejected\.csv"):
        run(files, tmp_path / "knees")
    assert len(rows(tmp_path / "knees" / "rejected.csv")) == 2
    assert json.loads((tmp_path / "knees" / "run.json").read_bytes())["status"] == "failed"


BAD = [lambda file: None, lambda file: file.touch(), lambda file: file.write_text("text"), lambda file: file.mkdir()]


@pytest.mark.parametrize("make", BAD)
def test_a_single_film_that_cannot_be_read_leaves_nothing_behind(tmp_path, make):
    file = tmp_path / "film.png"
    make(file)
    with pytest.raises(InputError, match=r"film\.png") as caught:
        run([file], tmp_path / "knees")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "knees").exists()


def test_a_dry_run_counts_the_films_and_writes_nothing(tmp_path):
    file = film(tmp_path / "both.png", 0, 2)
    result = run([file], tmp_path / "knees", execution=Execution(dry_run=True))
    assert result == {"status": "dry run", "output": str(tmp_path / "knees"), "counts": {"films": 1}}
    assert not (tmp_path / "knees").exists()


def test_progress_counts_films(tmp_path):
    seen = []
    files = [film(tmp_path / f"{name}.png", 0, 2) for name in "ab"]
    run(files, tmp_path / "knees", execution=Execution(progress=lambda *step: seen.append(step[:3])))
    assert seen == [("detect-knee", 1, 2), ("detect-knee", 2, 2)]


def described(tmp_path, *thirds, knees, side=None):
    """A film and its description, as a release gives them."""
    from xrmri.cohorts.film_files import FilmFile

    one = FilmFile(file=film(tmp_path / "f.png", *thirds), name="f", knees=knees, side=side)
    return detect_knee._FilmJob(film=one, config=DetectKnee(), side=None, weights=None, trust=False, device="cpu",
                            overview=False)  # fmt: skip


def test_one_knee_of_two_promised_is_kept_in_its_half_and_the_other_is_named(tmp_path):
    found = detect_knee._look(described(tmp_path, 2, knees=2))
    assert [knee.box.side for knee in found.knees] == ["left"]
    assert [one.reason for one in found.rejected] == ["right knee not found: only the left one, score 0.90"]


def test_one_knee_in_the_middle_of_a_film_of_two_is_rejected(tmp_path):
    job = described(tmp_path, knees=2)
    pixels = np.zeros((300, 600), dtype=np.uint8)
    pixels[100:160, 280:340] = 200
    Image.fromarray(pixels).save(job.film.file)
    found = detect_knee._look(job)
    assert found.knees == ()
    assert "in the middle" in found.rejected[0].reason


def test_two_knees_where_one_is_promised_are_rejected(tmp_path):
    found = detect_knee._look(described(tmp_path, 0, 2, knees=1, side="left"))
    assert found.knees == ()
    assert "2 knees found" in found.rejected[0].reason


def test_a_description_that_contradicts_the_side_given_is_rejected(tmp_path):
    from dataclasses import replace

    found = detect_knee._look(replace(described(tmp_path, 0, knees=1, side="left"), side="right"))
    assert found.rejected[0].reason == "the description says left knee, --side says right"
    assert found.rejected[0].score is None


def test_a_score_stands_beside_the_reason(tmp_path):
    folder = tmp_path / "films"
    film(folder / "both.png", 0, 2), film(folder / "three.png", 0, 1, 2)
    run([folder], tmp_path / "knees")
    (row,) = rows(tmp_path / "knees" / "rejected.csv")
    assert (row["source"], row["score"]) == (str(folder / "three.png"), "0.9000")
    assert "3 knees found" in row["reason"]


def test_a_smallest_score_above_what_was_found_rejects_the_film(tmp_path):
    file = film(tmp_path / "both.png", 0, 2)
    with pytest.raises(InputError, match=r"best score, 0\.90, is below --min-score"):
        run([file], tmp_path / "knees", config=DetectKnee(min_score=0.95))


def test_an_overview_on_request_shows_boxes_of_films_used_and_rejected(tmp_path):
    films = [film(tmp_path / "both.png", 0, 2), film(tmp_path / "three.png", 0, 1, 2)]
    run(films, tmp_path / "plain")
    assert not (tmp_path / "plain" / "overview").exists()
    run(films, tmp_path / "knees", overview=True)
    pictures = {name: np.asarray(Image.open(tmp_path / "knees" / "overview" / f"{name}.png")) for name in
                ("both", "three")}  # fmt: skip
    green, red = (90, 220, 120), (255, 90, 70)
    for name, colour, other in (("both", green, red), ("three", red, green)):
        assert pictures[name].shape == (300, 600, 3)
        assert (pictures[name][130, 50] == colour).all()  # the left edge of the first box
        assert not (pictures[name] == other).all(axis=2).any()
