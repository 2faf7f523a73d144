"""A reader taught beforehand: by drawn films, by a release's readings, and by no table that does not fit."""

import csv
import io
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.stages.made_dataset import make_dataset
from xrmri.cohorts.known_films import read_known_films, split
from xrmri.config import Execution, TrainLdm, TrainVae
from xrmri.data.knees import DetectedKnee, write_knees
from xrmri.errors import InputError, StoppedEarly
from xrmri.facts.folders import read_model_facts
from xrmri.learning.anchor import edge_weights
from xrmri.making.films import known
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.bones import joint_gaps
from xrmri.records import KneeBox
from xrmri.stages import draw_films, train_ldm, train_vae

ON_CPU = Execution(device="cpu")
TAUGHT = TrainLdm.load(
    preset="tiny", anchor=True, anchor_steps=2, anchor_batch_size=2, reader_steps=30, reader_batch_size=8,
    reader_learning_rate=3e-3, validate_steps=10, anchor_folds=2, radiograph_grid="crop",
)  # fmt: skip


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """48 knees whose brightness is what is known of them, left ones with the bright side where it is on a left knee."""
    folder, numbers = tmp_path_factory.mktemp("films"), np.random.default_rng(0)
    bright = numbers.uniform(0.2, 0.8, 48)
    tilted = numbers.uniform(-0.2, 0.2, 48)
    ramp = np.linspace(-1, 1, 64)[None].repeat(64, axis=0)

    def knees():
        for number in range(48):
            side = ("right", "left")[number % 2]
            picture = bright[number] + tilted[number] * (ramp if side == "right" else -ramp)
            yield DetectedKnee(
                name=f"knee{number}",
                source=f"film{number // 2}",
                source_sha256=f"{number // 2 * 7919:064x}"[::-1],
                box=KneeBox(side=side, score=1.0, corners=(0.0, 0.0, 64.0, 64.0)),
                crop=np.rint(picture * 65535).astype(np.uint16),
                spacing_mm=(1.5, 1.5),
            )

    write_knees(folder, knees())
    lines = ["name,brightness,tilt,alike"]
    lines += [f"knee{n},{bright[n]:.4f},{'' if n % 5 == 0 else round(tilted[n], 4)},3" for n in range(48)]
    (folder / "known.csv").write_text("\n".join([*lines, "stranger,1,1,3"]) + "\n")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("taught")
    make_dataset(root / "dataset")
    train_vae.run(root / "dataset", root / "vae", TrainVae.load(preset="tiny"), ON_CPU)
    return root


def told(films, text):
    (films.parent / "other.csv").write_text(text)
    return read_known_films(films, films.parent / "other.csv")


