"""Training and generate see the same knee: y and r to the same bits, whatever the side, the grid and the way in."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.made_facts import MODEL_FACTS, record_dataset
from xrmri.data.covariates import COVARIATES
from xrmri.data.radiograph import mirrored, windowed
from xrmri.data.slices import index_slices, radiograph_image, training_view
from xrmri.data.store import StoredPair, new_shard, open_dataset, write_index
from xrmri.generation.case import case_of_pair, case_of_radiograph
from xrmri.generation.inputs import GenerateInputs
from xrmri.generation.model import ModelFolder
from xrmri.learning.batches import features_of

SIZE, GRADES = 32, {"V00XRKL": 3, "V00XROSFM": 1}
PERSON = {"age": 71, "sex": "female", "bmi": 31.2}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A dataset of a right and a left knee, and the film crops that they were made of."""
    folder = tmp_path_factory.mktemp("cohort")
    (folder / "dataset").mkdir()
    rows = []
    with new_shard(folder / "dataset" / "pairs-1.h5", slices=2, size=SIZE, features="full") as shard:
        for side in ("right", "left"):
            film = np.random.default_rng(len(side)).integers(0, 4096, (SIZE, SIZE)).astype(np.uint16)
            Image.fromarray(film).save(folder / f"{side}.png")
            crop = windowed(film)
            pair = StoredPair(
                pair_id=side,
                mri=np.ones((2, SIZE, SIZE), np.uint16),
                radiograph=mirrored(crop) if side == "left" else crop,
                grades=GRADES,
                covariates=PERSON,
                affine=np.eye(4),
                window=(0.0, 1.0),
            )
            row = shard.append(pair)
            rows.append({"pair_id": side, "participant": side, "visit": "V00", "side": side, "split": "train",
                         "shard": "pairs-1.h5", "row": row, "kl": 3})  # fmt: skip
    write_index(folder / "dataset" / "index.csv", rows)
    record_dataset(folder / "dataset", slices=2, size=SIZE)
    (folder / "grades.json").write_text(json.dumps(GRADES | PERSON))
    return folder


@pytest.mark.parametrize("grid", ["crop", "slice"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_training_a_cohort_and_a_persons_crop_show_the_same_bits(cohort, side, grid):
    dataset = open_dataset(cohort / "dataset")
    training = training_view(dataset, grid)
    split = index_slices(dataset, "train")
    y = radiograph_image(dataset, side, training).numpy()
    r = features_of(split, training)[split.pairs.index(side)]
    model = ModelFolder(folder=cohort, bundled=False, facts=replace(MODEL_FACTS, radiograph_grid=grid))
    inputs = GenerateInputs(features=cohort / "grades.json", side=side)
    own = case_of_radiograph(cohort / f"{side}.png", inputs, inputs.grades(model.features), model.view)
    for case in (case_of_pair(dataset, side, {}, model.view), own):
        seen = case.seen(model.view)
        assert seen.y.dtype == y.dtype == np.float32 and np.array_equal(seen.y, y)
        assert seen.r.dtype == r.dtype == np.float32 and np.array_equal(seen.r, r)
        assert (case.side, seen.r.sum()) == (side, 2)
    assert y.std() > 0.1


def test_a_model_that_is_told_age_sex_and_bmi_sees_the_same_bits_on_every_way_in(cohort):
    dataset = open_dataset(cohort / "dataset")
    training = training_view(dataset, "crop", covariates=True)
    split = index_slices(dataset, "train")
    r = features_of(split, training)[split.pairs.index("left")]
    model = ModelFolder(folder=cohort, bundled=False, facts=replace(MODEL_FACTS, covariates=COVARIATES))
    inputs = GenerateInputs(features=cohort / "grades.json", side="left")
    known = {"grades": inputs.grades(model.features), "covariates": inputs.covariates(), "view": model.view}
    own = case_of_radiograph(cohort / "left.png", inputs, **known)
    for case in (case_of_pair(dataset, "left", {}, model.view), own):
        assert case.covariates == PERSON and np.array_equal(case.seen(model.view).r, r)
    assert r.shape == (training.slots,) == (71,) and r[65:].tolist() == pytest.approx([1, 1, 1, 0, 0.54, 1])
    other = case_of_pair(dataset, "left", {}, model.view, covariates={"sex": "male", "bmi": None})
    assert other.seen(model.view).r[65:].tolist() == [1, 1, 0, 1, 0, 0]


def test_what_goes_out_is_turned_once_and_only_for_a_left_knee(cohort):
    dataset = open_dataset(cohort / "dataset")
    view = training_view(dataset, "crop")
    for side in ("right", "left"):
        case = case_of_pair(dataset, side, {}, view)
        film = np.asarray(Image.open(cohort / f"{side}.png")).astype(np.uint16)
        assert np.array_equal(np.rint((case.on_film(SIZE) + 1) * 32767.5), windowed(film))
