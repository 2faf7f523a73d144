"""Twins are the ceiling: a cheat that returns one reaches all of it, and the mean volume nothing of R2."""

import json

import numpy as np
import pytest

from tests.stages.made_cohort import TEST, TRAIN, anatomy, generate, pair_id, write_cohort
from xrmri.config import Evaluate, Execution
from xrmri.errors import InconsistentError
from xrmri.evaluation.inputs import Inputs, open_inputs
from xrmri.stages import evaluate

QUICK = Evaluate(bootstrap=100, quick=True)
ALONE = Execution(workers=1)


def twin_of(number, which=1):
    """Half of a knee, and half of somebody else: another knee that has something in common with it."""
    return ((anatomy(number).astype(int) + anatomy(1000 * which + number)) // 2).astype(np.uint16)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A dataset, and two twins of it."""
    base = tmp_path_factory.mktemp("twins")
    write_cohort(base / "dataset")
    for which in (1, 2):
        write_cohort(base / f"twin{which}", lambda number, which=which: twin_of(number, which))
    return base


def evaluated(cohort, out, voxels_of, twins=(1, 2)):
    for number in TEST:
        generate(out / "volumes", number, voxels_of(number))
    folders = tuple(cohort / f"twin{which}" for which in twins)
    inputs = Inputs(volumes=out / "volumes", dataset=cohort / "dataset", twins=folders)
    told = evaluate.run(inputs, out / "evaluation", QUICK, ALONE)
    return told, json.loads((out / "evaluation" / "summary.json").read_text())


def test_a_cheat_that_returns_the_twin_reaches_all_of_the_ceiling(cohort, tmp_path):
    told, summary = evaluated(cohort, tmp_path, twin_of, twins=(1,))
    for region in ("whole", "joint"):
        found = summary["fidelity"][region]
        assert found["share_of_ceiling"]["value"] == pytest.approx(1, abs=0.01)
        ours, twins = (found["sources"][name]["r2"]["value"] for name in ("generated", "twin"))
        assert ours == pytest.approx(twins, abs=0.01)
    assert "Share of the ceiling: 100 % (95 % interval 100 to 100 %)" in told["conclusion"]
    for metric, share in summary["share_of_ceiling"].items():
        assert share["twin"]["value"] == pytest.approx(1, abs=0.02), metric
    for found in summary["recognition"].values():
        assert found["share_of_ceiling"]["twin"] == 1
    assert "it needs --twin twice" in summary["skipped_baselines"]["mean_of_twins"]


def test_the_mean_volume_reaches_nothing_of_r2_and_every_verdict_says_so(cohort, tmp_path):
    mean = np.mean([anatomy(number) for number in TRAIN], axis=0)
    told, summary = evaluated(cohort, tmp_path, lambda number: np.rint(mean).astype(np.uint16))
    for region in ("whole", "joint"):
        found = summary["fidelity"][region]
        assert found["sources"]["generated"]["r2"]["value"] == pytest.approx(0, abs=1e-3)
        assert found["sources"]["mean_volume"]["r2"]["value"] == 0
        assert found["share_of_ceiling"]["value"] == pytest.approx(0, abs=0.02)
    assert "Share of the ceiling: " in told["conclusion"]
    shares = [line for line in summary["verdicts"] if "Share of the ceiling" in line]
    # The conclusion, two regions, three ways to recognise, and five measures of likeness.
    assert len(shares) == 11


def test_twins_stand_in_every_table_and_their_mean_is_above_one_of_them(cohort, tmp_path):
    _, summary = evaluated(cohort, tmp_path, anatomy)
    for metric in summary["metrics"]:
        assert {"twin", "mean_of_twins"} <= summary[metric].keys()
    assert summary["r2"]["mean_of_twins"]["median"] > summary["r2"]["twin"]["median"]
    assert summary["fidelity"]["whole"]["sources"]["mean_of_twins"]["r2"]["value"] < 1
    assert summary["differences"]["psnr"]["twin"]["verdict"] == "better"


def test_figures_of_the_summary_are_those_of_the_definition(cohort, tmp_path):
    _, summary = evaluated(cohort, tmp_path, twin_of)
    mean = np.mean([anatomy(number) / 1000 for number in TRAIN], axis=0)
    ours, theirs = (np.stack([of(number) / 1000 - mean for number in TEST]) for of in (twin_of, anatomy))
    found = summary["fidelity"]["whole"]["sources"]["generated"]
    assert found["r2"]["value"] == pytest.approx(1 - ((theirs - ours) ** 2).sum() / (theirs**2).sum(), abs=2e-3)
    assert found["slope"]["value"] == pytest.approx((ours * theirs).sum() / (ours**2).sum(), abs=2e-3)
    each = 1 - ((theirs - ours) ** 2).sum(axis=(1, 2, 3)) / (theirs**2).sum(axis=(1, 2, 3))
    assert summary["r2"]["generated"]["median"] == pytest.approx(np.median(each), abs=2e-3)


@pytest.mark.parametrize(
    ("twin", "told"),
    [
        ({"numbers": [90, 91]}, "has none of the pairs that are evaluated"),
        ({"volume_of": anatomy}, "is no twin: its volume of 9000000_V00_L is the very same"),
    ],
)
def test_a_dataset_that_is_no_twin_is_told_in_one_line(cohort, tmp_path, twin, told):
    write_cohort(tmp_path / "other", **twin)
    generate(tmp_path / "volumes", 0, anatomy(0))
    inputs = Inputs(volumes=tmp_path / "volumes", dataset=cohort / "dataset", twins=(tmp_path / "other",))
    with pytest.raises(InconsistentError, match=told) as error:
        evaluate.run(inputs, tmp_path / "evaluation", QUICK, ALONE)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "evaluation").exists()


