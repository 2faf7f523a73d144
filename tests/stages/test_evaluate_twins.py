"""Twins are the ceiling: a cheat that returns one reaches all of it, and the mean volume nothing of R2."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.stages.made_cohort import TEST, TRAIN, anatomy, generate, pair_id, write_cohort
from xrmri.config import Evaluate, Execution
from xrmri.errors import InconsistentError
from xrmri.evaluation.agreement import SIZES, agreement
from xrmri.evaluation.ceiling_words import likeness_share, no_ceilings
from xrmri.evaluation.inputs import Inputs, open_inputs
from xrmri.evaluation.recognition import _share
from xrmri.evaluation.result import summary_of
from xrmri.evaluation.shares import MEANT, shares_of_ceiling
from xrmri.evaluation.verdicts import verdicts
from xrmri.metrics.table import LIKENESS
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
    return told, json.loads((out / "evaluation" / "summary.json").read_bytes())


@pytest.fixture(scope="module")
def perfect(cohort, tmp_path_factory):
    """What evaluate says of volumes that are the twin itself."""
    return evaluated(cohort, tmp_path_factory.mktemp("perfect"), twin_of, twins=(1,))


def test_a_cheat_that_returns_the_twin_reaches_all_of_the_ceiling(perfect):
    told, summary = perfect
    for region in ("whole", "joint"):
        found = summary["fidelity"][region]
        assert found["share_of_ceiling"]["value"] == pytest.approx(1, abs=0.01)
        ours, twins = (found["sources"][name]["r2"]["value"] for name in ("generated", "twin"))
        assert ours == pytest.approx(twins, abs=0.01)
    said = "the generated volumes follow the radiograph, and may tell all of a knee that a film can."
    assert told["conclusion"].startswith(f"Share of the ceiling: 100 % (95 % interval 100 to 100 %): {said}")
    assert "A ridge regression on the film's thumbnail and the readings has " in told["conclusion"]
    assert "not shown" not in told["conclusion"]
    for metric, share in summary["share_of_ceiling"].items():
        assert share["twin"]["value"] == pytest.approx(1, abs=0.02), metric
    for found in summary["recognition"].values():
        share = found["share_of_ceiling"]["twin"]
        assert share == {"value": 1, "interval": [1, 1], "participants": 7}
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
    # And the swapped radiograph.
    assert len(shares) == 12


@pytest.mark.parametrize(
    ("value", "interval", "said"),
    [
        (0.4, (0.2, 0.7), "follow the radiograph, and tell less of a knee than a film can"),
        (0.9, (0.6, 1.1), "follow the radiograph, and may tell all of a knee that a film can"),
        (0.2, (-0.1, 0.4), "have not shown that they follow the radiograph"),
    ],
)
def test_the_first_sentence_judges_by_the_share_of_the_ceiling_and_its_interval(perfect, value, interval, said):
    summary = json.loads(json.dumps(perfect[1]))
    share = {"value": value, "interval": interval, "participants": 7}
    summary["fidelity"]["whole"]["share_of_ceiling"] = share
    low, high = (100 * bound for bound in interval)
    told = f"Share of the ceiling: {100 * value:.0f} % (95 % interval {low:.0f} to {high:.0f} %)"
    assert verdicts(summary_of(summary))[0].startswith(f"{told}: the generated volumes {said}.")
    few = summary | {"fidelity": summary["fidelity"] | {"whole": summary["fidelity"]["whole"] | {
        "share_of_ceiling": share | {"participants": 5}}}}  # fmt: skip
    assert not verdicts(summary_of(few))[0].startswith("Share of the ceiling")


def test_volumes_that_differ_little_are_called_alike_only_where_they_do_not_follow(perfect):
    summary = json.loads(json.dumps(perfect[1]))
    summary["audit"]["diversity"]["ratio"] = 0.1
    assert "one and the same" not in verdicts(summary_of(summary))[0]
    summary["fidelity"]["whole"]["share_of_ceiling"]["interval"] = [-0.1, 0.1]
    assert "one and the same" in verdicts(summary_of(summary))[0]


def test_a_share_of_recognition_and_its_interval_are_over_participants():
    generated, twin = np.array([1, 0, 0, 1.0]), np.array([1, 1, 0, np.nan])
    names = ["a", "a", "b", "c"]
    found = _share(generated - 0.25, twin - 0.25, names, Evaluate(bootstrap=4000))
    by_person = np.array([[0.25, 0.75], [-0.25, -0.25]])
    assert found["participants"] == 2
    assert found["value"] == pytest.approx(by_person[:, 0].mean() / by_person[:, 1].mean())
    # Of two people drawn again only three cohorts can come, and one of them has nothing to share.
    assert found["interval"] == pytest.approx((0, 1 / 3))
    assert _share(generated, np.zeros(4), names, Evaluate()) is None
    assert _share(generated[:1], generated[:1], names[:1], Evaluate())["interval"] is None


def test_a_ceiling_under_the_mean_volume_is_none():
    people = pd.DataFrame({"participant": list("abc")})
    tables = {
        name: people.assign(**{metric: np.array(values, float) for metric in MEANT})
        for name, values in {
            "generated": [2, 3, 4], "wrong_patient": [1, 1, 1], "mean_volume": [2, 5, 5],
            "twin": [2, 3, 4], "mean_of_twins": [5, 6, 7],
        }.items()
    }  # fmt: skip
    found = shares_of_ceiling(tables, QUICK)
    assert found["psnr"].keys() == {"mean_of_twins"}
    assert found["psnr"]["mean_of_twins"]["value"] == pytest.approx(2 / 5)
    medians = {name: {"median": np.median(table["psnr"])} for name, table in tables.items()}
    assert "none by this measure" in likeness_share({"psnr": medians}, {}, "psnr")
    lines = no_ceilings(dict.fromkeys(LIKENESS, medians))
    assert len(lines) == 1 and lines[0].endswith("the twin lies under the mean volume: no ceiling there.")


def test_agreement_has_intervals_from_drawing_participants_again():
    generator = np.random.default_rng(0)
    acquired = generator.normal(5, 1, 30)
    ours = acquired + generator.normal(0.3, 0.5, 30)
    people = pd.DataFrame({"participant": [f"{number:02}" for number in range(30)]})
    sizes = {"acquired": acquired, "generated": ours}
    tables = {name: people.assign(**dict.fromkeys(SIZES, values)) for name, values in sizes.items()}
    found = agreement(tables, Evaluate(bootstrap=4000))[SIZES[0]]["generated"]
    less = ours - acquired
    spread = 1.96 * less.std(ddof=1)
    assert found["bias"] == pytest.approx(less.mean())
    assert found["correlation"] == pytest.approx(np.corrcoef(ours, acquired)[0, 1])
    assert found["limits"] == pytest.approx((less.mean() - spread, less.mean() + spread))
    low, high = found["intervals"]["bias"]
    error = spread / np.sqrt(30)
    assert (low, high) == pytest.approx((less.mean() - error, less.mean() + error), abs=0.02)
    fisher = np.tanh(np.arctanh(found["correlation"]) + np.array([-1.96, 1.96]) / np.sqrt(27))
    assert found["intervals"]["correlation"] == pytest.approx(fisher, abs=0.05)
    assert found["intervals"]["lower_limit"][0] < found["limits"][0] < found["intervals"]["lower_limit"][1]
    same = {name: table.assign(**dict.fromkeys(SIZES, 1.0)) for name, table in tables.items()}
    alike = agreement(same, QUICK)[SIZES[0]]["generated"]
    assert alike["correlation"] is None and alike["intervals"]["correlation"] is None


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


def test_a_dataset_is_no_second_scan_of_itself(cohort, tmp_path):
    generate(tmp_path / "volumes", TEST[0], anatomy(TEST[0]))
    inputs = Inputs(volumes=tmp_path / "volumes", dataset=cohort / "dataset", rescan=cohort / "dataset")
    with pytest.raises(InconsistentError, match="dataset is no second scan: its volume of .* is the very same"):
        open_inputs(inputs)
    assert open_inputs(replace(inputs, rescan=cohort / "twin1")).rescans == {}


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
    summary = json.loads((tmp_path / "evaluation" / "summary.json").read_bytes())
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
    own, given = (json.loads((tmp_path / name / "summary.json").read_bytes()) for name in ("own", "given"))
    assert given["dataset"]["training_pairs"] == len(TRAIN)
    assert own["psnr"]["generated"] == given["psnr"]["generated"]
    assert own["psnr"]["mean_volume"]["median"] != given["psnr"]["mean_volume"]["median"]


def test_people_who_are_evaluated_make_no_baseline(cohort, tmp_path):
    for number in TRAIN[:1]:
        generate(tmp_path / "volumes", number, twin_of(number))
    inputs = Inputs(volumes=tmp_path / "volumes", dataset=cohort / "dataset", training=cohort / "dataset")
    assert pair_id(TRAIN[0]) not in open_inputs(inputs).training_pairs