def test_a_table_is_read_by_names_and_what_tells_nobody_apart_is_left_out(films):
    found = read_known_films(films, films / "known.csv")
    assert found.columns == ("brightness", "tilt") and found.known.shape == (48, 2) and len(found.rows) == 48
    assert np.isnan(found.known[::5, 1]).all() and np.isfinite(found.known[1:5]).all()
    assert np.nanmean(found.known, axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert np.nanstd(found.known, axis=0) == pytest.approx([1, 1], abs=1e-5)
    slopes = []
    for number in range(48):
        crop, width_mm = found.upright(number)
        slopes.append(crop[:, -8:].mean() - crop[:, :8].mean())
        assert width_mm == 96.0
    there = np.isfinite(found.known[:, 1])
    assert np.corrcoef(np.array(slopes)[there], found.known[there, 1])[0, 1] > 0.999  # left ones are mirrored
    assert len(set(found.films())) == 24


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name,grade\nknee0,two\nknee1,1\n", "line 2: grade must be a number or empty, not 'two'"),
        ("name,grade\nknee0,inf\nknee1,1\n", "line 2: grade must be a number"),
        ("name,grade\nknee0,1_0\nknee1,1\n", "line 2: grade must be a number"),
        ("name,grade\nknee0,1\nknee1,2\nknee0,3\n", "line 4: line 2 has this knee already: keep one of them"),
        ("name,grade\nknee0,1\nknee1,2,5\n", "line 3: 1 cells more than there are columns"),
        ("name,grade\nknee0,1\n\"knee1,2\n", "close its quotation marks"),
        ("name,grade\nnobody,1\n", "names 0 of the knees"),
        ("name\nknee0\nknee1\n", "needs a column name"),
        ("knee,grade\nknee0,1\nknee1,2\n", "needs a column name"),
        ("name,grade\nknee0,2\nknee1,2\n", "tells no two knees apart"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_line(films, text, line):
    with pytest.raises(InputError, match=line) as told_of:
        told(films, text)
    assert "\n" not in str(told_of.value)


def test_both_knees_of_a_film_teach_or_are_held_out():
    hashes = [f"{n // 2 * 104_729:08x}" for n in range(600)]
    taught, held_out = split(hashes)
    assert sorted(taught + held_out) == list(range(600)) and 20 <= len(held_out) <= 90
    assert not {hashes[n] for n in taught} & {hashes[n] for n in held_out}


def test_a_reader_learns_what_is_known_of_films_and_resumes_to_the_same_bytes(films, made, tmp_path):
    given = {"films": films, "film_table": films / "known.csv"}
    train_ldm.run(made / "dataset", made / "vae", tmp_path / "ldm", TAUGHT, execution=ON_CPU, **given)
    facts = read_model_facts(tmp_path / "ldm").anchor
    assert facts.films == 48 and facts.reader_r2 > 0.3
    seen = []

    def interrupt(step, done, total, note):
        if "reader" in step and done == 7 and not seen:
            seen.append(step)
            os.kill(os.getpid(), signal.SIGTERM)

    again = made / "dataset", made / "vae", tmp_path / "again"
    with pytest.raises(StoppedEarly):
        train_ldm.run(*again, TAUGHT, execution=Execution(device="cpu", progress=interrupt), **given)
    train_ldm.run(*again, TAUGHT, execution=ON_CPU, **given)
    file = "anchor/diffusion_pytorch_model.safetensors"
    assert seen and (tmp_path / "again" / file).read_bytes() == (tmp_path / "ldm" / file).read_bytes()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"films": True}, "need each other"),
        ({"film_table": True}, "need each other"),
        ({"films": True, "film_table": True, "anchor": False}, "set anchor = true"),
    ],
)
def test_films_without_their_table_or_an_anchor_are_refused(films, made, tmp_path, given, line):
    config = replace(TAUGHT, anchor=given.get("anchor", True))
    there = {"films": films, "film_table": films / "known.csv"}
    paths = {name: file if name in given else None for name, file in there.items()}
    with pytest.raises(InputError, match=line):
        train_ldm.run(made / "dataset", made / "vae", tmp_path / "ldm", config, execution=ON_CPU, **paths)
    assert not (tmp_path / "ldm").exists()


def test_drawn_films_come_with_the_truth_and_are_drawn_once(tmp_path, monkeypatch):
    given = ["-o", str(tmp_path / "knees"), "--people", "2", "--seed", "5", "--workers", "1"]
    monkeypatch.setattr("sys.argv", ["draw_films", *given])
    assert draw_films.main() == 0
    found = read_known_films(tmp_path / "knees", tmp_path / "knees" / "known.csv")
    assert len(found.rows) == 4 and not (tmp_path / "knees" / "cache").exists()
    rows = list(csv.DictReader(io.StringIO((tmp_path / "knees" / "known.csv").read_text(encoding="utf-8"))))
    person = draw_participant(5, 1)
    gaps = joint_gaps(person.left)
    own = next(row for row in rows if row["name"] == f"{person.participant}_V00_left")
    assert float(own["space_medial_mm"]) == pytest.approx(gaps.medial_mm * person.left.shape.size, abs=1e-3)
    assert int(own["XRKL"]) == person.left.grades["XRKL"] and set(own) - {"name"} == set(known(person, "left"))
    before = (tmp_path / "knees" / "knees.h5").stat().st_mtime_ns
    assert draw_films.main() == 0 and (tmp_path / "knees" / "knees.h5").stat().st_mtime_ns == before


def test_an_error_counts_more_where_the_mean_knee_changes_from_row_to_row():
    mean = torch.zeros(5, 32, 32)
    mean[:, 16:] = 1.0
    weights = edge_weights(mean, 12.0)
    assert weights.mean() == pytest.approx(1, abs=1e-5) and weights.shape == mean.shape
    assert weights[2, 16, 8] / weights[2, 2, 8] == pytest.approx(13, rel=0.05)
    assert torch.equal(edge_weights(mean, 0.0), torch.ones_like(mean))
    assert torch.equal(edge_weights(torch.zeros(5, 32, 32), 12.0), torch.ones_like(mean))