def test_a_pair_without_a_twin_keeps_its_row_and_the_others_keep_their_ceiling(cohort, tmp_path, caplog):
    write_cohort(tmp_path / "fewer", twin_of, numbers=[*TEST][1:])
    for number in TEST:
        generate(tmp_path / "volumes", number, anatomy(number))
    inputs = Inputs(volumes=tmp_path / "volumes", dataset=cohort / "dataset", twins=(tmp_path / "fewer",))
    evaluate.run(inputs, tmp_path / "evaluation", QUICK, ALONE)
    summary = json.loads((tmp_path / "evaluation" / "summary.json").read_text())
    assert (summary["psnr"]["twin"]["volumes"], summary["psnr"]["generated"]["volumes"]) == (6, 7)
    assert f"lacks 1 of 7 pairs, {pair_id(0)} first" in caplog.text


def test_baselines_come_from_the_training_split_that_is_named(cohort, tmp_path):
    """Another cohort is evaluated against the people a model learnt from, never against those it is shown."""
    for number in TEST:
        generate(tmp_path / "volumes", number, twin_of(number))
    write_cohort(tmp_path / "other", lambda number: anatomy(500 + number))
    for name, training in (("own", None), ("given", tmp_path / "other")):
        inputs = Inputs(volumes=tmp_path / "volumes", dataset=cohort / "dataset", training=training)
        evaluate.run(inputs, tmp_path / name, QUICK, ALONE)
    own, given = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("own", "given"))
    assert given["dataset"]["training_pairs"] == len(TRAIN)
    assert own["psnr"]["generated"] == given["psnr"]["generated"]
    assert own["psnr"]["mean_volume"]["median"] != given["psnr"]["mean_volume"]["median"]


def test_people_who_are_evaluated_make_no_baseline(cohort, tmp_path):
    for number in TRAIN[:1]:
        generate(tmp_path / "volumes", number, twin_of(number))
    inputs = Inputs(volumes=tmp_path / "volumes", dataset=cohort / "dataset", training=cohort / "dataset")
    assert pair_id(TRAIN[0]) not in open_inputs(inputs).training_pairs
