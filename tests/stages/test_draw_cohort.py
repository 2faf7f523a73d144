"""People drawn straight into a dataset: `python -m xrmri.stages.draw_cohort`."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from xrmri.data.store import open_dataset
from xrmri.facts.folders import TEMPLATE
from xrmri.making.cohort import detected_box
from xrmri.making.people import CohortPlan, numbers_of
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.film import Film
from xrmri.phantom.tables import as_read
from xrmri.storage.files import digest, sha256

BASE = [sys.executable, "-m", "xrmri.stages.draw_cohort", "--matrix", "128", "--size", "64", "--workers", "1"]


def draw(out, *more):
    clean = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run([*BASE, "-o", str(out), *more], env=clean, capture_output=True, text=True, check=False)


@pytest.mark.heavy  # test_gpu_model draws two such cohorts too
def test_both_knees_of_three_people_in_the_frame_of_a_dataset(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    assert draw(own, "--people", "3", "--seed", "4", "--shares", "0.34", "0.33", "0.33").returncode == 0
    said = draw(other, "--people", "3", "--seed", "5", "--shares", "1", "0", "0", "--frame", str(own))
    assert said.returncode == 0, said.stderr
    data = open_dataset(other)
    assert (len(data), data.index["participant"].nunique(), data.facts.frame) == (6, 3, "knee")
    assert sha256(own / TEMPLATE) == sha256(other / TEMPLATE)


def test_people_with_rare_signs_are_the_first_such_of_a_seed_and_others_are_known_by_the_digest_of_old():
    plan = CohortPlan(seed=90, count=6, matrix=128)
    rare = numbers_of(replace(plan, rare=True))
    assert rare == [number for number in range(rare[-1] + 1) if number in rare] and rare[-1] > 6
    for number in range(rare[-1] + 1):
        person = draw_participant(90, number)
        read = {name: grade for side in ("left", "right") for name, grade in as_read(person, side).items()
                if name[5:7] in ("CY", "AT", "CH")}  # fmt: skip
        worst = max((as_read(person, side).get(name, 0) for side in ("left", "right") for name in read), default=0)
        assert (worst > 0) == (number in rare)
    assert plan.digest == digest({"seed": 90, "count": 6, "matrix": 128, "in_shard": 16})
    assert plan.digest != replace(plan, rare=True).digest and numbers_of(plan) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("given", [("--people", "2"), ("--people", "3", "--matrix", "100")])
def test_what_cannot_be_drawn_is_one_line(tmp_path, given):
    said = draw(tmp_path / "out", *given)
    assert said.returncode == 2 and said.stderr.startswith("--people must be") and said.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_another_frame_than_the_one_that_was_begun_with_is_one_line(tmp_path):
    for name, content in {"out": b"one", "other": b"another"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / TEMPLATE).write_bytes(content)
    for frame, words in {"other": "lies in another frame than", "nowhere": f"has no {TEMPLATE}"}.items():
        said = draw(tmp_path / "out", "--people", "3", "--frame", str(tmp_path / frame))
        assert said.returncode == 2 and words in said.stderr and said.stderr.count("\n") == 1, said
    assert [file.name for file in (tmp_path / "out").iterdir()] == [TEMPLATE]


def test_boxes_are_off_as_the_detector_is_and_alike_on_both_sides():
    boxes = dict.fromkeys(("left", "right"), (0, 0, 500, 500))
    film = Film(pixels=np.zeros((4, 4), np.uint16), spacing_mm=0.2, joint_box=boxes)
    found = {side: [] for side in ("left", "right")}
    for number in range(300):
        for side, boxes in found.items():
            x0, y0, x1, y1 = detected_box(draw_participant(3, number), side, film)
            boxes.append(((x0 + x1) / 2 - 250, (y0 + y1) / 2 - 250, np.log((x1 - x0) / 500)))
    left, right = (np.array(boxes) * (0.2, 0.2, 1) for boxes in found.values())
    assert np.allclose(right.mean(axis=0), (0.3, -0.6, 0.04), atol=(0.25, 0.35, 0.01))
    assert np.allclose(left.mean(axis=0), (-0.3, -0.6, 0.04), atol=(0.25, 0.35, 0.01))
    assert np.allclose(right.std(axis=0), (1.2, 1.6, 0.04), rtol=0.15)
